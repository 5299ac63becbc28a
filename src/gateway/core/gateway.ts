import type { CommonOutput, Core, StoredRecord, TimerInput } from '../../kernel/core.js';
import { unreachable } from '../../kernel/ids.js';
import { type EnlistmentRef, refKey } from '../../transaction/participant/messages.js';
import { Activity } from './activity.js';
import { accepted, answer, refused } from './answers.js';
import { isVolatileKey, peerOf } from './keys.js';
import { LeftParticipants } from './left-participants.js';
import type {
  ActivityKey,
  CompletionKey,
  EnlistedInput,
  EnlistmentKey,
  GatewayInput,
  GatewayOptions,
  GatewayOutput,
  PlainInput,
} from './messages.js';
import { type EnlistmentRecord, type Outputs, PlainParticipant } from './plain-participant.js';
import { type ActivityRecord, activityPrefix, enlistmentPrefix, readRecords } from './records.js';

/** A plain participant, and the activity that it is of. */
interface Enlisted {
  readonly activity: Activity;
  readonly participant: PlainParticipant;
}

/**
 * The plain side of a gateway, as a state machine: activities of plain software, each of which is one transaction of
 * the cluster. Its edges carry plain messages, the dialogue with the initiators, and what the gateway's own
 * participant is asked to do.
 */
export class Gateway implements Core<GatewayInput, GatewayOutput> {
  readonly #options: GatewayOptions;
  readonly #activities = new Map<ActivityKey, Activity>();
  readonly #byCompletion = new Map<CompletionKey, Activity>();
  readonly #enlisted = new Map<EnlistmentKey, Enlisted>();
  readonly #byDigest = new Map<string, Enlisted>();
  readonly #byRef = new Map<string, Enlisted>();
  readonly #left: LeftParticipants;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#left = new LeftParticipants(options);
  }

  /** Throws `RangeError` where a record is damaged. */
  restore(records: readonly StoredRecord[]): Outputs {
    const enlistments = readRecords<EnlistmentRecord>(records, enlistmentPrefix);
    const activities = readRecords<ActivityRecord>(records, activityPrefix);
    const known = new Set(activities.map(({ key }) => key));
    const left = enlistments.filter(({ activity }) => !known.has(activity));
    const outputs = this.#left.keep(
      left.map((enlistment) => PlainParticipant.restored(this.#options, enlistment)),
    );
    return [...outputs, ...activities.flatMap((record) => this.#restoreOne(record, enlistments))];
  }

  #restoreOne(record: ActivityRecord, enlistments: readonly EnlistmentRecord[]): Outputs {
    const activity = new Activity(this.#options, record);
    const restored = enlistments
      .filter((enlistment) => enlistment.activity === record.key)
      .map((enlistment) => PlainParticipant.restored(this.#options, enlistment));
    this.#add(activity);
    const outputs = activity.recover(restored);
    this.#index(activity);
    return [...outputs, ...this.#dropIfNothing(activity)];
  }

  handle(input: GatewayInput | TimerInput): Outputs {
    switch (input.kind) {
      case 'create':
        return this.#create(input);
      case 'register':
      case 'invoke': {
        const activity = this.#activities.get(input.activity);
        if (activity === undefined) return answer(input.call, refused('unknown'));
        const outputs =
          input.kind === 'register' ? activity.register(input) : activity.invoke(input);
        this.#index(activity);
        return outputs;
      }
      case 'complete': {
        const unknown = { kind: 'fault', fault: 'UnknownTransaction' } as const;
        const activity = this.#byCompletion.get(input.key);
        return activity?.complete(input) ?? answer(input.call, unknown);
      }
      case 'notified':
        return this.#notified(input);
      case 'begun':
        return this.#step(input.activity, (activity) => activity.begun(input.tid));
      case 'not-begun':
        return this.#step(input.activity, (activity) => activity.notBegun());
      case 'called':
        return this.#step(input.activity, (it) => it.called(input.number, input.answer));
      case 'completed':
        return this.#step(input.activity, (activity) => activity.completed(input.outcome));
      case 'lost':
        return this.#step(input.activity, (activity) => activity.lost());
      case 'told':
        return this.#step(input.activity, (activity) => activity.told(input.isTaken));
      case 'held':
        return this.#held(input);
      case 'enlist':
        return this.#enlist(input);
      case 'prepare':
      case 'commit':
      case 'roll-back':
        return this.#asked(input);
      case 'timer':
        return this.#timer(input.name);
      default:
        return unreachable(input);
    }
  }

  #create({
    call,
    activity: key,
    completion,
    request,
    expiresMs,
  }: Extract<PlainInput, { kind: 'create' }>): Outputs {
    const { activities, activitiesOfPeer, ended } = this.#options.limits;
    const open = [...this.#activities.values()].filter(({ isOver }) => !isOver);
    const own = open.filter((activity) => peerOf(activity.key) === peerOf(key));
    if (open.length >= activities || own.length >= activitiesOfPeer) {
      return answer(call, refused('busy'));
    }
    const over = [...this.#activities.values()].filter(({ isOver }) => isOver);
    const [oldest] = over;
    const gone = oldest !== undefined && over.length >= ended ? this.#forget(oldest) : [];
    const record = { key, completion, request, expiresMs, isTold: false };
    const activity = new Activity(this.#options, record, call);
    this.#add(activity);
    return [...gone, ...activity.begin()];
  }

  #notified({ call, key, event }: Extract<PlainInput, { kind: 'notified' }>): Outputs {
    const enlisted = this.#enlisted.get(key);
    if (enlisted !== undefined) {
      const { outputs, answer: said } = enlisted.activity.notified(enlisted.participant, event);
      return [...outputs, ...answer(call, said)];
    }
    const left = this.#left.notified(key, event);
    if (left !== undefined) return [...left.outputs, ...answer(call, left.answer)];
    // Of a durable one that is not known nothing is said: it may have been forgotten only once it had ended.
    const isVolatile = isVolatileKey(key) && event === 'prepared';
    return answer(call, isVolatile ? { kind: 'fault', fault: 'UnknownTransaction' } : accepted);
  }

  #held({ call, refs }: Extract<EnlistedInput, { kind: 'held' }>): Outputs {
    const held = new Set(refs.map(refKey));
    const outputs = [...this.#activities.values()].flatMap((activity) => activity.held(held));
    return [...outputs, ...answer(call, accepted)];
  }

  /** Only for a participant that this gateway has registered, and once. */
  #enlist({ call, ref, digest }: Extract<EnlistedInput, { kind: 'enlist' }>): Outputs {
    const enlisted = this.#byDigest.get(digest);
    if (enlisted === undefined || enlisted.activity.tid !== ref.tid) {
      return answer(call, refused('unknown'));
    }
    const { participant } = enlisted;
    if (participant.ref !== undefined) return answer(call, refused('too-late'));
    this.#byRef.set(refKey(ref), enlisted);
    return [...participant.bind(ref), ...answer(call, accepted)];
  }

  #asked({
    kind,
    call,
    ref,
  }: Extract<EnlistedInput, { kind: 'prepare' | 'commit' | 'roll-back' }>) {
    const enlisted = this.#byRef.get(refKey(ref));
    if (enlisted === undefined) return this.#unbound(kind, call, ref);
    const { activity, participant } = enlisted;
    switch (kind) {
      case 'prepare':
        return activity.prepare(participant, call);
      case 'commit':
        return activity.commit(participant, call);
      case 'roll-back':
        return activity.rollBack(participant, call);
      default:
        return unreachable(kind);
    }
  }

  /** No plain participant stands behind the enlistment, or none any more: it has ended. */
  #unbound(
    kind: 'prepare' | 'commit' | 'roll-back',
    call: EnlistedInput['call'],
    ref: EnlistmentRef,
  ) {
    const log: CommonOutput = { kind: 'log', level: 'info', event: 'not-enlisted', data: ref };
    const said = kind === 'prepare' ? ({ kind: 'vote', vote: 'aborted' } as const) : settled;
    return [log, ...answer(call, said)];
  }

  #timer(name: string): Outputs {
    const slash = name.indexOf('/');
    const kind = name.slice(0, slash);
    const key = name.slice(slash + 1);
    switch (kind) {
      case 'vote':
      case 'resend': {
        const enlisted = this.#enlisted.get(key as EnlistmentKey);
        return enlisted?.activity.participantTimer(enlisted.participant, kind) ?? [];
      }
      case 'expires':
      case 'tell':
      case 'deliver':
        return this.#step(key as ActivityKey, (activity) => activity.timerRanOut(kind));
      case 'forget':
        return this.#step(key as ActivityKey, (activity) =>
          activity.isOver ? this.#forget(activity) : [],
        );
      default:
        throw new RangeError(`no timer of the gateway: ${name}`);
    }
  }

  #step(key: ActivityKey, step: (activity: Activity) => Outputs): Outputs {
    const activity = this.#activities.get(key);
    if (activity === undefined) return [];
    const outputs = step(activity);
    return [...outputs, ...this.#dropIfNothing(activity)];
  }

  /** An activity without an outcome is over at once: there is none to ask for. */
  #dropIfNothing(activity: Activity): Outputs {
    if (activity.isOver && !activity.hasOutcome) this.#drop(activity);
    return [];
  }

  #forget(activity: Activity): Outputs {
    this.#drop(activity);
    return [...activity.forget(), ...this.#left.keep(activity.participants)];
  }

  #add(activity: Activity): void {
    this.#activities.set(activity.key, activity);
    this.#byCompletion.set(activity.completion, activity);
  }

  #index(activity: Activity): void {
    for (const participant of activity.participants) {
      if (this.#enlisted.has(participant.key)) continue;
      const enlisted = { activity, participant };
      this.#enlisted.set(participant.key, enlisted);
      this.#byDigest.set(participant.digest, enlisted);
      if (participant.ref !== undefined) this.#byRef.set(refKey(participant.ref), enlisted);
    }
  }

  #drop(activity: Activity): void {
    this.#activities.delete(activity.key);
    this.#byCompletion.delete(activity.completion);
    for (const { key, digest, ref } of activity.participants) {
      this.#enlisted.delete(key);
      this.#byDigest.delete(digest);
      if (ref !== undefined) this.#byRef.delete(refKey(ref));
    }
  }
}

const settled = { kind: 'settled' } as const;
