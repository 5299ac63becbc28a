import type { Random } from '../engine/random.js';

/** What every behaviour may use. `Address` is how its node names the others, `Message` what it sends. */
export interface LiarTools<Address, Message> {
  readonly random: Random;
  nowMs(): number;
  /** Sends past all behaviours. */
  send(to: Address, message: Message): void;
  after(delayMs: number, run: () => void): void;
  /** Again and again while the run lasts, about so far apart. */
  every(periodMs: number, run: () => void): void;
  /** It has misbehaved just now; counts for coverage. */
  lied(): void;
}

/** A way to misbehave, wrapped around a node that runs the unchanged code. */
export interface Lie<Address, Message> {
  /** What is sent in place of what the node sends; undefined leaves it as it is. */
  outgoing?(to: Address, message: Message): readonly Message[] | undefined;
  /** False swallows what comes in. */
  incoming?(from: Address, message: Message): boolean;
}
