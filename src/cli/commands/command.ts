import type { Command } from 'commander';
import type { ExitCode } from '../exit.js';

/** Adds a subcommand. Its action tells by `finish` what status to exit with; 0 unless told. */
export type AddCommand = (program: Command, finish: (code: ExitCode) => void) => void;

export const defaultDirectory = '.concordat';
export const defaultClusterFile = `${defaultDirectory}/cluster.json`;
export const defaultClientFile = `${defaultDirectory}/nodes/alice.json`;
