/**
 * Outputs that every core has in common. A driver performs a core's outputs in their order, and lets
 * nothing that follows a `persist` leave before the write is on disk ("persist before you send").
 */
export type CommonOutput =
  /** Write the value under the key; `null` deletes it. */
  | { readonly kind: 'persist'; readonly key: string; readonly value: Uint8Array | null }
  /** Start, or restart, the named timer. When it runs out the core gets a `TimerInput`. */
  | { readonly kind: 'start-timer'; readonly name: string; readonly delayMs: number }
  | { readonly kind: 'stop-timer'; readonly name: string }
  /** Something an operator may want to know. Never holds a secret. */
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly event: string;
      readonly data: object;
    };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface TimerInput {
  readonly kind: 'timer';
  readonly name: string;
}

/** A record read back at the start, before any other input. */
export interface StoredRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface Core<Input, Output> {
  /** Takes what was persisted, once, before the first `handle`. */
  restore(records: readonly StoredRecord[]): readonly (Output | CommonOutput)[];
  handle(input: Input | TimerInput): readonly (Output | CommonOutput)[];
}

/** The n-th retransmission delay: grows by half each time, up to ten times the first. */
export function resendDelayMs(firstMs: number, times: number): number {
  return Math.min(firstMs * 1.5 ** times, firstMs * 10);
}
