import { deepStrictEqual } from 'node:assert';
import { z } from 'zod';
import type { ReplicaId } from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import { digestOfBatch } from '../../src/ordering/check-message.js';
import { type Settled, settle, weigh } from '../../src/ordering/core/ezbft/deciding.js';
import { EzbftEngine } from '../../src/ordering/core/ezbft/engine.js';
import { Judge } from '../../src/ordering/core/ezbft/interference.js';
import { encodeSettlement } from '../../src/ordering/settlement-codec.js';
import {
  type Batch,
  type InstanceValue,
  instanceClient,
  type SpecReply,
} from '../../src/ordering/types.js';
import { makeRequest } from '../support/ordering-rig.js';
import { Cores } from './cores.js';
import type { Trace } from './itf.js';

const value = z.object({ batch: z.number(), deps: z.array(z.number()) });
const reply = z.object({ from: z.number(), space: z.number(), value });
const command = z.object({ by: z.number(), space: z.number(), said: z.array(reply) });
const settled = z.object({ space: z.number(), value });
const state = z.object({
  liar: z.number(),
  replies: z.array(reply),
  fast: z.map(z.number(), z.array(z.number())),
  commands: z.array(command),
  log: z.array(command),
  settled: z.array(settled),
  last: z.object({ kind: z.string(), replica: z.number(), reply, command }),
});
type Value = z.infer<typeof value>;
type Reply = z.infer<typeof reply>;
type Command = z.infer<typeof command>;
type State = z.infer<typeof state>;

const scope = 'ezbft';
const decisions = 'ezbft-decisions';
const replicas = [0, 1, 2, 3];
const judge = new Judge({ interferes: () => true });

/** A request of each replica's own, and of the liar's space another one. */
const batches: readonly (readonly Batch[])[] = replicas.map((space) =>
  [0, 1].map((variant) => [makeRequest(`c${space}`, 1 + variant, `${space}.${variant}`)]),
);

function batchOf(space: number, variant: number): Batch {
  const batch = batches[space]?.[variant];
  if (!batch) throw new Error(`no batch ${variant} of ${space}`);
  return batch;
}

function statementOf({ space, value: { batch, deps } }: Reply): SpecReply {
  const named = judge.valueOf(
    batchOf(space, Math.max(batch, 0)),
    replicas.map((other) => (deps.includes(other) ? 1 : 0)),
  );
  const instance = { space: space as ReplicaId, index: 1 };
  return { kind: 'spec-reply', scope, instance, value: batch < 0 ? null : named };
}

class EzbftReplay {
  readonly #cores: Cores<EzbftEngine>;

  constructor(liar: number) {
    const options = { idleDelayMs: 0, batchDelayMs: 0 };
    this.#cores = new Cores(liar, (...made) => new EzbftEngine(...made), options);
  }

  take({ kind, replica, reply: said, command: given }: State['last']): void {
    switch (kind) {
      case 'init':
        return;
      case 'propose': {
        const [request] = batchOf(replica, 0);
        return request && this.#cores.input(replica, { kind: 'submit', request, nowMs: 0 });
      }
      case 'show': {
        const order = this.#signed(said);
        const batch = batchOf(said.space, said.value.batch);
        return this.#cores.deliver(said.from, replica, { kind: 'spec-order', scope, order, batch });
      }
      case 'hear': {
        const message = { kind: 'spec-reply', scope, reply: this.#signed(said) } as const;
        return this.#cores.deliver(said.from, replica, message);
      }
      case 'order':
        return this.#order(replica, given);
      case 'settle':
        return this.#settle();
      default:
        throw new Error(`no such step: ${kind}`);
    }
  }

  compare({ replies, fast, commands, log, settled: values }: Omit<State, 'last'>): void {
    const cores = this.#cores;
    const { correct } = cores;
    deepStrictEqual(
      {
        replies: sorted(this.#said.map(textOf)),
        fast: correct.map((one) =>
          replicas.filter((s) => cores.hasStored(one, `ezbft/fast/${s}.1`)),
        ),
        commands: sorted(this.#submitted.map(({ from, space }) => `${from}: ${space}`)),
        log: this.#log,
        settled: correct.map((one) => cores.engine(one).settled),
      },
      {
        replies: sorted(replies.map(textOf)),
        fast: correct.map((one) => [...(fast.get(one) ?? [])].sort()),
        commands: sorted(commands.map(({ by, space }) => `${by}: ${space}`)),
        log: log.map(({ space }) => space),
        settled: correct.map(() => values.length),
      },
    );
    deepStrictEqual(
      settledByRule(log.slice(0, values.length)),
      values.map(({ value: one }) => settledText(one)),
    );
    this.#checkOrder();
  }

  /** All interfere: what one has executed is what another has begun with. */
  #checkOrder(): void {
    const histories = this.#cores.correct.map((one) =>
      this.#cores.history(one).map((entry) => entry.split(':').at(-1)),
    );
    const [longest = []] = [...histories].sort((a, b) => b.length - a.length);
    for (const one of histories) deepStrictEqual(one, longest.slice(0, one.length));
  }

  #signed(said: Reply): Signed<SpecReply> {
    if (said.from === this.#cores.liar) return this.#cores.forge(statementOf(said));
    const known = this.#statements.find(
      ({ from, signed }) => from === said.from && signed.statement.instance.space === said.space,
    );
    if (!known) throw new Error(`${said.from} has said nothing of ${said.space}`);
    return known.signed;
  }

  /** The command of a leader, as it sent it, or one that the liar makes. */
  #order(to: number, { by, space, said }: Command): void {
    const sent = this.#submitted.find((one) => one.from === by && one.space === space);
    if (by !== this.#cores.liar && !sent)
      throw new Error(`${by} has submitted nothing of ${space}`);
    const batch = sent?.batch ?? [this.#requestOf(space, said)];
    this.#cores.deliver(by, to, { kind: 'requests', scope: decisions, batch });
  }

  #requestOf(space: number, said: readonly Reply[]): Batch[number] {
    const variant = variantOf(said.map((one) => one.value));
    const payload = encodeSettlement({
      said: [...said]
        .sort((a, b) => a.from - b.from)
        .map((one) => ({ replica: one.from as ReplicaId, reply: this.#signed(one) })),
      touched: variant < 0 ? null : judge.touchedBy(batchOf(space, variant)),
    });
    return { client: instanceClient(space as ReplicaId), number: 1, payload };
  }

  /** The next place of the Decision Module's log goes to all, and all votes for it. */
  #settle(): void {
    const cores = this.#cores;
    const place = Math.min(...cores.correct.map((one) => cores.engine(one).settled)) + 1;
    for (const what of ['pre-prepare', 'phase'] as const) {
      for (const { from, message } of [...cores.sent]) {
        if (message.scope !== decisions || message.kind !== what) continue;
        const { sequence } =
          message.kind === 'phase' ? message.signed.statement : message.prePrepare.statement;
        if (sequence !== place) continue;
        for (const to of cores.correct) if (to !== from) cores.deliver(from, to, message);
      }
    }
  }

  get #statements(): readonly { from: number; signed: Signed<SpecReply> }[] {
    return this.#cores.sent.flatMap(({ from, message }) => {
      if (message.kind === 'spec-order' && message.order.statement.instance.space === from) {
        return [{ from, signed: message.order }];
      }
      return message.kind === 'spec-reply' ? [{ from, signed: message.reply }] : [];
    });
  }

  get #said(): readonly Reply[] {
    return this.#statements.map(({ from, signed }) => {
      const { instance, value: named } = signed.statement;
      const { space } = instance;
      return { from, space, value: named ? readValue(space, named) : refusal };
    });
  }

  get #submitted(): readonly { from: number; space: number; batch: Batch }[] {
    return this.#cores.sent.flatMap(({ from, message }) => {
      if (message.kind !== 'requests' || message.scope !== decisions) return [];
      return message.batch.map((request) => ({ from, space: spaceOf(request), batch: [request] }));
    });
  }

  /** The Decision Module's log, as its primary proposes it. */
  get #log(): readonly number[] {
    const proposed = this.#cores.sent.flatMap(({ message }) =>
      message.scope === decisions && message.kind === 'pre-prepare' ? [message] : [],
    );
    return proposed
      .sort((a, b) => a.prePrepare.statement.sequence - b.prePrepare.statement.sequence)
      .flatMap(({ batch }) => batch.map(spaceOf));
  }
}

/** An engine does not show what an instance was settled as: so the rule that it settles by is asked beside it. */
function settledByRule(log: readonly Command[]): readonly string[] {
  const before: Settled[] = [];
  return log.map(({ space, said }) => {
    const instance = { space: space as ReplicaId, index: 1 };
    const values = said.map((one) => statementOf(one).value);
    const named = settle(instance, weigh(values, { n: 4, f: 1 }), before);
    if (named) before.push({ instance, value: named });
    return settledText(named ? readValue(space, named) : refusal);
  });
}

const refusal: Value = { batch: -1, deps: [] };

function settledText(one: Value): string {
  return one.batch < 0 ? 'no-op' : valueText(one);
}

function readValue(space: number, { digest, deps }: InstanceValue): Value {
  const batch = (batches[space] ?? []).map(digestOfBatch).indexOf(digest);
  return { batch, deps: replicas.filter((other) => other !== space && (deps[other] ?? 0) > 0) };
}

function spaceOf({ client }: Batch[number]): number {
  return replicas.findIndex((space) => instanceClient(space as ReplicaId) === client);
}

/** The batch that follows from these replies, as the model has it; -1 for none. */
function variantOf(said: readonly Value[]): number {
  const texts = said.filter(({ batch }) => batch >= 0).map((one) => valueText(one));
  const candidate = said.find(
    (one) => texts.filter((text) => text === valueText(one)).length >= said.length - 1,
  );
  if (candidate) return candidate.batch;
  return [0, 1].find((variant) => said.filter(({ batch }) => batch === variant).length >= 3) ?? -1;
}

function valueText({ batch, deps }: Value): string {
  return `batch ${batch} after ${[...deps].sort()}`;
}

function textOf({ from, space, value: named }: Reply): string {
  return `${from} says of ${space}: ${valueText(named)}`;
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}

/** A run of `ezbft.qnt` at production cores; throws where they are not where the model is. */
export function replayEzbft(trace: Trace): void {
  const states = trace.map((one) => state.parse(one));
  const replay = new EzbftReplay(states[0]?.liar ?? 0);
  for (const { last, ...expected } of states) {
    replay.take(last);
    replay.compare(expected);
  }
}
