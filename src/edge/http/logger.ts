import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../../core/effects.js';

export type { Logger } from 'pino';

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
