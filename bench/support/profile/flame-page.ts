import { readFile } from 'node:fs/promises';
import { type Frame, type MergedProfile, type Origin, origins, totalMs } from './merged-profile.js';

/** What is narrower than this share of all is left out. */
const leastShare = 0.0003;

/** A frame as the page reads it: which label, milliseconds with what it calls, and that. */
type PageFrame = readonly [label: number, totalMs: number, children: readonly PageFrame[]];

/** What `page/flame-graph.js` reads. */
interface PageData {
  /** Label, and the number of its origin. */
  readonly labels: readonly (readonly [string, number])[];
  readonly origins: readonly Origin[];
  readonly root: PageFrame;
}

/** A page with a flame graph that needs nothing but itself. */
export async function flamePage(title: string, profile: MergedProfile): Promise<string> {
  const [page, script] = await Promise.all(['flame-graph.html', 'flame-graph.js'].map(pageFile));
  const parts: readonly (readonly [string, string])[] = [
    ['__TITLE__', escaped(title)],
    ['__SCRIPT__;', script ?? ''],
    ['"__DATA__"', JSON.stringify(pageData(profile)).replaceAll('<', '\\u003c')],
  ];
  return parts.reduce((text, [place, part]) => text.replaceAll(place, () => part), page ?? '');
}

function pageData({ root }: MergedProfile): PageData {
  const labels = new Map<string, readonly [number, Origin]>();
  const leastMs = totalMs(root) * leastShare;
  const pageFrame = (frame: Frame): PageFrame => {
    const [label] = labels.get(frame.label) ?? [labels.size];
    labels.set(frame.label, [label, frame.origin]);
    const wide = [...frame.children.values()].filter((child) => totalMs(child) >= leastMs);
    // In the order of their names, so that two graphs can be compared.
    const sorted = wide.sort((a, b) => (a.label < b.label ? -1 : 1));
    return [label, Math.round(totalMs(frame) * 10) / 10, sorted.map(pageFrame)];
  };
  const tree = pageFrame(root);
  return {
    labels: [...labels].map(([label, [, origin]]) => [label, origins.indexOf(origin)] as const),
    origins,
    root: tree,
  };
}

/** These files are not compiled: they stay where the source is. */
function pageFile(name: string): Promise<string> {
  const here = import.meta.url;
  const folder = here.endsWith('.ts') ? './page/' : '../../../../bench/support/profile/page/';
  return readFile(new URL(`${folder}${name}`, here), 'utf8');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
