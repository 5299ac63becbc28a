const levels = '▁▂▃▄▅▆▇█';

export interface Trend {
  /** Means of the first and the last tenth. */
  readonly first: number;
  readonly last: number;
  /** Least squares, of all. */
  readonly perHour: number;
  /** Whether the line through the values rises by no more than the slack or a tenth of their mean. */
  readonly flat: boolean;
}

export interface Point {
  readonly atMs: number;
  readonly value: number;
}

const hourMs = 3_600_000;
const flatShare = 0.1;

/** Throws `RangeError` where there are fewer than two points. */
export function trendOf(points: readonly Point[], slack: number): Trend {
  const [begin, end] = [points[0], points.at(-1)];
  if (begin === undefined || end === undefined || begin === end) throw new RangeError('no trend');
  const tenth = Math.ceil(points.length / 10);
  const slope = slopeOf(points);
  const rise = slope * (end.atMs - begin.atMs);
  return {
    first: meanOf(points.slice(0, tenth)),
    last: meanOf(points.slice(-tenth)),
    perHour: slope * hourMs,
    flat: rise <= Math.max(slack, flatShare * meanOf(points)),
  };
}

/** One character for each of `width` stretches of time, from the least value to the greatest. */
export function sparkline(points: readonly Point[], width: number): string {
  const count = Math.min(width, points.length);
  const values = Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * points.length) / count);
    return meanOf(points.slice(from, Math.floor(((index + 1) * points.length) / count)));
  });
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return values
    .map((value) => {
      const level = most === least ? 0 : Math.round(((value - least) / (most - least)) * 7);
      return levels[level] ?? '';
    })
    .join('');
}

function slopeOf(points: readonly Point[]): number {
  const atMs = points.reduce((sum, point) => sum + point.atMs, 0) / points.length;
  const value = meanOf(points);
  let above = 0;
  let below = 0;
  for (const point of points) {
    above += (point.atMs - atMs) * (point.value - value);
    below += (point.atMs - atMs) ** 2;
  }
  return above / below;
}

function meanOf(points: readonly Point[]): number {
  return points.reduce((sum, { value }) => sum + value, 0) / points.length;
}
