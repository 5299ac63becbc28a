import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ExitCode } from '../exit.js';

/** Adds a subcommand. Its action sets by `finish` the exit status; 0 unless set. */
export type AddCommand = (program: Command, finish: (code: ExitCode) => void) => void;

export const defaultDirectory = '.concordat';
export const defaultClusterFile = `${defaultDirectory}/cluster.json`;
export const defaultClientFile = `${defaultDirectory}/nodes/alice.json`;

/** For commands that find the cluster file by the client's: other commands take it, so people try. */
export function noClusterOption(): Option {
  return new Option('-c, --cluster <file>').hideHelp().argParser((): never => {
    throw new InvalidArgumentError(
      'This command finds the cluster file by the client’s private file: use --client FILE.',
    );
  });
}
