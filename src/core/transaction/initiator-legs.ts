import { unreachable } from '../../vocabulary/brand.js';
import type { AbortCause, LegResult } from './initiator-messages.js';

/** How often a leg is sent to a participant that cannot be reached. */
const maxAttempts = 4;

interface LegState {
  attempts: number;
  result?: Exclude<LegResult, { kind: 'unreachable' }>;
}

/** What an answer to a leg means for the transaction. */
export type LegVerdict =
  | { readonly kind: 'wait' }
  /** Send the leg again, for the `attempts + 1`st time. */
  | { readonly kind: 'retry'; readonly attempts: number }
  | { readonly kind: 'all-done' }
  | { readonly kind: 'refused' };

/** Where each leg of one transaction stands. */
export class Legs {
  readonly #states: readonly LegState[];

  constructor(count: number) {
    this.#states = Array.from({ length: count }, () => ({ attempts: 0 }));
  }

  /** Counts an attempt; false where the leg needs none. */
  attempt(leg: number): boolean {
    const state = this.#states[leg];
    if (state === undefined || state.result !== undefined) return false;
    state.attempts += 1;
    return true;
  }

  answered(leg: number, result: LegResult): LegVerdict {
    const state = this.#states[leg];
    if (state === undefined || state.result !== undefined) return { kind: 'wait' };
    switch (result.kind) {
      case 'done':
        state.result = result;
        return { kind: this.#allDone() ? 'all-done' : 'wait' };
      case 'refused':
        state.result = result;
        return { kind: 'refused' };
      case 'unreachable': {
        const { attempts } = state;
        if (attempts < maxAttempts) return { kind: 'retry', attempts };
        const reason: AbortCause = 'ParticipantUnreachable';
        state.result = { kind: 'refused', reason };
        return { kind: 'refused' };
      }
      default:
        return unreachable(result);
    }
  }

  /** The reason of the first refused leg, in the order's own order. */
  get refusal(): string | undefined {
    for (const { result } of this.#states) {
      if (result?.kind === 'refused') return result.reason;
    }
    return undefined;
  }

  #allDone(): boolean {
    return this.#states.every(({ result }) => result?.kind === 'done');
  }
}
