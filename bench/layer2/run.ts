import type { EngineName } from '../../src/kernel/cluster.js';
import type { RunContext } from '../benchmark.js';
import { median, percentile } from '../support/statistics.js';
import { type Contention, measureContention } from './contention.js';
import { SessionSystem } from './system.js';
import { timeCommitAlone, timeWorkflow, type WorkflowTimes } from './workflow.js';

export interface Layer2Settings {
  readonly engine: EngineName;
  /** Numbers of replicas, `3f + 1` each. */
  readonly replicas: readonly number[];
  readonly rounds: number;
  /** Workflows in a round. */
  readonly workflows: number;
  /** Pairs of sessions at each degree of contention. */
  readonly pairs: number;
}

/** One number of replicas; medians over the rounds of what each round showed. */
export interface Layer2Result {
  readonly operationMedianMs: number;
  readonly operationP99Ms: number;
  readonly commitMedianMs: number;
  readonly workflowMs: number;
  /** A commit at layer 1 done alone: one transaction of two banks. */
  readonly transactionMedianMs: number;
  /** How many times as long as an operation that takes. */
  readonly ratio: number;
  /** One operation that is ordered at once and alone. */
  readonly orderedMedianMs: number;
  /** How many times as long as an operation that takes. */
  readonly orderedRatio: number;
  /** Processor time for a workflow: of all coordinators, and of the client. */
  readonly coordinatorsCpuMs: number;
  readonly clientCpuMs: number;
}

export interface Layer2Report {
  readonly byReplicas: ReadonlyMap<number, Layer2Result>;
  /** At the least number of replicas. */
  readonly contention: readonly Contention[];
}

/** Compilers go on optimizing for some thousand operations. */
const warmUps = 250;
const contentionPercents = [0, 2, 50, 100];

/** Starts one cluster after the other, and measures each. */
export async function runLayer2(
  settings: Layer2Settings,
  context: RunContext,
): Promise<Layer2Report> {
  const byReplicas = new Map<number, Layer2Result>();
  let contention: readonly Contention[] = [];
  for (const [index, replicas] of settings.replicas.entries()) {
    await withSystem(replicas, settings.engine, context, async (system, inner) => {
      byReplicas.set(replicas, await measureSystem(system, settings, inner));
      if (index === 0) contention = await contentionOf(system, settings, inner);
    });
  }
  return { byReplicas, contention };
}

async function withSystem(
  replicas: number,
  engine: EngineName,
  context: RunContext,
  measure: (system: SessionSystem, context: RunContext) => Promise<void>,
): Promise<void> {
  const { progress, signal } = context;
  progress(`starting ${replicas} coordinators ...`);
  const died = new AbortController();
  const either = AbortSignal.any([signal, died.signal]);
  const ended = new Promise<never>((_, reject) => {
    either.addEventListener('abort', () => reject(either.reason), { once: true });
  });
  ended.catch(() => undefined);
  signal.throwIfAborted();
  const faults = (replicas - 1) / 3;
  const system = await SessionSystem.start(faults, engine, {
    onDied: (error) => died.abort(error),
    signal: either,
  });
  let done = false;
  try {
    await Promise.race([measure(system, { ...context, signal: either }), ended]);
    done = true;
  } finally {
    const directory = await system.stop({ keepFiles: !done && !signal.aborted });
    if (!done && !signal.aborted) progress(`the nodes' logs are in ${directory}`);
  }
}

async function measureSystem(
  system: SessionSystem,
  { rounds, workflows }: Layer2Settings,
  { progress, signal, profiler }: RunContext,
): Promise<Layer2Result> {
  progress('warming up ...');
  const repeat = async (times: number, one: (count: number) => Promise<void>) => {
    for (let count = 0; count < times; count += 1) {
      signal.throwIfAborted();
      await one(count);
    }
  };
  await repeat(warmUps, async (count) => {
    await timeWorkflow(system, `warm-${count}`);
    await timeCommitAlone(system, `warm-alone-${count}`);
    await system.transactions.time();
  });
  const results: Layer2Result[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const times: WorkflowTimes[] = [];
    const ordered: number[] = [];
    const transactions: number[] = [];
    const before = system.processorTimes();
    const timed = () =>
      repeat(workflows, async (count) => {
        times.push(await timeWorkflow(system, `p-${round}-${count}`));
      });
    await (profiler?.during(`${system.replicas} replicas`, system.processes(), timed) ?? timed());
    const after = system.processorTimes();
    await repeat(workflows, async (count) => {
      ordered.push(await timeCommitAlone(system, `a-${round}-${count}`));
    });
    await repeat(workflows, async () => {
      transactions.push(await system.transactions.time());
    });
    const result: Layer2Result = {
      ...summaryOf(times, ordered, transactions),
      coordinatorsCpuMs: (after.coordinators - before.coordinators) / workflows,
      clientCpuMs: (after.client - before.client) / workflows,
    };
    results.push(result);
    progress(`round ${round}/${rounds}  n = ${system.replicas}  ${lineOf(result)}`);
  }
  await system.transactions.checkMoney();
  return mediansOf(results);
}

function summaryOf(
  times: readonly WorkflowTimes[],
  ordered: readonly number[],
  transactions: readonly number[],
) {
  const operations = times.flatMap(({ operationsMs }) => operationsMs);
  const operationMedianMs = median(operations);
  const orderedMedianMs = median(ordered);
  const transactionMedianMs = median(transactions);
  return {
    operationMedianMs,
    operationP99Ms: percentile(operations, 99),
    commitMedianMs: median(times.map(({ commitMs }) => commitMs)),
    workflowMs: median(times.map(({ workflowMs }) => workflowMs)),
    transactionMedianMs,
    ratio: transactionMedianMs / operationMedianMs,
    orderedMedianMs,
    orderedRatio: orderedMedianMs / operationMedianMs,
  };
}

async function contentionOf(
  system: SessionSystem,
  { pairs }: Layer2Settings,
  { progress, signal }: RunContext,
): Promise<Contention[]> {
  const all: Contention[] = [];
  for (const percent of contentionPercents) {
    const one = await measureContention(system, percent, pairs, `c${percent}`, signal);
    progress(`contention ${percent} %: ${one.misSimulated} of ${one.operations} mis-simulated`);
    all.push(one);
  }
  return all;
}

function mediansOf(results: readonly Layer2Result[]): Layer2Result {
  const of = (key: keyof Layer2Result) => median(results.map((result) => result[key]));
  return {
    operationMedianMs: of('operationMedianMs'),
    operationP99Ms: of('operationP99Ms'),
    commitMedianMs: of('commitMedianMs'),
    workflowMs: of('workflowMs'),
    transactionMedianMs: of('transactionMedianMs'),
    ratio: of('ratio'),
    orderedMedianMs: of('orderedMedianMs'),
    orderedRatio: of('orderedRatio'),
    coordinatorsCpuMs: of('coordinatorsCpuMs'),
    clientCpuMs: of('clientCpuMs'),
  };
}

function lineOf(result: Layer2Result): string {
  return (
    `operation ${result.operationMedianMs.toFixed(2)} ms  ` +
    `commit ${result.commitMedianMs.toFixed(1)} ms  workflow ${result.workflowMs.toFixed(1)} ms  ` +
    `transaction ${result.transactionMedianMs.toFixed(1)} ms  ` +
    `ordered alone ${result.orderedMedianMs.toFixed(1)} ms`
  );
}
