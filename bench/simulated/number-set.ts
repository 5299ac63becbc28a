/** A set of whole numbers that rise from 1, as bits. */
export class NumberSet {
  #bits = new Uint8Array(1024);

  /** False where the number is in it already. */
  add(number: number): boolean {
    const place = number >> 3;
    const bit = 1 << (number & 7);
    while (place >= this.#bits.length) {
      const grown = new Uint8Array(2 * this.#bits.length);
      grown.set(this.#bits);
      this.#bits = grown;
    }
    const byte = this.#bits[place] ?? 0;
    if ((byte & bit) !== 0) return false;
    this.#bits[place] = byte | bit;
    return true;
  }
}
