import type { CommonOutput } from '../../kernel/core.js';
import { sha256 } from '../../kernel/digest.js';
import { type Digest, type TransactionId, unreachable } from '../../kernel/ids.js';
import { type CallId, refKey } from '../../transaction/participant/messages.js';
import {
  type CompletionState,
  completionTable,
  transition,
} from '../../transaction/state-tables.js';
import { accepted, answer, refused } from './answers.js';
import { DialogueCalls } from './dialogue-calls.js';
import type {
  ActivityKey,
  CallAnswer,
  CompletionKey,
  Decision,
  EnlistmentKey,
  GatewayAnswer,
  GatewayOptions,
  GatewayOutput,
  Outcome,
  PlainInput,
} from './messages.js';
import { type Outputs, PlainParticipant, type Step } from './plain-participant.js';
import { type ActivityRecord, activityPrefix, writeRecord } from './records.js';
import { Telling } from './telling.js';

type Register = Extract<PlainInput, { kind: 'register' }>;
type Invoke = Extract<PlainInput, { kind: 'invoke' }>;
type Complete = Extract<PlainInput, { kind: 'complete' }>;

/**
 * One activity of plain software: a transaction of the cluster that the gateway drives as a client, with plain
 * participants. Volatile ones are prepared first, then the initiators are asked for the commit; durable ones are
 * prepared when the coordinators ask the gateway's participant. The client is sent the outcome once all have answered.
 */
export class Activity {
  readonly #options: GatewayOptions;
  readonly #participants = new Map<EnlistmentKey, PlainParticipant>();
  readonly #calls: DialogueCalls;
  readonly #telling: Telling;
  #record: ActivityRecord;
  #creator: CallId | undefined;
  #isOver = false;

  constructor(options: GatewayOptions, record: ActivityRecord, creator?: CallId) {
    this.#options = options;
    this.#record = record;
    this.#creator = creator;
    this.#calls = new DialogueCalls(record.key, options.limits.calls);
    this.#telling = new Telling(options);
  }

  get key(): ActivityKey {
    return this.#record.key;
  }

  get completion(): CompletionKey {
    return this.#record.completion;
  }

  get tid(): TransactionId | undefined {
    return this.#record.tid;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get hasOutcome(): boolean {
    return this.#record.outcome !== undefined;
  }

  get participants(): Iterable<PlainParticipant> {
    return this.#participants.values();
  }

  begin(): Outputs {
    return [
      ...this.#persist({}),
      { kind: 'begin', activity: this.key, request: this.#record.request },
    ];
  }

  begun(tid: TransactionId): Outputs {
    if (this.tid !== undefined) return [];
    return [
      ...this.#persist({ tid }),
      { kind: 'start-timer', name: `expires/${this.key}`, delayMs: this.#record.expiresMs },
      ...this.#answerCreator({ kind: 'created', tid }),
    ];
  }

  /** The initiators know nothing of it, and nothing came of it. */
  notBegun(): Outputs {
    this.#isOver = true;
    return [...this.#answerCreator(refused('failed')), ...this.forget()];
  }

  /** What a restart of the gateway leaves of it. `restored`: its durable participants; the volatile ones are lost. */
  recover(restored: readonly PlainParticipant[]): Outputs {
    for (const participant of restored) this.#participants.set(participant.key, participant);
    const { tid, decision, outcome } = this.#record;
    if (tid === undefined) return this.notBegun();
    const sent = restored.flatMap((participant) => participant.resume());
    if (outcome !== undefined) {
      return [...sent, this.#telling.limit(this.#record), ...this.#deliver()];
    }
    // Undecided: its participants that have not prepared are enlisted no more.
    return [
      ...sent,
      ...(decision === undefined ? this.#decide('rollback') : this.#finish(decision)),
    ];
  }

  /** `held`: the refs of what the gateway's participant has voted for. What it has not it never will. */
  held(held: ReadonlySet<string>): Outputs {
    return [...this.participants].flatMap((participant) => {
      const { ref, isInDoubt, hasEnded } = participant;
      const mayCommit = isInDoubt && ref !== undefined && held.has(refKey(ref));
      return hasEnded || mayCommit ? [] : participant.rollBack();
    });
  }

  register(input: Register): Outputs {
    const { call, protocol } = input;
    const again = this.#calls.again(nameOf(input), call);
    if (again !== undefined) return again;
    const isEarly = this.#record.decision === undefined && this.#record.outcome === undefined;
    if (this.tid === undefined) return answer(call, refused('unknown'));
    if (!isEarly || this.#record.asked === 'rollback') return answer(call, refused('too-late'));
    switch (protocol) {
      case 'completion':
        return this.#registerClient(input);
      case 'volatile':
        return this.#registerVolatile(input);
      case 'durable':
        return this.#registerDurable(input);
      default:
        return unreachable(protocol);
    }
  }

  invoke(input: Invoke): Outputs {
    const { call, service } = input;
    const again = this.#calls.again(nameOf(input), call);
    if (again !== undefined) return again;
    if (this.tid === undefined) return answer(call, refused('unknown'));
    if (this.#record.asked !== undefined || this.#record.decision !== undefined) {
      return answer(call, refused('too-late'));
    }
    if (this.#calls.isFull) return answer(call, refused('full'));
    return this.#calls.make({ service, call, name: nameOf(input), key: undefined });
  }

  called(number: number, result: CallAnswer | undefined): Outputs {
    const { outputs, isLost } = this.#calls.called(number, result);
    return [...outputs, ...(isLost ? this.#abort() : this.#commitOncePrepared())];
  }

  complete({ call, event, messageId }: Complete): Outputs {
    const found = transition(completionTable, this.#completionState, event);
    if (found === 'impossible') return answer(call, accepted);
    const outputs: (GatewayOutput | CommonOutput)[] = [];
    let said: GatewayAnswer = accepted;
    for (const action of found.actions) {
      switch (action) {
        case 'start 2PC':
          outputs.push(...this.#persist({ asked: 'commit', askedBy: messageId }));
          outputs.push(...this.#prepareVolatile());
          break;
        case 'abort':
        case 'abort if undecided':
          if (this.#record.decision === 'commit') break;
          outputs.push(...this.#persist({ asked: 'rollback', askedBy: messageId }));
          outputs.push(...this.#abort());
          break;
        case 'fault InvalidState':
          said = { kind: 'fault', fault: 'InvalidState' };
          break;
        case 'fault UnknownTransaction':
          said = { kind: 'fault', fault: 'UnknownTransaction' };
          break;
        case 'send Committed':
        case 'send Aborted':
          if (this.#record.outcome === undefined) break;
          outputs.push(...this.#persist({ asked: event, askedBy: messageId, isTold: false }));
          this.#telling.again();
          break;
        default:
          return unreachable(action);
      }
    }
    // The client may rely on what is accepted: it is on disk before.
    return [...outputs, ...answer(call, said), ...this.#deliver()];
  }

  notified(participant: PlainParticipant, event: Parameters<PlainParticipant['notified']>[0]) {
    return this.#taken(participant.notified(event));
  }

  participantTimer(participant: PlainParticipant, name: 'vote' | 'resend'): Outputs {
    return this.#taken(participant.timerRanOut(name)).outputs;
  }

  /** Asked by the gateway's participant, which checked that the initiators asked for the commit. */
  prepare(participant: PlainParticipant, call: CallId): Outputs {
    return participant.prepare(call);
  }

  commit(participant: PlainParticipant, call: CallId): Outputs {
    return [...this.completed('committed'), ...participant.commit(call), ...this.#deliver()];
  }

  rollBack(participant: PlainParticipant, call: CallId): Outputs {
    const isProved = participant.isInDoubt;
    const outputs = participant.rollBack(call);
    return [...outputs, ...(isProved ? this.completed('aborted') : this.#abort())];
  }

  /** The outcome, as `f + 1` initiators say or a certificate proves. */
  completed(outcome: Outcome): Outputs {
    if (this.#record.outcome !== undefined) return [];
    const participants = [...this.participants];
    return [
      ...this.#persist({ outcome }),
      { kind: 'stop-timer', name: `expires/${this.key}` },
      ...participants.flatMap((participant) => this.#settle(participant, outcome)),
      { kind: 'leave', activity: this.key },
      this.#telling.limit(this.#record),
      ...this.#deliver(),
    ];
  }

  /**
   * Asked for the commit, the initiators have forgotten it. What is proved to a durable participant in doubt ends it;
   * without the vote of one nothing has committed; else the outcome is not known, and its client is sent none.
   */
  lost(): Outputs {
    if (this.hasOutcome) return [];
    const durable = [...this.participants].filter(({ protocol }) => protocol === 'durable');
    const data = { tid: this.tid };
    const log = { kind: 'log', level: 'warn', event: 'outcome-lost', data } as const;
    if (durable.some(({ isInDoubt }) => isInDoubt)) return [log];
    if (durable.some(({ lacksVote }) => lacksVote)) return [log, ...this.completed('aborted')];
    this.#isOver = true;
    return [log, ...this.forget()];
  }

  told(isTaken: boolean): Outputs {
    if (this.#record.isTold) return [];
    const retry = isTaken ? undefined : this.#telling.retry(this.#record);
    if (retry !== undefined) return [retry];
    return [...this.#persist({ isTold: true }), ...this.#deliver()];
  }

  timerRanOut(name: 'expires' | 'tell' | 'deliver'): Outputs {
    switch (name) {
      case 'expires':
        return this.#abort();
      case 'tell':
        this.#telling.late();
        return this.#deliver();
      case 'deliver':
        return this.#telling.tell(this.#record);
      default:
        return unreachable(name);
    }
  }

  /** All but the records of participants that are owed a Rollback. */
  forget(): Outputs {
    const timers = ['expires', 'tell', 'deliver', 'forget'] as const;
    return [
      { kind: 'persist', key: activityPrefix + this.key, value: null },
      ...[...this.participants].flatMap((participant) =>
        participant.isOwedRollback ? [] : participant.forget(),
      ),
      ...timers.map((name) => ({ kind: 'stop-timer' as const, name: `${name}/${this.key}` })),
      { kind: 'leave', activity: this.key },
    ];
  }

  get #completionState(): CompletionState {
    const { asked, outcome, tid } = this.#record;
    if (tid === undefined) return 'Unknown';
    if (outcome !== undefined) return outcome === 'committed' ? 'Committed' : 'Aborted';
    return asked === undefined ? 'Active' : 'Completing';
  }

  #registerClient(input: Register): Outputs {
    const { call, endpoint } = input;
    if (this.#record.client !== undefined) return answer(call, refused('too-late'));
    const said = this.#calls.remember(nameOf(input), this.completion);
    return [...this.#persist({ client: endpoint }), ...answer(call, said)];
  }

  #registerVolatile(input: Register): Outputs {
    const others = [...this.participants].filter(({ protocol }) => protocol === 'volatile');
    const { call } = input;
    if (others.length >= this.#options.limits.volatile) return answer(call, refused('full'));
    const participant = this.#add(input, 'volatile');
    const said = this.#calls.remember(nameOf(input), participant.key);
    const prepared = this.#record.asked === 'commit' ? participant.prepare() : [];
    return [...answer(call, said), ...prepared];
  }

  /** The initiators have the gateway's participant enlist it; it is registered once a quorum of coordinators has it. */
  #registerDurable(input: Register): Outputs {
    const { call, digest } = input;
    if (this.#calls.isFull) return answer(call, refused('full'));
    const own = this.#add(input, 'durable');
    const { participant } = this.#options;
    const service = { participant, operation: 'enlist', payload: JSON.stringify(digest) };
    const made = this.#calls.make({ service, call, name: nameOf(input), key: own.key });
    return [...own.record(), ...made];
  }

  #add({ key, digest, endpoint }: Register, protocol: 'volatile' | 'durable'): PlainParticipant {
    const made = { key, digest, endpoint, protocol, activity: this.key };
    const participant = new PlainParticipant(this.#options, made);
    this.#participants.set(key, participant);
    return participant;
  }

  #prepareVolatile(): Outputs {
    const outputs = [...this.participants].flatMap((participant) =>
      participant.protocol === 'volatile' ? participant.prepare() : [],
    );
    return [...outputs, ...this.#commitOncePrepared()];
  }

  /**
   * Volatile participants have voted before any durable one is asked to. All calls are answered: none of them is made after a
   * restart, where the decision is all that is known, so that a commit would be one without it.
   */
  #commitOncePrepared(): Outputs {
    const { asked, decision } = this.#record;
    if (asked !== 'commit' || decision !== undefined) return [];
    const isReady = [...this.participants].every(
      ({ protocol, hasVoted }) => protocol === 'durable' || hasVoted,
    );
    return isReady && this.#calls.areAnswered ? this.#decide('commit') : [];
  }

  /** Rolls back, unless the initiators were asked for the commit. */
  #abort(): Outputs {
    return this.#record.decision === undefined && this.#record.outcome === undefined
      ? this.#decide('rollback')
      : [];
  }

  #decide(decision: Decision): Outputs {
    const outputs = [...this.#persist({ decision }), ...this.#finish(decision)];
    if (decision === 'commit') return outputs;
    return [
      ...outputs,
      ...[...this.participants].flatMap((participant) => this.#settle(participant, 'aborted')),
    ];
  }

  #finish(decision: Decision): Outputs {
    const { request, tid } = this.#record;
    if (tid === undefined) return [];
    return [{ kind: 'finish', activity: this.key, request, tid, decision }];
  }

  /** A durable participant that is in doubt waits for what is proved to the gateway's participant. */
  #settle(participant: PlainParticipant, outcome: Outcome): Outputs {
    if (participant.hasEnded) return [];
    if (participant.protocol === 'volatile') {
      return outcome === 'committed' ? participant.commit() : participant.rollBack();
    }
    return outcome === 'committed' || participant.isInDoubt ? [] : participant.rollBack();
  }

  #taken({ outputs, answer: said, aborts }: Step): { outputs: Outputs; answer: GatewayAnswer } {
    return {
      outputs: [
        ...outputs,
        ...(aborts ? this.#abort() : []),
        ...this.#commitOncePrepared(),
        ...this.#deliver(),
      ],
      answer: said,
    };
  }

  /** Sends the client its outcome once all participants have answered, or the time for that is over. */
  #deliver(): Outputs {
    const { outcome, asked, client, isTold } = this.#record;
    if (outcome === undefined) return [];
    const haveAnswered = [...this.participants].every(({ hasEnded }) => hasEnded);
    const isAwaited = asked !== undefined && client !== undefined && !isTold;
    if (isAwaited) return this.#telling.first(this.#record, haveAnswered);
    if (!haveAnswered || this.#isOver) return [];
    this.#isOver = true;
    const { keptMs } = this.#options.timing;
    return [{ kind: 'start-timer', name: `forget/${this.key}`, delayMs: keptMs }];
  }

  #persist(changes: Partial<ActivityRecord>): Outputs {
    this.#record = { ...this.#record, ...changes };
    return [{ kind: 'persist', key: activityPrefix + this.key, value: writeRecord(this.#record) }];
  }

  #answerCreator(said: GatewayAnswer): Outputs {
    const call = this.#creator;
    this.#creator = undefined;
    return answer(call, said);
  }
}

/** Requests that are one have one name. What is asked for is in it: another call, or participant, under the same id is none. */
function nameOf(input: Register | Invoke): string {
  const { kind, messageId } = input;
  switch (kind) {
    case 'register':
      return `${kind} ${messageId} ${digestOf(JSON.stringify([input.protocol, input.endpoint]))}`;
    case 'invoke':
      return `${kind} ${messageId} ${input.service.operation} ${digestOf(input.service.payload)}`;
    default:
      return unreachable(kind);
  }
}

const digestOf = (text: string): Digest => sha256(new TextEncoder().encode(text));
