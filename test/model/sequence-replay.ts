import { deepStrictEqual } from 'node:assert';
import { z } from 'zod';
import type { ReplicaId, View } from '../../src/kernel/ids.js';
import { type Signed, signatureOf } from '../../src/kernel/signed.js';
import { digestOfBatch } from '../../src/ordering/check-message.js';
import type { SequenceEngine } from '../../src/ordering/core/sequence/engine.js';
import type {
  AnyNewView,
  AnyViewChange,
  TravellingForms,
} from '../../src/ordering/core/sequence/rule.js';
import type {
  Batch,
  OrderingScope,
  SequencePhase,
  SequencePrepared,
  SharedCertificate,
} from '../../src/ordering/types.js';
import { sequenceNumber } from '../../src/ordering/types.js';
import { makeRequest } from '../support/ordering-rig.js';
import { Cores, type EngineFactory } from './cores.js';

/** A value in a view, as the models have it: -1 is none. */
export const inView = z.object({ view: z.number(), value: z.number() });
export type InView = z.infer<typeof inView>;

const vote = inView.extend({ from: z.number() });

/** What a replica shows when it asks for a view; `acked` only where acknowledgements decide alone. */
const change = z.object({
  from: z.number(),
  view: z.number(),
  cert: inView,
  acked: inView.optional(),
});
type Change = z.infer<typeof change>;

const newView = z.object({ view: z.number(), changes: z.array(change) });
type NewView = z.infer<typeof newView>;

/** What a model says of all correct replicas after a step, and which step it was: who takes it, and with what. */
export const sequenceState = z.object({
  liar: z.number(),
  view: z.map(z.number(), z.number()),
  decided: z.map(z.number(), z.number()),
  proposals: z.array(inView),
  prepares: z.array(vote),
  commits: z.array(vote).default([]),
  changes: z.array(change),
  newViews: z.array(newView),
  last: inView.extend({ kind: z.string(), replica: z.number(), change, newView }),
});
type SequenceState = z.infer<typeof sequenceState>;

/** How view changes of an engine are made and read. */
export interface ChangeForms<V extends AnyViewChange, N extends AnyNewView> {
  readonly forms: TravellingForms<V, N>;
  lie(change: Change, replay: SequenceReplay<V, N>): V;
  newView(view: View, viewChanges: readonly Signed<V>[]): N;
}

/** The one place that the models have. */
const place = sequenceNumber(1);
/** A request of each replica's own, and nothing: the values of the models. */
const batches: readonly Batch[] = [
  ...[0, 1, 2].map((value) => [makeRequest(`c${value}`, 1, `${value}`)]),
  [],
];
const digests = batches.map(digestOfBatch);

/** Takes the steps of a model's run at production cores, and compares what these have sent and decided. */
export class SequenceReplay<V extends AnyViewChange, N extends AnyNewView> {
  readonly cores: Cores<SequenceEngine>;
  readonly scope: OrderingScope;
  readonly #changes: ChangeForms<V, N>;
  #served = 0;

  constructor(
    liar: number,
    scope: OrderingScope,
    factory: EngineFactory<SequenceEngine>,
    changes: ChangeForms<V, N>,
  ) {
    this.scope = scope;
    this.#changes = changes;
    this.cores = new Cores(liar, factory, { idleDelayMs: 0, batchDelayMs: 0 });
  }

  take({ kind, replica, view, value, change, newView }: SequenceState['last']): void {
    const at = { view, value };
    switch (kind) {
      case 'init':
        return;
      case 'propose':
        return this.#submit(replica);
      case 'show':
        return this.#show(replica, at);
      case 'prepare':
      case 'commit':
        return this.#deliverVotes(replica, kind, at);
      case 'suspect':
        return this.#suspect(replica);
      case 'ask-again':
        return this.cores.runOut(replica, `${this.scope}/new-view`);
      case 'receive':
        return this.#receive(replica, change);
      case 'enter':
        return this.#enter(replica, newView);
      default:
        throw new Error(`no such step: ${kind}`);
    }
  }

  /** Hands over the batches that a replica asks for. */
  serve(): void {
    for (; this.#served < this.cores.sent.length; this.#served += 1) {
      const { from, to, message } = this.cores.sent[this.#served] ?? {};
      if (message?.kind !== 'fetch-batch' || from === undefined) continue;
      const batch = batches[digests.indexOf(message.digest)];
      if (!batch) throw new Error('a batch that no model has');
      const other = to ?? this.cores.correct.find((one) => one !== from) ?? this.cores.liar;
      this.cores.deliver(other, from, { kind: 'batch', scope: this.scope, batch });
    }
  }

  compare(state: Omit<SequenceState, 'last'>): void {
    const { cores } = this;
    deepStrictEqual(
      {
        views: cores.correct.map((one) => cores.engine(one).view),
        decided: cores.correct.map((one) => this.#decidedBy(one)),
        proposals: sorted(
          this.#sentPhases('pre-prepare').map(({ statement }) => nameOf(statement)),
        ),
        prepares: this.#sentVotes('prepare'),
        commits: this.#sentVotes('commit'),
        changes: this.#sentChanges(),
        newViews: this.#sentNewViews(),
      },
      {
        views: cores.correct.map((one) => state.view.get(one)),
        decided: cores.correct.map((one) => state.decided.get(one)),
        proposals: sorted(state.proposals.map(textOf)),
        prepares: sorted(state.prepares.map((one) => `${one.from}: ${textOf(one)}`)),
        commits: sorted(state.commits.map((one) => `${one.from}: ${textOf(one)}`)),
        changes: sorted(state.changes.map(changeText)),
        newViews: sorted(state.newViews.map(newViewText)),
      },
    );
  }

  // What was signed, or the liar signs now ------------------------------------------------------------------

  phase(
    phase: SequencePhase['phase'],
    from: number,
    { view, value }: InView,
  ): Signed<SequencePhase> {
    const digest = digestOf(value);
    if (from === this.cores.liar) {
      const at = { view: view as View, sequence: place, digest };
      return this.cores.forge<SequencePhase>({ kind: 'phase', scope: this.scope, phase, ...at });
    }
    const signed = this.#sentPhases(phase, from).find(
      ({ statement }) => statement.view === view && statement.digest === digest,
    );
    if (!signed) throw new Error(`${from} has sent no ${phase} of ${value} in view ${view}`);
    return signed;
  }

  /** Of all backups whose prepares there are, the liar's among them. */
  certificate(at: InView): SequencePrepared {
    const primary = at.view;
    const backups = [...this.cores.correct, this.cores.liar]
      .filter((one) => one !== primary)
      .filter((one) => one === this.cores.liar || this.#hasSent('prepare', one, at))
      .sort((a, b) => a - b);
    return {
      prePrepare: this.phase('pre-prepare', primary, at),
      prepares: this.#shared(backups, at),
    };
  }

  #shared(backups: readonly number[], at: InView): SharedCertificate<SequencePhase> {
    const votes = backups.map((one) => [one, this.phase('prepare', one, at)] as const);
    const [[, first] = []] = votes;
    if (!first) throw new Error('a certificate has signatures');
    const signatures = votes.map(([one, signed]) => signatureOf(one as ReplicaId, signed));
    return { statement: first.statement, bytes: first.bytes, signatures };
  }

  #hasSent(phase: SequencePhase['phase'], from: number, { view, value }: InView): boolean {
    return this.#sentPhases(phase, from).some(
      ({ statement }) => statement.view === view && statement.digest === digestOf(value),
    );
  }

  #changeOf(change: Change): Signed<V> {
    if (change.from === this.cores.liar) return this.cores.forge(this.#changes.lie(change, this));
    for (const { from, message } of this.cores.sent) {
      const read = this.#changes.forms.read(message);
      const isOurs = from === change.from && read?.kind === 'view-change';
      if (isOurs && read.signed.statement.view === change.view) return read.signed;
    }
    throw new Error(`${change.from} has not asked for view ${change.view}`);
  }

  #newViewOf({ view, changes }: NewView): Signed<N> {
    for (const { message } of this.cores.sent) {
      const read = this.#changes.forms.read(message);
      if (read?.kind === 'new-view' && read.signed.statement.view === view) return read.signed;
    }
    const viewChanges = [...changes].sort((a, b) => a.from - b.from);
    const signed = viewChanges.map((change) => this.#changeOf(change));
    return this.cores.forge(this.#changes.newView(view as View, signed));
  }

  // Steps ----------------------------------------------------------------------------------------------------

  #submit(replica: number): void {
    const [request] = batches[replica] ?? [];
    if (request) this.cores.input(replica, { kind: 'submit', request, nowMs: 0 });
  }

  #show(replica: number, at: InView): void {
    const prePrepare = this.phase('pre-prepare', at.view, at);
    const batch = batches[at.value] ?? [];
    const message = { kind: 'pre-prepare', scope: this.scope, prePrepare, batch } as const;
    this.cores.deliver(at.view, replica, message);
  }

  /** All that there are, and the liar's. */
  #deliverVotes(replica: number, phase: 'prepare' | 'commit', at: InView): void {
    for (const from of [...this.cores.correct, this.cores.liar]) {
      const isHere = from === this.cores.liar || this.#hasSent(phase, from, at);
      if (from === replica || !isHere) continue;
      const signed = this.phase(phase, from, at);
      this.cores.deliver(from, replica, { kind: 'phase', scope: this.scope, signed });
    }
  }

  /** Two others find the primary slow. */
  #suspect(replica: number): void {
    const view = this.cores.engine(replica).view as View;
    const others = [this.cores.liar, ...this.cores.correct].filter((one) => one !== replica);
    for (const from of others.slice(0, 2)) {
      this.cores.deliver(from, replica, { kind: 'slow', scope: this.scope, view });
    }
  }

  #receive(replica: number, change: Change): void {
    const message = this.#changes.forms.viewChange(this.#changeOf(change));
    this.cores.deliver(change.from, replica, { ...message, scope: this.scope });
  }

  #enter(replica: number, newView: NewView): void {
    const message = this.#changes.forms.newView(this.#newViewOf(newView));
    this.cores.deliver(newView.view, replica, { ...message, scope: this.scope });
  }

  /** -1 for nothing yet. Of a null request the application sees nothing. */
  #decidedBy(replica: number): number {
    if (this.cores.engine(replica).position < place) return -1;
    const [entry] = this.cores.history(replica);
    return entry === undefined ? batches.length - 1 : Number(entry.split(':').at(-1));
  }

  // What correct replicas have sent --------------------------------------------------------------------------

  #sentPhases(phase: SequencePhase['phase'], by?: number): readonly Signed<SequencePhase>[] {
    return this.cores.sent.flatMap(({ from, message }) => {
      if (by !== undefined && from !== by) return [];
      if (message.kind === 'pre-prepare')
        return phase === 'pre-prepare' ? [message.prePrepare] : [];
      const isPhase = message.kind === 'phase' && message.signed.statement.phase === phase;
      return isPhase ? [message.signed] : [];
    });
  }

  #sentVotes(phase: 'prepare' | 'commit'): readonly string[] {
    return sorted(
      this.cores.correct.flatMap((one) =>
        this.#sentPhases(phase, one).map(({ statement }) => `${one}: ${nameOf(statement)}`),
      ),
    );
  }

  #sentChanges(): readonly string[] {
    return sorted(
      this.cores.sent.flatMap(({ message }) => {
        const read = this.#changes.forms.read(message);
        return read?.kind === 'view-change' ? [changeText(readChange(read.signed.statement))] : [];
      }),
    );
  }

  #sentNewViews(): readonly string[] {
    return sorted(
      this.cores.sent.flatMap(({ message }) => {
        const read = this.#changes.forms.read(message);
        if (read?.kind !== 'new-view') return [];
        const { view, viewChanges } = read.signed.statement;
        const changes = viewChanges.map(({ statement }) => readChange(statement));
        return [newViewText({ view, changes })];
      }),
    );
  }
}

function readChange(statement: AnyViewChange): Change {
  const { replica: from, view, prepared, committed } = statement;
  const shown = [...prepared.map(({ prePrepare }) => prePrepare), ...committed];
  const certs = shown.map(({ statement: one }) => ({ view: one.view, value: valueNamed(one) }));
  const cert = certs.sort((a, b) => b.view - a.view)[0] ?? none;
  if (statement.kind === 'view-change') return { from, view, cert };
  const [acked] = statement.acked.map(({ statement: one }) => ({
    view: one.view,
    value: valueNamed(one),
  }));
  return { from, view, cert, acked: acked ?? none };
}

const none: InView = { view: -1, value: -1 };

export function digestOf(value: number) {
  const digest = digests[value];
  if (digest === undefined) throw new Error(`no value: ${value}`);
  return digest;
}

function valueNamed({ digest }: SequencePhase): number {
  return digests.indexOf(digest);
}

function nameOf(statement: SequencePhase): string {
  return textOf({ view: statement.view, value: valueNamed(statement) });
}

function textOf({ view, value }: InView): string {
  return `${value} in view ${view}`;
}

function changeText({ from, view, cert, acked }: Change): string {
  return `${from} asks for ${view}, with ${textOf(cert)}, ${acked ? textOf(acked) : ''}`;
}

function newViewText({ view, changes }: NewView): string {
  return `view ${view}: ${sorted(changes.map(changeText)).join('; ')}`;
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}
