import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../core.js';
import { LogOutput, unblocked } from './log-output.js';

export type { Logger } from 'pino';

const outputs = new WeakMap<Logger, LogOutput>();

/** What a node says about its own log, where something is wrong with it. */
export function logHealth(log: Logger): { logFailure?: string; logDropped?: number } {
  const { failure, dropped = 0 } = outputs.get(log) ?? {};
  return {
    ...(failure !== undefined && { logFailure: failure }),
    ...(dropped > 0 && { logDropped: dropped }),
  };
}

/** Fields that never reach a log, whatever is logged. */
const secrets = ['privateKey', 'statementKey', 'authorization', 'password'];

/**
 * The log of one node: JSON lines on standard output, each with the node's name.
 * `destination` takes the lines elsewhere.
 */
export function createLogger(
  options: { readonly name: string; readonly level: LogLevel | 'silent' },
  destination?: DestinationStream,
): Logger {
  const settings = {
    level: options.level,
    base: { node: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secrets.flatMap((field) => [field, `*.${field}`]), remove: true },
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
}

export interface OpenLog {
  readonly log: Logger;
  readonly output: LogOutput;
}

/**
 * The log of a node of its own process, on this descriptor. A log that cannot be written holds nothing up:
 * the process says so on standard error, and calls `onFailure` with the error's code, or with `undefined`
 * once it can be written again.
 */
export function openLog(
  options: { readonly name: string; readonly level: LogLevel | 'silent' },
  onFailure: (code: string | undefined) => void,
  { out = 1, err = 2 }: { readonly out?: number; readonly err?: number } = {},
): OpenLog {
  const complaints = new LogOutput({ fd: unblocked(err), gapLine: () => '' });
  const output: LogOutput = new LogOutput({
    fd: unblocked(out),
    gapLine: (dropped) => gapLine(options.name, dropped),
    onChange: (code) => {
      const what =
        code === undefined
          ? `the log is written again; ${output.dropped} lines were dropped in all`
          : `the log cannot be written (${code}); lines are dropped`;
      complaints.write(`concordat: ${options.name}: ${what}\n`);
      onFailure(code);
    },
  });
  const log = createLogger(options, output);
  outputs.set(log, output);
  return { log, output };
}

function gapLine(node: string, dropped: number): string {
  const time = new Date().toISOString();
  return `${JSON.stringify({ level: 'warn', time, node, dropped, msg: 'log-lines-dropped' })}\n`;
}
