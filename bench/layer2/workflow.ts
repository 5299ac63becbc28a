import { signedPackage, workflow } from '../../examples/supply-chain/sample.js';
import type { Step } from '../../examples/supply-chain/steps.js';
import type { SessionClient } from '../../src/session/client/session-client.js';
import type { FinalStatus, Performed } from '../../src/session/client/session-log.js';
import { BenchmarkError } from '../benchmark.js';
import { perform, type SessionSystem } from './system.js';

/** The source's table: a package's way through the warehouse, and then it is made certain. */
export interface WorkflowTimes {
  /** Of each operation, until its provisional result is there and checked. */
  readonly operationsMs: readonly number[];
  /** From asking for it until all operations are final, each with its proof. */
  readonly commitMs: number;
  readonly workflowMs: number;
}

/** Where the clock-work client works. With PBFT its primary is there, which suits that. */
const home = 0;

export async function timeWorkflow(system: SessionSystem, id: string): Promise<WorkflowTimes> {
  const steps = workflow(system.supplier, id);
  return withSession(system, home, async (session) => {
    const operationsMs: number[] = [];
    const performed: Performed[] = [];
    const startMs = performance.now();
    for (const step of steps) {
      const beforeMs = performance.now();
      performed.push(await perform(session, step));
      operationsMs.push(performance.now() - beforeMs);
    }
    const commitStartMs = performance.now();
    await session.commit();
    const finals = await Promise.all(performed.map(({ final }) => final));
    const endMs = performance.now();
    for (const final of finals) requireCommitted(final);
    return { operationsMs, commitMs: endMs - commitStartMs, workflowMs: endMs - startMs };
  });
}

/** One operation that is committed at once and alone: what it takes without sessions. */
export function timeCommitAlone(system: SessionSystem, id: string): Promise<number> {
  const step: Step = signedPackage(system.supplier, id);
  return withSession(system, home, async (session) => {
    const startMs = performance.now();
    const answered = perform(session, step);
    // In the same request.
    await session.commit();
    const { final } = await answered;
    requireCommitted(await final);
    return performance.now() - startMs;
  });
}

export async function withSession<Result>(
  system: SessionSystem,
  at: number,
  use: (session: SessionClient) => Promise<Result>,
): Promise<Result> {
  const session = system.open(at);
  try {
    return await use(session);
  } finally {
    session.close();
  }
}

function requireCommitted({ kind, result }: FinalStatus): void {
  if (kind === 'committed') return;
  throw new BenchmarkError(`an operation was ${kind}: ${JSON.stringify(result)}`);
}
