import type { Engine } from './engine.js';
import type { Random } from './random.js';

/** Whom each of two twins hears: this one, the other one or both of them, dealt anew now and then. */
export function dealSides(
  engine: Engine,
  random: Random,
  addresses: () => readonly string[],
): (twin: 'a' | 'b') => (from: string) => boolean {
  const sides = new Map<string, 'a' | 'b' | 'both'>();
  const deal = (): void => {
    for (const other of addresses()) {
      sides.set(other, random.pick(['a', 'a', 'b', 'b', 'both'] as const));
    }
    engine.after(random.between(500, 8000), deal);
  };
  engine.after(0, deal);
  return (twin) => (from) => {
    const side = sides.get(from) ?? 'both';
    return side === twin || side === 'both';
  };
}
