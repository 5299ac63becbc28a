#!/usr/bin/env node
import { runCli } from './program.js';

// Not by itself: a channel to a parent process would keep a node's process alive.
process.exit(await runCli(process.argv.slice(2)));
