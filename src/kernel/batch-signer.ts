import { batchLeavesMax, signBatch } from './batch.js';
import type { Sign } from './keys.js';

/**
 * Signs what is said at a time with one signature. What is enlisted `later` is signed when the first of its signatures
 * is needed, together with all that was enlisted until then: where messages wait for the disk, that is all that waited.
 */
export function batchSigner(sign: Sign): Sign {
  let open = new Batch(sign);
  const later = (bytes: Uint8Array): (() => Uint8Array) => {
    if (!open.takesMore) open = new Batch(sign);
    return open.enlist(bytes);
  };
  return Object.assign((bytes: Uint8Array) => sign(bytes), { later });
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
