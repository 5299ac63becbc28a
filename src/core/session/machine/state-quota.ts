import type { ClientId } from '../../../vocabulary/ids.js';
import { payersMax } from './payments.js';
import type { Growth, Texts } from './texts.js';

/**
 * Bounds of applications' states, the same at every replica: bytes of keys and values, with 32 for each entry.
 * A state of the largest size is some 2,000 pages, so it fits into one snapshot (`orderingLimits.chunks`).
 */
export const stateLimits = {
  /** Of all applications together; each has an equal part. */
  bytes: 256 * 1024 * 1024,
  /** So many owners at their limit fill an application's state. */
  ownersInFull: 8,
} as const;

const noGrowth: Growth = { own: 0, all: 0 };

/** How large an application's state may become, and any owner's part of it. */
export class StateQuota {
  readonly #bytes: number;
  readonly #bytesOfOwner: number;

  /** The cluster has so many applications. */
  constructor(applications: number) {
    this.#bytes = Math.floor(stateLimits.bytes / Math.max(1, applications));
    this.#bytesOfOwner = Math.floor(this.#bytes / stateLimits.ownersInFull);
  }

  /**
   * Why the owner's call cannot make the state grow so; `undefined` where it can. `pending` is what calls that
   * wait already add.
   */
  refusal(
    texts: Texts,
    owner: ClientId,
    growth: Growth | undefined,
    pending: Growth = noGrowth,
  ): string | undefined {
    if (!growth) return `more than ${payersMax} owners would share an entry of the state`;
    if (growth.own > 0 && texts.usedBy(owner) + pending.own + growth.own > this.#bytesOfOwner) {
      return `the share of ${owner} is full: ${this.#bytesOfOwner} bytes of state; delete or archive something`;
    }
    if (growth.all > 0 && texts.bytes + pending.all + growth.all > this.#bytes) {
      return 'the state is full';
    }
    return undefined;
  }
}
