import { batchLeavesMax, signBatch } from './batch.js';
import type { Sign } from './keys.js';

/** Signs what one core says. */
export interface BatchSigner extends Sign {
  /** The core's turn has ended: nothing is signed together with what was enlisted in it any more. */
  endTurn(): void;
}

/**
 * Signs what is said in a turn with one signature. What is enlisted `later` is signed when the first of its signatures
 * is needed, together with all that was enlisted in the turn until then. Who receives one of a batch can make the
 * signature of each other one whose text can be guessed. So none may be in it that rests on a later write.
 */
export function batchSigner(sign: Sign): BatchSigner {
  let open = new Batch(sign);
  const later = (bytes: Uint8Array): (() => Uint8Array) => {
    if (!open.takesMore) open = new Batch(sign);
    return open.enlist(bytes);
  };
  const endTurn = (): void => {
    open = new Batch(sign);
  };
  return Object.assign((bytes: Uint8Array) => sign(bytes), { later, endTurn });
}

class Batch {
  readonly #sign: Sign;
  /** Empty once they are signed: a signature may be kept for long. */
  #texts: Uint8Array[] = [];
  #signatures: readonly Uint8Array[] | undefined;

  constructor(sign: Sign) {
    this.#sign = sign;
  }

  get takesMore(): boolean {
    return this.#signatures === undefined && this.#texts.length < batchLeavesMax;
  }

  enlist(bytes: Uint8Array): () => Uint8Array {
    const index = this.#texts.push(bytes) - 1;
    return () => this.#signature(index);
  }

  #signature(index: number): Uint8Array {
    if (this.#signatures === undefined) {
      this.#signatures = signBatch(this.#sign, this.#texts);
      this.#texts = [];
    }
    const signature = this.#signatures[index];
    if (signature === undefined) throw new RangeError(`no text ${index} in the batch`);
    return signature;
  }
}
