/** Places for names; each has one, which is that of its hash. */
export const knownNamesMax = 16_384;

/**
 * Names that come again and again: each is made as text, and its form checked, once. A name that takes the place of
 * another costs no more than without this.
 */
export class KnownNames<Id extends string> {
  readonly #names: (Id | undefined)[] = Array.from({ length: knownNamesMax }, () => undefined);
  readonly #parse: (text: string) => Id;

  /** `parse` is the constructor of such names in `kernel/ids.ts`. */
  constructor(parse: (text: string) => Id) {
    this.#parse = parse;
  }

  /** The name of these ASCII bytes; `undefined` where it is not known. */
  find(bytes: Uint8Array, start: number, end: number): Id | undefined {
    let hash = end - start;
    for (let at = start; at < end; at += 1) hash = mixed(hash, bytes[at] ?? 0);
    const name = this.#names[placeOf(hash)];
    if (name === undefined || name.length !== end - start) return undefined;
    for (let at = start; at < end; at += 1) {
      if (name.charCodeAt(at - start) !== bytes[at]) return undefined;
    }
    return name;
  }

  /** The name of a text, known from now on. Throws as the constructor. */
  of(text: string): Id {
    let hash = text.length;
    for (let at = 0; at < text.length; at += 1) hash = mixed(hash, text.charCodeAt(at));
    const place = placeOf(hash);
    const known = this.#names[place];
    if (known === text) return known;
    const name = this.#parse(text);
    this.#names[place] = name;
    return name;
  }
}

/** One step of FNV-1a. */
function mixed(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x0100_0193);
}

function placeOf(hash: number): number {
  return (hash ^ (hash >>> 15)) & (knownNamesMax - 1);
}
