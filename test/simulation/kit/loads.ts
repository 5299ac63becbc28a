import type { Violation } from './violation.js';
import type { World, WorldPlan } from './world.js';

/** What a node holds. */
export interface Load {
  readonly address: string;
  readonly timers: number;
  readonly outputs: number;
  readonly records: number;
}

/** Outputs that a driver may hold, as its high-water mark has it. */
const OUTPUTS_MAX = 65_536;
const LOOK_PERIOD_MS = 1000;

export interface Watch {
  /** What the coverage calls a node. */
  readonly of: 'node' | 'replica';
  readonly check: (loads: readonly Load[]) => readonly Violation[];
  /** What else is looked at each time. */
  readonly onLook?: () => void;
}

/** Looks again and again at what every correct node holds. Keeps the first excess of each run. */
export function watchLoads<Plan extends WorldPlan, Message>(
  world: World<Plan, Message>,
  { of, check, onLook }: Watch,
): readonly Violation[] {
  const found: Violation[] = [];
  const { engine, processes, coverage } = world;
  const look = (): void => {
    const loads = processes
      .filter(({ address }) => world.isCorrect(address))
      .map(({ address, life, disk }) => {
        const { timers, outputs } = life?.load ?? { timers: 0, outputs: 0 };
        return { address, timers, outputs, records: disk.recordCount };
      });
    for (const { timers, records, outputs } of loads) {
      coverage.atLeast(`highest timers of a ${of}`, timers);
      coverage.atLeast(`highest records of a ${of}`, records);
      coverage.atLeast('highest outputs that waited', outputs);
    }
    if (found.length === 0) found.push(...check(loads));
    onLook?.();
    engine.after(LOOK_PERIOD_MS, look);
  };
  engine.after(LOOK_PERIOD_MS, look);
  return found;
}

/** Nodes that hold more timers or records than this, or more outputs than a driver may. */
export function excesses(
  loads: readonly Load[],
  most: { readonly timers: number; readonly records: number },
): readonly Violation[] {
  return loads.flatMap(({ address, timers, outputs, records }) => {
    const problems: string[] = [];
    if (outputs > OUTPUTS_MAX) problems.push(`${outputs} outputs wait`);
    if (timers > most.timers) problems.push(`${timers} timers run, ${most.timers} at most`);
    if (records > most.records) {
      problems.push(`${records} records on disk, ${most.records} at most`);
    }
    return problems.map((what) => ({ checker: 'bounds', what: `${address}: ${what}` }));
  });
}
