import type { Random } from '../engine/random.js';

/** A size of a cluster, and how often it is drawn. */
export interface Shape {
  readonly n: number;
  readonly f: number;
  readonly weight: number;
}

export function drawShape(random: Random, shapes: readonly Shape[]): Shape {
  return random.pick(shapes.flatMap((one) => Array.from({ length: one.weight }, () => one)));
}

/** Each seed has some kinds on and the others off, so that none hides another. */
export function drawFaults<Kind extends string>(
  random: Random,
  kinds: readonly Kind[],
  leastRate: number,
  mostRate: number,
): Partial<Readonly<Record<Kind, number>>> {
  const on = random.some(kinds, random.between(leastRate, mostRate));
  const strengths = on.map((kind) => [kind, random.between(0.1, 1)]);
  return Object.fromEntries(strengths) as Partial<Record<Kind, number>>;
}

/** The behaviours with this one in place of the first. */
export function starring<Name>(star: Name, behaviours: readonly Name[]): Name[] {
  return [star, ...behaviours.slice(1).filter((one) => one !== star)];
}

export function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
