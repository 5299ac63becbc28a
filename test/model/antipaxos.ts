import { deepStrictEqual } from 'node:assert';
import { z } from 'zod';
import type { ReplicaId } from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import { digestOfCycleValue } from '../../src/ordering/check-message.js';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import { Roster } from '../../src/ordering/core/antipaxos/membership.js';
import {
  fastVector,
  mergeReports,
  type Vector,
} from '../../src/ordering/core/antipaxos/reports.js';
import { encodeAssistance } from '../../src/ordering/report-codec.js';
import {
  type Batch,
  type CycleValue,
  cycleNumber,
  type ProposalStatement,
  type ReportStatement,
} from '../../src/ordering/types.js';
import { makeRequest } from '../support/ordering-rig.js';
import { Cores } from './cores.js';
import type { Trace } from './itf.js';

const names = z.map(z.number(), z.number());
const report = z.object({ from: z.number(), names });
const command = z.object({ by: z.number(), reports: z.array(report) });
const state = z.object({
  liar: z.number(),
  excluded: z.number(),
  reports: z.array(report),
  held: z.map(z.number(), z.array(report)),
  fast: z.map(z.number(), z.boolean()),
  commands: z.array(command),
  log: z.array(command),
  settled: z.array(names),
  last: z.object({
    kind: z.string(),
    process: z.number(),
    whose: z.number(),
    value: z.number(),
    report,
    command,
  }),
});
type Names = z.infer<typeof names>;
type Report = z.infer<typeof report>;
type Command = z.infer<typeof command>;
type State = z.infer<typeof state>;

const scope = 'antipaxos';
const decisions = 'decision-module';
const cycle = cycleNumber(1);
const processes = [0, 1, 2, 3];

/** Of each process a value, and a second one, which has the higher digest. */
const values: readonly (readonly CycleValue[])[] = processes.map((one) =>
  ['a', 'b']
    .map((name) => [makeRequest(`c${one}`, 1, `${one}${name}`)])
    .map((batch): CycleValue => ({ batch, readmit: [], complaints: [] }))
    .sort((a, b) => (digestOfCycleValue(a) < digestOfCycleValue(b) ? -1 : 1)),
);

function cycleValue(process: number, variant: number): CycleValue {
  const value = values[process]?.[variant];
  if (!value) throw new Error(`no value ${variant} of ${process}`);
  return value;
}

class AntipaxosReplay {
  readonly #cores: Cores<AntipaxosEngine>;

  constructor(liar: number) {
    this.#cores = new Cores(
      liar,
      (options, machine) =>
        new AntipaxosEngine({ ...options, exclusion: 'S2', timeoutMaxMs: 1000 }, machine),
      { idleDelayMs: 0, batchDelayMs: 0 },
    );
  }

  take({ kind, process, whose, value, report: said, command: given }: State['last']): void {
    const cores = this.#cores;
    switch (kind) {
      case 'init':
        for (const one of cores.correct) this.#submit(one);
        return;
      case 'show': {
        const proposal = this.#proposal(whose, value);
        const shown = {
          kind: 'proposal',
          scope,
          proposal,
          value: cycleValue(whose, value),
        } as const;
        return cores.deliver(whose, process, shown);
      }
      case 'hear':
        return cores.deliver(said.from, process, {
          kind: 'report',
          scope,
          report: this.#report(said),
        });
      case 'lose-patience':
        return cores.runOut(process, `${scope}/report/${cycle}`);
      case 'order':
        return this.#order(process, given);
      case 'settle':
        return this.#settle();
      default:
        throw new Error(`no such step: ${kind}`);
    }
  }

  compare({ reports, fast, commands, log, settled }: Omit<State, 'last'>): void {
    const cores = this.#cores;
    const { correct } = cores;
    deepStrictEqual(
      {
        reports: sorted(this.#sentReports.map(({ statement }) => textOf(read(statement)))),
        fast: correct.map((one) => cores.engine(one).metrics.fastCycles > 0),
        commands: sorted(this.#submitted.map(({ from }) => `${from}`)),
        log: this.#sentTo('pre-prepare').length,
        decided: correct.map((one) => this.#decidedBy(one)),
      },
      {
        reports: sorted(reports.map(textOf)),
        fast: correct.map((one) => fast.get(one)),
        commands: sorted(commands.flatMap(({ by }) => (by === 0 ? [] : [`${by}`]))),
        log: log.length,
        decided: correct.map((one) => {
          const [vector] = settled;
          if (vector) return namesText(vector);
          return fast.get(one) ? namesText(this.#reported(one, reports)) : '';
        }),
      },
    );
  }

  #reported(process: number, reports: readonly Report[]): Names {
    return reports.find(({ from }) => from === process)?.names ?? new Map();
  }

  /** What a process has delivered of the cycle, as a vector; nothing before. */
  #decidedBy(process: number): string {
    if (this.#cores.engine(process).position < cycle) return '';
    const entries = this.#cores.history(process).filter((entry) => entry.startsWith(`${cycle}:`));
    const texts = entries.map((entry) => entry.split(':').at(-1));
    const vector = processes.map((one): [number, number] => [
      one,
      (values[one] ?? []).findIndex(({ batch }) =>
        batch.some(({ payload }) => texts.includes(new TextDecoder().decode(payload))),
      ),
    ]);
    return namesText(new Map(vector));
  }

  #submit(process: number): void {
    const [request] = cycleValue(process, 0).batch;
    if (request) this.#cores.input(process, { kind: 'submit', request, nowMs: 0 });
  }

  #proposal(process: number, variant: number): Signed<ProposalStatement> {
    const replica = process as ReplicaId;
    const digest = digestOfCycleValue(cycleValue(process, variant));
    if (process === this.#cores.liar) {
      return this.#cores.forge({ kind: 'proposal', scope, cycle, replica, digest });
    }
    for (const { from, message } of this.#cores.sent) {
      if (from !== process || message.kind !== 'proposal') continue;
      if (message.proposal.statement.digest === digest) return message.proposal;
    }
    throw new Error(`${process} has not proposed its value ${variant}`);
  }

  #report({ from, names: named }: Report): Signed<ReportStatement> {
    if (from !== this.#cores.liar) {
      const known = this.#sentReports.find(({ statement }) => statement.replica === from);
      if (!known) throw new Error(`${from} has not reported`);
      return known;
    }
    const entries = processes.map((one) => {
      const variant = named.get(one) ?? -1;
      if (variant < 0) return null;
      const { statement, signature } = this.#proposal(one, variant);
      return { digest: statement.digest, signature };
    });
    return this.#cores.forge({ kind: 'report', scope, cycle, replica: from as ReplicaId, entries });
  }

  #order(to: number, { by, reports }: Command): void {
    const sent = this.#submitted.find(({ from }) => from === by);
    if (by !== this.#cores.liar && !sent) throw new Error(`${by} has not asked for help`);
    const batch = sent?.batch ?? [this.#requestOf(reports)];
    this.#cores.deliver(by, to, { kind: 'requests', scope: decisions, batch });
  }

  #requestOf(some: readonly Report[]): Batch[number] {
    const reports = [...some].sort((a, b) => a.from - b.from).map((one) => this.#report(one));
    const payload = encodeAssistance({ excluded: [], reports });
    return { ...makeRequest('decision-module', cycle, ''), payload };
  }

  /** The Decision Module's three phases, at all that are correct. */
  #settle(): void {
    for (const phase of ['pre-prepare', 'prepare', 'commit'] as const) {
      for (const { from, message } of this.#sentTo(phase)) {
        for (const to of this.#cores.correct) {
          if (to !== from) this.#cores.deliver(from, to, message);
        }
      }
    }
  }

  #sentTo(phase: 'pre-prepare' | 'prepare' | 'commit') {
    return this.#cores.sent.filter(({ message }) => {
      if (message.scope !== decisions) return false;
      if (message.kind === 'pre-prepare') return phase === 'pre-prepare';
      return message.kind === 'phase' && message.signed.statement.phase === phase;
    });
  }

  get #sentReports(): readonly Signed<ReportStatement>[] {
    return this.#cores.sent.flatMap(({ message }) =>
      message.kind === 'report' && message.report.statement.cycle === cycle ? [message.report] : [],
    );
  }

  get #submitted(): readonly { from: number; batch: Batch }[] {
    return this.#cores.sent.flatMap(({ from, message }) =>
      message.kind === 'requests' && message.scope === decisions
        ? [{ from, batch: message.batch.filter(({ number }) => number === cycle) }]
        : [],
    );
  }
}

function read({ replica, entries }: ReportStatement): Report {
  return { from: replica, names: readVector(entries.map((entry) => entry?.digest ?? null)) };
}

function readVector(vector: Vector): Names {
  const named = vector.map((digest, one): [number, number] => [
    one,
    digest === null ? -1 : (values[one] ?? []).map(digestOfCycleValue).indexOf(digest),
  ]);
  return new Map(named);
}

function namesText(named: Names): string {
  return processes.map((one) => named.get(one) ?? -1).join(' ');
}

function textOf({ from, names: named }: Report): string {
  return `${from}: ${namesText(named)}`;
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}

/** What the rules of the engine make of the model's reports: here a process may be left out of the cycle, too. */
function checkRules({ excluded, reports, log, settled, fast, held }: Omit<State, 'last'>): void {
  const roster = new Roster({ n: 4, f: 1 }, excluded < 0 ? [] : [excluded as ReplicaId]);
  for (const [process, isFast] of fast) {
    if (!isFast) continue;
    const vector = fastVector((held.get(process) ?? []).map(statementOf), roster);
    const own = reports.find(({ from }) => from === process)?.names ?? new Map();
    deepStrictEqual(vector && namesText(readVector(vector)), namesText(own));
  }
  const [given] = log;
  const [decided] = settled;
  if (!given || !decided) return;
  const merged = mergeReports(given.reports.map(statementOf), roster);
  deepStrictEqual(namesText(readVector(merged)), namesText(decided));
}

function statementOf({ from, names: named }: Report): ReportStatement {
  const entries = processes.map((one) => {
    const variant = named.get(one) ?? -1;
    if (variant < 0) return null;
    return { digest: digestOfCycleValue(cycleValue(one, variant)), signature: new Uint8Array() };
  });
  return { kind: 'report', scope, cycle, replica: from as ReplicaId, entries };
}

/** A run of `antipaxos.qnt` at production cores; throws where they are not where the model is. */
export function replayAntipaxos(trace: Trace): void {
  const states = trace.map((one) => state.parse(one));
  const isWhole = states[0]?.excluded === -1;
  const replay = new AntipaxosReplay(states[0]?.liar ?? 0);
  for (const { last, ...expected } of states) {
    checkRules(expected);
    // A cycle that leaves somebody out comes after others, which the model has not.
    if (!isWhole) continue;
    replay.take(last);
    replay.compare(expected);
  }
}
