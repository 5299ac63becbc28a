import { CommanderError } from 'commander';
import { ConfigError } from '../kernel/config/config-error.js';
import { EnrollmentError } from '../kernel/enrollment/enrollment-error.js';
import { ConcordatError, type NoData, noData } from '../kernel/error.js';
import { StoreDamagedError, StoreFormatError } from '../kernel/store/mark.js';

/** What the command's exit status says. */
export const exitCodes = {
  ok: 0,
  /** A clear no: the transfer was aborted or refused, the proof is invalid, a node is down. */
  failed: 1,
  /** The command line or a configuration file is wrong, or a later version wrote the store; nothing was done. */
  usage: 2,
  /** Too few nodes answered; what was asked for may or may not have been done. */
  unreachable: 3,
  /** A fault of the program or of this machine. */
  internal: 4,
  /** The node cannot write its log, and its file says that it must not run without. */
  logLost: 5,
  /** The node's store is not what it wrote. A restart does not help. */
  damaged: 6,
} as const;

/** One of `exitCodes`. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeHelp = `
Exit status:
  0  done
  1  a clear no: transfer or operation aborted or refused, proof or enrollment invalid, a node down
  2  wrong command line or configuration, or a store of a later version;
     nothing was done
  3  too few nodes answered; a transfer or operation may or may not have been made
  4  a fault of this program or machine
  5  the log cannot be written, and the node may not run without it
  6  the node's store is damaged; a restart does not help`;

/**
 * Ends the command with this message, one line that says what to do, and this exit status.
 *
 * @example
 * ```ts
 * import { CliError, LocalCluster } from 'concordat';
 *
 * const cluster = await LocalCluster.start({ directory: '.concordat' }).catch((error: unknown) => {
 *   if (error instanceof CliError) console.error(`${error.code}: ${error.message}`);
 *   throw error;
 * });
 * await cluster.stop();
 * ```
 */
export class CliError extends ConcordatError<CliErrorCode, NoData> {
  override readonly name = 'CliError';
  readonly data = noData;

  constructor(
    readonly code: CliErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Names of `exitCodes`. */
export type CliErrorCode = 'failed' | 'usage' | 'unreachable' | 'internal';

export function usageError(message: string): CliError {
  return new CliError('usage', message);
}

/** Writes an error to standard error, with its stack only where that was asked for. */
export function reportError(error: unknown, verbose: boolean): ExitCode {
  // Commander has written its own message.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  const { exitCode, message } = describe(error);
  console.error(`concordat: ${message}`);
  if (verbose && error instanceof Error) console.error(error);
  return exitCode;
}

function describe(error: unknown): { exitCode: ExitCode; message: string } {
  if (error instanceof CliError) return { exitCode: exitCodes[error.code], message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  // The node did not start; another version of the program is needed.
  if (error instanceof StoreFormatError) return { exitCode: exitCodes.usage, message };
  // A request, an approval or a record that is not taken: a clear no.
  if (error instanceof EnrollmentError) return { exitCode: exitCodes.failed, message };
  if (error instanceof ConfigError) return { exitCode: exitCodes.usage, message };
  if (error instanceof StoreDamagedError) return { exitCode: exitCodes.damaged, message };
  const unusable = unusablePath(error);
  if (unusable !== undefined) return { exitCode: exitCodes.usage, message: unusable };
  return {
    exitCode: exitCodes.internal,
    message: `${message} (--verbose tells more)`,
  };
}

/** A path on the command line, or in a file, that cannot be what it has to be. */
function unusablePath(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && 'path' in error)) return undefined;
  const what = unusable[String(error.code)];
  return what && `${error.path}: ${what}`;
}

const unusable: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory; correct the path',
  ENOTDIR: 'a file stands where a directory has to be; name a directory',
  EISDIR: 'a directory stands where a file has to be; name a file',
  EACCES: 'this user may not read or write it; change its rights or the user',
  EPERM: 'this user may not read or write it; change its rights or the user',
  EROFS: 'the file system is read-only; name a path elsewhere',
};
