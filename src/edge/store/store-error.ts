import type { Damage } from './ledger.js';

/** The store cannot be opened. The message says what to do. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/** The store is not what was written to it. No node may start or go on with it. */
export class StoreDamagedError extends StoreError {
  override readonly name = 'StoreDamagedError';

  constructor(
    message: string,
    readonly damages: readonly Damage[],
  ) {
    super(message);
  }
}

/** Damages that a message names; "concordat check" names them all. */
const namedMax = 3;

export function damaged(directory: string, damages: readonly Damage[]): StoreDamagedError {
  const named = damages
    .slice(0, namedMax)
    .map(({ key, what }) => `${JSON.stringify(key)}: ${what}`);
  const more = damages.length > namedMax ? [`and ${damages.length - namedMax} more`] : [];
  const message =
    `the store in ${directory} is damaged (${[...named, ...more].join('; ')}). ` +
    `Treat it as a lost disk: move ${directory} and ${directory}.mark away. A coordinator then ` +
    'starts with an empty store; a bank or a front door must not, and needs its newest backup of both, ' +
    'or, where what it held is gone for good, "concordat new-store" (see "When something fails" in ' +
    'docs/operations.md)';
  return new StoreDamagedError(message, damages);
}
