import { workflow } from '../../examples/supply-chain/sample.js';
import type { FinalStatus, Performed } from '../../src/session/client/session-log.js';
import { perform, type SessionSystem } from './system.js';
import { withSession } from './workflow.js';

/** What became of what sessions were told first. */
export interface Contention {
  /** Of a hundred packages, so many are worked on by two sessions at different homes at once. */
  readonly percent: number;
  readonly operations: number;
  /** Operations that came to something else than simulated: another result, or another reason. */
  readonly misSimulated: number;
  /** Of those, done at first and rejected in the end. */
  readonly undone: number;
  readonly rate: number;
}

/** Two pairs at a time: one session at each of four coordinators. */
const pairsAtOnce = 2;

/** Pairs of sessions, each pair on one package where it is contended, and on two where it is not. */
export async function measureContention(
  system: SessionSystem,
  percent: number,
  pairs: number,
  name: string,
  signal: AbortSignal,
): Promise<Contention> {
  const finals: FinalStatus[] = [];
  for (let first = 0; first < pairs; first += pairsAtOnce) {
    signal.throwIfAborted();
    const group = Array.from({ length: Math.min(pairsAtOnce, pairs - first) }, (_, index) => {
      const pair = first + index;
      const isShared = isContended(pair, percent);
      return [0, 1].map((side) => {
        const id = isShared ? `${name}-${pair}` : `${name}-${pair}-${side}`;
        return runWorkflow(system, 2 * index + side, id);
      });
    });
    finals.push(...(await Promise.all(group.flat())).flat());
  }
  const wrong = finals.filter(isMisSimulated);
  const undone = wrong.filter(({ kind, simulated }) => {
    return kind === 'aborted' && simulated?.kind === 'done';
  });
  return {
    percent,
    operations: finals.length,
    misSimulated: wrong.length,
    undone: undone.length,
    rate: wrong.length / finals.length,
  };
}

async function runWorkflow(
  system: SessionSystem,
  home: number,
  id: string,
): Promise<FinalStatus[]> {
  return withSession(system, home, async (session) => {
    const performed: Performed[] = [];
    for (const step of workflow(system.supplier, id)) performed.push(await perform(session, step));
    await session.commit();
    return Promise.all(performed.map(({ final }) => final));
  });
}

/** So many in a hundred, spread evenly. */
export function isContended(pair: number, percent: number): boolean {
  return Math.floor(((pair + 1) * percent) / 100) > Math.floor((pair * percent) / 100);
}

function isMisSimulated({ result, simulated }: FinalStatus): boolean {
  return simulated !== undefined && JSON.stringify(simulated) !== JSON.stringify(result);
}
