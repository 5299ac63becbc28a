import { textTable } from '../text-table.js';
import { type Frame, type MergedProfile, totalMs } from './merged-profile.js';

const functionsShown = 40;
const partsShown = 25;

interface Spent {
  selfMs: number;
  /** With what it called; a function that calls itself counts once. */
  totalMs: number;
}

/** For people: which functions take most time, and which parts of the software. */
export function hottestText(title: string, profile: MergedProfile): string {
  const functions = new Map<string, Spent>();
  const parts = new Map<string, Spent>();
  for (const child of profile.root.children.values()) {
    collect(child, functions, ({ label }) => label, new Set());
    collect(child, parts, ({ part }) => part, new Set());
  }
  const all = totalMs(profile.root);
  const rows = (spent: ReadonlyMap<string, Spent>, most: number) =>
    [...spent]
      .sort(([, a], [, b]) => b.selfMs - a.selfMs)
      .slice(0, most)
      .map(([name, each]) => [
        name,
        each.selfMs.toFixed(0),
        share(each.selfMs, all),
        share(each.totalMs, all),
      ]);
  const columns = ['self ms', 'self', 'with what it calls'];
  return [
    `${title}: ${all.toFixed(0)} ms in ${profile.profiles} profiles, idle time left out`,
    textTable(['part', ...columns], rows(parts, partsShown), 1),
    textTable(['function', ...columns], rows(functions, functionsShown), 1),
  ].join('\n');
}

function collect(
  frame: Frame,
  spent: Map<string, Spent>,
  keyOf: (frame: Frame) => string,
  open: ReadonlySet<string>,
): void {
  const key = keyOf(frame);
  const one = spent.get(key) ?? { selfMs: 0, totalMs: 0 };
  spent.set(key, one);
  one.selfMs += frame.selfMs;
  if (!open.has(key)) one.totalMs += totalMs(frame);
  const inner = open.has(key) ? open : new Set([...open, key]);
  for (const child of frame.children.values()) collect(child, spent, keyOf, inner);
}

function share(ms: number, all: number): string {
  return `${((100 * ms) / all).toFixed(1)} %`;
}
