import type { Command } from 'commander';
import type { ExitCode } from '../exit.js';

/** Adds a subcommand. Its action sets by `finish` the exit status; 0 unless set. */
export type AddCommand = (program: Command, finish: (code: ExitCode) => void) => void;

export const defaultDirectory = '.concordat';
export const defaultClusterFile = `${defaultDirectory}/cluster.json`;
export const defaultClientFile = `${defaultDirectory}/nodes/alice.json`;
