import type { Random } from './support/random.js';

/** What came of one input. */
export interface Shot {
  /** For the summary: `400 FailedCheck`, `closed`. Few different ones. */
  readonly answer: string;
  /** What was not as it must be. */
  readonly violation?: string;
  /** The input, for whoever looks into a violation. */
  readonly input?: Uint8Array;
}

/** One kind of hostile input. */
export interface Attack {
  /** The line of the summary: the group and what is done. */
  readonly kind: string;
  /** How often it is chosen, relative to the others. */
  readonly weight: number;
  /** Sends inputs, one or a few, and says what came of each. Bounds its own time; throws nothing. */
  launch(random: Random): Promise<readonly Shot[]>;
}

/** The run cannot go on, for a reason that is no finding. */
export class FuzzError extends Error {
  override readonly name = 'FuzzError';
}
