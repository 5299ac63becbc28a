import { Gateway } from '../../../src/gateway/core/gateway.js';
import type {
  ActivityKey,
  CallAnswer,
  CompletionKey,
  EnlistmentKey,
  GatewayAnswer,
  GatewayInput,
  GatewayOptions,
  GatewayOutput,
  Outcome,
  PlainEndpoint,
  ToParticipant,
} from '../../../src/gateway/core/messages.js';
import type { CommonOutput, TimerInput } from '../../../src/kernel/core.js';
import {
  clientId,
  digest,
  enlistmentId,
  participantId,
  transactionId,
} from '../../../src/kernel/ids.js';
import {
  type CallId,
  type EnlistmentRef,
  refKey,
} from '../../../src/transaction/participant/messages.js';

export const options: GatewayOptions = {
  participant: participantId('gw'),
  timing: { voteTimeoutMs: 10_000, resendAfterMs: 5000, tellAfterMs: 25_000, keptMs: 600_000 },
  limits: {
    activities: 8,
    activitiesOfPeer: 8,
    ended: 2,
    calls: 4,
    volatile: 4,
    left: 2,
    repetitions: 3,
  },
};

export const activity = 'R-1' as ActivityKey;
export const completion = 'C-1' as CompletionKey;
export const tid = transactionId('00000000-0000-4000-8000-000000000001');
const client: PlainEndpoint = { address: 'http://client', parameters: [], version: '1.1' };

/** What a plain participant does with what it is sent. */
export type Behaviour = Partial<
  Readonly<Record<ToParticipant, 'prepared' | 'readOnly' | 'aborted' | 'committed' | 'nothing'>>
>;
const usual = { Prepare: 'prepared', Commit: 'committed', Rollback: 'aborted' } as const;

interface PlainOne {
  readonly behaviour: Behaviour;
  readonly received: ToParticipant[];
  /** Durable: it has voted, and waits for the outcome. */
  isInDoubt: boolean;
  /** The call of its Register. */
  readonly call: number;
  hasEnded: boolean;
}

type Input = GatewayInput | TimerInput;

/**
 * One gateway with everything around it, in virtual time: the initiators and the coordinators, which agree; the
 * gateway's participant, whose records survive; plain software. The gateway may crash between any two of its outputs.
 */
export class GatewayRig {
  readonly store = new Map<string, Uint8Array>();
  readonly plain = new Map<EnlistmentKey, PlainOne>();
  readonly answers = new Map<number, GatewayAnswer>();
  readonly told: Outcome[] = [];
  /** Calls of a participant of the cluster that were made. */
  readonly made: string[] = [];
  /** What comes of them. */
  callAnswer: CallAnswer | undefined = { kind: 'done', result: 'null' };
  /** What the cluster has decided. */
  outcome: Outcome | undefined;
  /** Outputs that the gateway has performed. */
  outputs = 0;
  /** Crashes once it has performed so many. */
  crashAfter = Number.POSITIVE_INFINITY;
  core = new Gateway(options);
  readonly #queue: Input[] = [];
  /** What the dialogue with the initiators is yet to do: all else is faster than a call. */
  readonly #dialogue: (() => void)[] = [];
  readonly #timers = new Map<string, number>();
  /** Enlistments of this run of the gateway's participant; those that voted; those that are on its record. */
  #enlisted = new Map<string, EnlistmentRef>();
  readonly #votes = new Map<string, 'prepared' | 'readOnly' | 'aborted'>();
  readonly #held = new Map<string, EnlistmentRef>();
  readonly #known = new Set<string>();
  readonly #preparing = new Set<string>();
  readonly #waiting = new Map<number, (answer: GatewayAnswer) => void>();
  #isCommitAsked = false;
  #registration = 0;
  #calls = 0;
  #nowMs = 0;
  #keys = 0;

  /** The handle of the answer. */
  ask(
    input: Input extends infer Each
      ? Each extends { call: CallId }
        ? Omit<Each, 'call'>
        : never
      : never,
  ) {
    const call = this.#next();
    this.#input({ ...input, call } as Input);
    return call;
  }

  /** Whether the gateway has answered the client's Register. */
  get hasClient(): boolean {
    return this.answers.get(this.#registration)?.kind === 'registered';
  }

  begin(): void {
    const request = { client: clientId('gw-client/1'), timestamp: 1 };
    this.ask({ kind: 'create', activity, completion, request, expiresMs: 30_000 });
    this.run();
    this.register('completion', {});
  }

  register(protocol: 'completion' | 'volatile' | 'durable', behaviour: Behaviour): EnlistmentKey {
    this.#keys += 1;
    const key = `${protocol === 'volatile' ? 'V' : 'D'}-${this.#keys}` as EnlistmentKey;
    const endpoint = { ...client, address: `http://${key}` };
    if (protocol !== 'completion')
      this.plain.set(key, {
        behaviour,
        ...{ received: [], isInDoubt: false, hasEnded: false },
        call: this.#calls + 1,
      });
    if (protocol === 'completion') this.#registration = this.#calls + 1;
    const id = digest(String(this.#keys).padStart(64, '0'));
    this.ask({
      kind: 'register',
      ...{ activity, protocol, key, digest: id, messageId: `urn:${key}` },
      endpoint: protocol === 'completion' ? client : endpoint,
    });
    this.run();
    return key;
  }

  complete(event: 'commit' | 'rollback'): number {
    return this.ask({ kind: 'complete', key: completion, event, messageId: `urn:${event}` });
  }

  /** Has the cluster's hotel called, which is under way until nothing else is. */
  invoke(): number {
    const service = { participant: participantId('hotel'), operation: 'reserve', payload: '1' };
    return this.ask({ kind: 'invoke', activity, service, messageId: 'urn:call' });
  }

  notify(key: EnlistmentKey, event: 'prepared' | 'readOnly' | 'aborted' | 'committed'): number {
    return this.ask({ kind: 'notified', key, event });
  }

  /** Until nothing is under way but timers. */
  run(): void {
    for (;;) {
      const input = this.#queue.shift();
      if (input !== undefined) this.#step(input);
      else if (this.#dialogue.length > 0) this.#dialogue.shift()?.();
      else return;
    }
  }

  /** Until all is over, or so much time has passed. */
  settle(forMs = 400_000): void {
    const endMs = this.#nowMs + forMs;
    for (this.run(); ; this.run()) {
      const [first] = [...this.#timers].sort(([, a], [, b]) => a - b);
      if (first === undefined || first[1] > endMs) return;
      this.#nowMs = first[1];
      this.#timers.delete(first[0]);
      this.#step({ kind: 'timer', name: first[0] });
    }
  }

  /** All that is in memory is gone, the gateway's and its participant's. */
  crash(): void {
    this.crashAfter = Number.POSITIVE_INFINITY;
    this.#queue.splice(0);
    this.#dialogue.splice(0);
    this.#timers.clear();
    this.#waiting.clear();
    this.#preparing.clear();
    this.#enlisted = new Map(this.#held);
    this.core = new Gateway(options);
    const records = [...this.store].map(([key, value]) => ({ key, value }));
    this.#perform(this.core.restore(records));
    this.ask({ kind: 'held', refs: [...this.#held.values()] });
    for (const ref of this.#held.values()) this.#settleByProof(ref);
    // Plain participants in doubt ask again.
    for (const [key, { isInDoubt }] of this.plain) if (isInDoubt) this.notify(key, 'prepared');
    if (this.#isCommitAsked) this.#decide();
  }

  #next(): CallId {
    this.#calls += 1;
    return this.#calls as CallId;
  }

  #input(input: Input): void {
    this.#queue.push(input);
  }

  #step(input: Input): void {
    this.#perform(this.core.handle(input));
  }

  #perform(outputs: readonly (GatewayOutput | CommonOutput)[]): void {
    for (const output of outputs) {
      if (this.outputs >= this.crashAfter) return this.crash();
      this.outputs += 1;
      this.#performOne(output);
    }
  }

  #performOne(output: GatewayOutput | CommonOutput): void {
    switch (output.kind) {
      case 'persist':
        if (output.value === null) this.store.delete(output.key);
        else this.store.set(output.key, output.value);
        return;
      case 'start-timer':
        this.#timers.set(output.name, this.#nowMs + output.delayMs);
        return;
      case 'stop-timer':
        this.#timers.delete(output.name);
        return;
      case 'answer':
        this.answers.set(output.call, output.answer);
        return this.#waiting.get(output.call)?.(output.answer);
      case 'begin':
        return this.#input({ kind: 'begun', activity: output.activity, tid });
      case 'call':
        if (output.service.operation !== 'enlist') return this.#call(output);
        return this.#enlist(output.activity, output.number, JSON.parse(output.service.payload));
      case 'finish':
        // After the calls before it.
        if (this.#dialogue.length === 0) return this.#finish(output.decision);
        this.#dialogue.push(() => this.#finish(output.decision));
        return;
      case 'send':
        return this.#sent(output.key, output.message);
      case 'tell':
        this.told.push(output.outcome);
        return this.#input({ kind: 'told', activity: output.activity, isTaken: true });
      case 'leave':
      case 'log':
        return;
    }
  }

  #call({ activity: of, number, service }: Extract<GatewayOutput, { kind: 'call' }>): void {
    this.#dialogue.push(() => {
      this.made.push(service.operation);
      this.#input({ kind: 'called', activity: of, number, answer: this.callAnswer });
    });
  }

  #sent(key: EnlistmentKey, message: ToParticipant): void {
    const one = this.plain.get(key);
    if (one === undefined) throw new Error(`no participant ${key}`);
    one.received.push(message);
    const event = one.behaviour[message] ?? usual[message];
    if (message === 'Prepare') one.isInDoubt = event === 'prepared';
    else if (event !== 'nothing') one.isInDoubt = false;
    if (event === 'nothing') return;
    if (event !== 'prepared') one.hasEnded = true;
    this.notify(key, event);
  }

  /** The initiators call the gateway's participant, which enlists at the coordinators, and then does the work. */
  #enlist(of: ActivityKey, number: number, payload: string): void {
    const ref = { tid, enlistment: enlistmentId(`gw.${number}`) };
    this.#enlisted.set(refKey(ref), ref);
    this.#known.add(refKey(ref));
    this.#askFor({ kind: 'enlist', ref, digest: digest(payload) }, (said) => {
      const isDone = said.kind === 'accepted';
      const answer = isDone
        ? ({ kind: 'done', result: 'null' } as const)
        : ({ kind: 'refused', reason: said.kind } as const);
      if (!isDone) this.#votes.set(refKey(ref), 'aborted');
      this.#input({ kind: 'called', activity: of, number, answer });
    });
  }

  #finish(decision: 'commit' | 'rollback'): void {
    if (this.outcome === undefined && decision === 'rollback') this.outcome = 'aborted';
    else if (decision === 'commit') this.#isCommitAsked = true;
    this.#decide();
  }

  /** The coordinators: all votes are asked for; one that cannot come any more is an abort. */
  #decide(): void {
    for (const key of this.#known) {
      const ref = this.#enlisted.get(key);
      const isAsked = this.#votes.has(key) || this.#preparing.has(key);
      if (isAsked || this.outcome !== undefined) continue;
      this.#preparing.add(key);
      if (ref === undefined) this.#votes.set(key, 'aborted');
      else {
        this.#askFor({ kind: 'prepare', ref }, (said) => {
          const vote = said.kind === 'vote' ? said.vote : 'aborted';
          if (vote === 'prepared') this.#held.set(key, ref);
          this.#votes.set(key, vote);
          if (vote === 'aborted') this.#askFor({ kind: 'roll-back', ref }, () => undefined);
          this.#decide();
        });
      }
    }
    const votes = [...this.#votes.values()];
    if (votes.includes('aborted')) this.outcome ??= 'aborted';
    const isComplete = votes.length === this.#known.size && this.#isCommitAsked;
    if (isComplete) this.outcome ??= 'committed';
    if (this.outcome === undefined) return;
    for (const ref of this.#held.values()) this.#settleByProof(ref);
    this.#input({ kind: 'completed', activity, outcome: this.outcome });
  }

  #settleByProof(ref: EnlistmentRef): void {
    if (this.outcome === undefined) return;
    const kind = this.outcome === 'committed' ? 'commit' : 'roll-back';
    this.#askFor({ kind, ref }, (said) => {
      if (said.kind === 'settled') this.#held.delete(refKey(ref));
    });
  }

  #askFor(
    question:
      | { kind: 'enlist'; ref: EnlistmentRef; digest: ReturnType<typeof digest> }
      | { kind: 'prepare' | 'commit' | 'roll-back'; ref: EnlistmentRef },
    then: (answer: GatewayAnswer) => void,
  ): void {
    const call = this.#next();
    this.#waiting.set(call, then);
    this.#input({ ...question, call });
  }
}
