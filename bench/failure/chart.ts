import { sliceMs } from './timeline.js';

/** One line of a chart: answers a second in each slice of time. */
export interface Series {
  readonly name: string;
  readonly throughput: readonly number[];
}

const levels = ' ▁▂▃▄▅▆▇█';
/** What is shown of the time around the failure, in slices. */
const before = 5;
const after = 25;

/** For a terminal: a column for each 0.2 s, from a second before the failure. */
export function chartText(series: readonly Series[], failedMs: number): string {
  const first = Math.max(0, failedMs / sliceMs - before);
  const shown = series.map(({ name, throughput }) => ({
    name,
    values: throughput.slice(first, first + before + after),
  }));
  const most = Math.max(...shown.flatMap(({ values }) => values));
  const level = (value: number) => levels[Math.ceil((value / most) * (levels.length - 1))] ?? ' ';
  const width = Math.max(...series.map(({ name }) => name.length));
  const lines = shown.map(
    ({ name, values }) => `${name.padEnd(width)}  ${values.map(level).join('')}`,
  );
  const axis = `${' '.repeat(width + 2 + before)}^ killed at ${failedMs / 1000} s`;
  const scale = `a column is ${sliceMs / 1000} s, a full one ${Math.round(most)} requests a second`;
  return [...lines, axis, scale].join('\n');
}

const size = { width: 720, height: 320, left: 64, right: 96, top: 24, bottom: 48 };
const colours = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#8c564b'];
const thousand = 1000;

/** The whole run as an SVG document. */
export function chartSvg(series: readonly Series[], failedMs: number): string {
  const slices = Math.max(...series.map(({ throughput }) => throughput.length));
  const most = niceAbove(Math.max(...series.flatMap(({ throughput }) => throughput)));
  const inner = {
    width: size.width - size.left - size.right,
    height: size.height - size.top - size.bottom,
  };
  const x = (ms: number) => round(size.left + (ms / (slices * sliceMs)) * inner.width);
  const y = (value: number) => round(size.top + (1 - value / most) * inner.height);
  const bottom = y(0);
  const seconds = (slices * sliceMs) / thousand;
  const ticksX = ticks(seconds).map(
    (tick) =>
      `<text x="${x(tick * thousand)}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`,
  );
  const ticksY = ticks(most).map(
    (tick) =>
      `<text x="${size.left - 6}" y="${y(tick) + 4}" text-anchor="end">${tick / thousand}</text>` +
      `<path d="M${size.left} ${y(tick)}h${inner.width}" stroke="#ddd"/>`,
  );
  const lines = series.map(({ name, throughput }, index) => {
    const colour = colours[index % colours.length];
    const points = throughput.map((value, slice) => `${x((slice + 0.5) * sliceMs)},${y(value)}`);
    const row = size.top + 16 * (index + 1);
    return (
      `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>` +
      `<text x="${size.width - size.right + 8}" y="${row}" fill="${colour}">${name}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${[...ticksY, ...ticksX].join('\n')}
<path d="M${x(failedMs)} ${size.top}V${bottom}" stroke="#888" stroke-dasharray="4 3"/>
${lines.join('\n')}
<text x="${size.left + inner.width / 2}" y="${size.height - 8}" text-anchor="middle">seconds; a replica is killed at ${failedMs / thousand} s</text>
<text x="${size.left}" y="${size.top - 8}">thousand requests a second, every ${sliceMs / thousand} s</text>
</svg>
`;
}

/** Five or so round numbers from 0. */
function ticks(most: number): number[] {
  const step = niceAbove(most / 6);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
}

/** The next of 1, 2 and 5 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
