import { z } from 'zod';

/** What is used of a `.cpuprofile`, as Chrome's DevTools protocol has it (Profiler.Profile). Lines begin with 0. */
const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  /** Microseconds between a sample and the one before. */
  timeDeltas: z.array(z.number()),
});

export type CpuProfile = z.output<typeof profileSchema>;
type ProfileNode = CpuProfile['nodes'][number];

export function profileOf(json: string): CpuProfile {
  return profileSchema.parse(JSON.parse(json));
}

/** Whose code a function is. `engine`: V8 itself, and native code that has no function to belong to. */
export const origins = ['own', 'package', 'node', 'engine'] as const;
export type Origin = (typeof origins)[number];

/** A function where it is called: what it spent by itself, and what it called. */
export interface Frame {
  /** `decode src/kernel/codec/reader.js:12`. */
  readonly label: string;
  readonly origin: Origin;
  /** `src/kernel`, or the name of a package; else the origin. */
  readonly part: string;
  selfMs: number;
  readonly children: Map<string, Frame>;
}

const idle = new Set(['(idle)', '(root)']);

/** The stacks of many profiles in one tree. Idle time is left out. */
export class MergedProfile {
  readonly root: Frame = newFrame('all', 'engine', '');
  #profiles = 0;

  get profiles(): number {
    return this.#profiles;
  }

  add({ nodes, samples, timeDeltas }: CpuProfile): void {
    this.#profiles += 1;
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const selfMs = new Map<number, number>();
    for (const [at, id] of samples.entries()) {
      // The clock of a busy machine's kernel may seem to run backwards.
      const ms = Math.max(0, (timeDeltas[at + 1] ?? 0) / 1000);
      selfMs.set(id, (selfMs.get(id) ?? 0) + ms);
    }
    const [root] = nodes;
    if (root !== undefined) this.#take(root, this.root, byId, selfMs);
  }

  #take(
    node: ProfileNode,
    into: Frame,
    byId: ReadonlyMap<number, ProfileNode>,
    selfMs: ReadonlyMap<number, number>,
  ): void {
    if (!idle.has(node.callFrame.functionName)) into.selfMs += selfMs.get(node.id) ?? 0;
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child === undefined || idle.has(child.callFrame.functionName)) continue;
      this.#take(child, frameIn(into, child.callFrame), byId, selfMs);
    }
  }
}

/** Of a function with all that it called. */
export function totalMs(frame: Frame): number {
  let sum = frame.selfMs;
  for (const child of frame.children.values()) sum += totalMs(child);
  return sum;
}

function frameIn(parent: Frame, { functionName, url, lineNumber }: ProfileNode['callFrame']) {
  const { origin, path, part } = placeOf(url);
  const name = functionName || '(anonymous)';
  const label = path === '' ? name : `${name} ${path}:${lineNumber + 1}`;
  const known = parent.children.get(label);
  if (known !== undefined) return known;
  const made = newFrame(label, origin, part);
  parent.children.set(label, made);
  return made;
}

function newFrame(label: string, origin: Origin, part: string): Frame {
  return { label, origin, part, selfMs: 0, children: new Map() };
}

function placeOf(url: string): { origin: Origin; path: string; part: string } {
  if (url === '' || url.startsWith('wasm:')) return { origin: 'engine', path: '', part: 'engine' };
  if (url.startsWith('node:')) return { origin: 'node', path: url, part: 'node' };
  const inPackages = url.lastIndexOf('/node_modules/');
  if (inPackages >= 0) {
    const path = url.slice(inPackages + '/node_modules/'.length);
    const part = /^(@[^/]+[/])?[^/]+/.exec(path)?.[0] ?? path;
    return { origin: 'package', path, part };
  }
  const path = url.slice(url.lastIndexOf('/dist/') + 1).replace(/^dist[/]/, '');
  return { origin: 'own', path, part: path.split('/').slice(0, 2).join('/') };
}
