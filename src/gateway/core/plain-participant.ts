import { type CommonOutput, resendDelayMs } from '../../kernel/core.js';
import type { Digest } from '../../kernel/ids.js';
import type { CallId, EnlistmentRef } from '../../transaction/participant/messages.js';
import {
  type CoordinatorEvent,
  type CoordinatorState,
  coordinatorTable,
  transition,
} from '../../transaction/state-tables.js';
import { accepted, answer } from './answers.js';
import type {
  ActivityKey,
  EnlistmentKey,
  GatewayAnswer,
  GatewayOptions,
  GatewayOutput,
  Outcome,
  PlainEndpoint,
  PlainProtocol,
  ToParticipant,
} from './messages.js';
import { enlistmentPrefix, writeRecord } from './records.js';

export type Outputs = readonly (GatewayOutput | CommonOutput)[];

/** How a plain participant ended: by its vote, or by the outcome that it acknowledged. */
export type End = 'readOnly' | Outcome | 'given-up';

/** What is on disk of a durable plain participant. */
export interface EnlistmentRecord {
  readonly key: EnlistmentKey;
  readonly activity: ActivityKey;
  readonly digest: Digest;
  readonly endpoint: PlainEndpoint;
  readonly ref?: EnlistmentRef | undefined;
  readonly hasPrepared: boolean;
  /** Known: it is sent to the participant until that has acknowledged it. */
  readonly outcome?: Outcome | undefined;
  readonly end?: End | undefined;
}

export interface NewParticipant {
  readonly key: EnlistmentKey;
  readonly activity: ActivityKey;
  readonly digest: Digest;
  readonly endpoint: PlainEndpoint;
  readonly protocol: PlainProtocol;
}

/** What a step of a participant means for its activity. */
export interface Step {
  readonly outputs: Outputs;
  /** What the participant asks to be answered with. */
  readonly answer: GatewayAnswer;
  /** The whole transaction is to be rolled back. */
  readonly aborts: boolean;
}

/**
 * One plain participant: what a coordinator does with it, read from `coordinatorTable`. A durable one is in two-phase
 * commit as the gateway's own participant is asked; a volatile one as the gateway itself decides.
 */
export class PlainParticipant {
  readonly protocol: PlainProtocol;
  readonly #options: GatewayOptions;
  readonly #new: Omit<NewParticipant, 'protocol'>;
  #state: CoordinatorState = 'Active';
  #ref: EnlistmentRef | undefined;
  #hasPrepared = false;
  /** It was sent Prepare, or may have been before a restart. */
  #wasAsked = false;
  #outcome: Outcome | undefined;
  #end: End | undefined;
  #asked: CallId | undefined;
  #repetitions = 0;

  constructor(options: GatewayOptions, { protocol, ...rest }: NewParticipant) {
    this.#options = options;
    this.protocol = protocol;
    this.#new = rest;
  }

  static restored(options: GatewayOptions, record: EnlistmentRecord): PlainParticipant {
    const { key, activity, digest, endpoint, ref, hasPrepared, outcome, end } = record;
    const made = { key, activity, digest, endpoint, protocol: 'durable' as const };
    const participant = new PlainParticipant(options, made);
    participant.#ref = ref;
    participant.#hasPrepared = hasPrepared;
    participant.#wasAsked = true;
    participant.#outcome = outcome;
    participant.#end = end;
    participant.#state = stateOf(record);
    return participant;
  }

  get key(): EnlistmentKey {
    return this.#new.key;
  }

  get digest(): Digest {
    return this.#new.digest;
  }

  get ref(): EnlistmentRef | undefined {
    return this.#ref;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Whether its vote binds it: an outcome that is proved has to reach it. */
  get isInDoubt(): boolean {
    return this.#hasPrepared && this.#outcome === undefined && !this.hasEnded;
  }

  get hasVoted(): boolean {
    return this.hasEnded || this.#hasPrepared;
  }

  /** Nothing commits with it: what it has not voted for the gateway's participant has not either. */
  get lacksVote(): boolean {
    return !this.#hasPrepared && this.#end !== 'readOnly';
  }

  /**
   * It was given up, and may have prepared all the same. It has not committed: without its vote the gateway's participant
   * never votes for it, and one that has voted is not given up.
   */
  get isOwedRollback(): boolean {
    return this.protocol === 'durable' && this.#end === 'given-up' && this.#wasAsked;
  }

  /** On disk, before anything is said of it. */
  record(): Outputs {
    if (this.protocol === 'volatile') return [];
    const { key, activity, digest, endpoint } = this.#new;
    const record: EnlistmentRecord = {
      ...{ key, activity, digest, endpoint },
      ref: this.#ref,
      hasPrepared: this.#hasPrepared,
      outcome: this.#outcome,
      end: this.#end,
    };
    return [{ kind: 'persist', key: enlistmentPrefix + key, value: writeRecord(record) }];
  }

  forget(): Outputs {
    const gone =
      this.protocol === 'volatile'
        ? []
        : [{ kind: 'persist' as const, key: enlistmentPrefix + this.key, value: null }];
    return [...gone, ...this.#stopTimers()];
  }

  bind(ref: EnlistmentRef): Outputs {
    this.#ref = ref;
    return this.record();
  }

  /** The outcome is sent again after a restart. */
  resume(): Outputs {
    if (this.hasEnded || this.#outcome === undefined) return [];
    return this.#send(this.#outcome === 'committed' ? 'Commit' : 'Rollback');
  }

  /** `call`: who waits for the vote. */
  prepare(call?: CallId): Outputs {
    const vote = this.#vote();
    if (vote !== undefined) return answer(call, vote);
    const superseded = answer(this.#asked, { kind: 'vote', vote: 'aborted' });
    this.#asked = call;
    if (this.#state !== 'Active') return superseded;
    this.#wasAsked = true;
    this.#apply('userCommit');
    const { voteTimeoutMs } = this.#options.timing;
    return [
      ...superseded,
      { kind: 'start-timer', name: `vote/${this.key}`, delayMs: voteTimeoutMs },
      ...this.#send('Prepare'),
    ];
  }

  /** Proved to the gateway's participant, or of a volatile one, said by `f + 1` initiators. */
  commit(call?: CallId): Outputs {
    if (this.hasEnded) return answer(call, { kind: 'settled' });
    this.#asked = call;
    if (this.#state !== 'Prepared') return [];
    this.#apply('commitDecision');
    this.#outcome = 'committed';
    const recorded = this.record();
    this.#apply('writeDone');
    return [...recorded, ...this.#send('Commit')];
  }

  rollBack(call?: CallId): Outputs {
    if (this.hasEnded) return answer(call, { kind: 'settled' });
    if (this.#outcome !== undefined) {
      // The gateway's participant asks for one thing at a time.
      this.#asked = call ?? this.#asked;
      return [];
    }
    const waiting = answer(this.#asked, { kind: 'vote', vote: 'aborted' });
    this.#asked = call;
    this.#apply('rollbackDecision');
    this.#outcome = 'aborted';
    return [...waiting, ...this.record(), ...this.#send('Rollback')];
  }

  /** A message of the participant. */
  notified(event: CoordinatorEvent): Step {
    if (this.isOwedRollback && (event === 'aborted' || event === 'readOnly')) {
      return { outputs: this.#ended(event), answer: accepted, aborts: false };
    }
    const state = this.#asTold(event);
    const found = transition(coordinatorTable, state, event, this.protocol);
    if (found === 'impossible') return { outputs: [], answer: accepted, aborts: false };
    const outputs: (GatewayOutput | CommonOutput)[] = [];
    let said = accepted;
    for (const action of found.actions) {
      if (action === 'fault InvalidState') said = { kind: 'fault', fault: 'InvalidState' };
      else if (action === 'fault UnknownTransaction') {
        said = { kind: 'fault', fault: 'UnknownTransaction' };
        // The fault ends it: no Rollback is repeated after it.
        if (!this.hasEnded) outputs.push(...this.#close('given-up'));
      } else if (action === 'record the vote') outputs.push(...this.#recordVote());
      else if (action === 'send Commit') outputs.push(...this.#send('Commit'));
      // It stays until it has acknowledged: the record of its end comes before the signed acknowledgement.
      else if (action === 'send Rollback') return this.#repeatRollback();
      else if (action === 'forget') outputs.push(...this.#ended(event));
    }
    if (!this.hasEnded && state !== 'None') this.#state = found.next;
    return { outputs, answer: said, aborts: found.next === 'Aborting' && state !== 'Aborting' };
  }

  timerRanOut(name: 'vote' | 'resend'): Step {
    const nothing = { outputs: [], answer: accepted, aborts: false };
    if (this.hasEnded) return nothing;
    if (name === 'vote') {
      if (this.#state !== 'Preparing') return nothing;
      return { ...nothing, outputs: this.rollBack(), aborts: true };
    }
    const message = this.#outstanding();
    if (message === undefined) return nothing;
    // A participant that never voted aborts by itself; a volatile one has no right to the outcome.
    const mayGiveUp = !this.#hasPrepared || this.protocol === 'volatile';
    const isTired = this.#repetitions >= this.#options.limits.repetitions;
    if (message !== 'Prepare' && mayGiveUp && isTired) {
      return { ...nothing, outputs: this.#close('given-up') };
    }
    return { ...nothing, outputs: this.#send(message) };
  }

  #outstanding(): ToParticipant | undefined {
    if (this.#state === 'Preparing') return 'Prepare';
    if (this.#state === 'Committing') return 'Commit';
    return this.#state === 'Aborting' ? 'Rollback' : undefined;
  }

  /** Once it has been sent a Rollback, a volatile participant is unknown: it is not told the outcome again. */
  #asTold(event: CoordinatorEvent): CoordinatorState {
    if (!this.hasEnded) {
      const isLate = this.protocol === 'volatile' && event === 'prepared';
      return isLate && this.#state === 'Aborting' ? 'None' : this.#state;
    }
    const isRolledBack = this.#outcome === 'aborted' || this.#end === 'given-up';
    return event === 'prepared' && this.protocol === 'durable' && isRolledBack
      ? 'Aborting'
      : 'None';
  }

  #repeatRollback(): Step {
    // Of an ended participant that is on record as rolled back; of none that is merely not known.
    const isKnown = this.#outcome === 'aborted';
    const outputs = isKnown ? this.#sendOnce('Rollback') : [];
    return { outputs, answer: accepted, aborts: false };
  }

  #recordVote(): Outputs {
    this.#hasPrepared = true;
    const asked = this.#asked;
    this.#asked = undefined;
    return [
      ...this.record(),
      ...this.#stopTimers(),
      ...answer(asked, { kind: 'vote', vote: 'prepared' }),
    ];
  }

  #ended(event: CoordinatorEvent): Outputs {
    if (event === 'readOnly') return this.#close('readOnly');
    return this.#close(event === 'committed' ? 'committed' : 'aborted');
  }

  #close(end: End): Outputs {
    const isVote = this.#state === 'Active' || this.#state === 'Preparing';
    this.#end = end;
    if (end === 'aborted') this.#outcome = 'aborted';
    const asked = this.#asked;
    this.#asked = undefined;
    const vote = end === 'readOnly' ? 'readOnly' : 'aborted';
    const said: GatewayAnswer = isVote ? { kind: 'vote', vote } : { kind: 'settled' };
    return [...this.record(), ...this.#stopTimers(), ...answer(asked, said)];
  }

  #vote(): GatewayAnswer | undefined {
    if (this.#end === 'readOnly') return { kind: 'vote', vote: 'readOnly' };
    if (this.hasEnded || this.#outcome === 'aborted') return { kind: 'vote', vote: 'aborted' };
    return this.#hasPrepared ? { kind: 'vote', vote: 'prepared' } : undefined;
  }

  #apply(event: CoordinatorEvent): void {
    const found = transition(coordinatorTable, this.#state, event, this.protocol);
    if (found !== 'impossible') this.#state = found.next;
    this.#repetitions = 0;
  }

  #send(message: ToParticipant): Outputs {
    const delayMs = resendDelayMs(this.#options.timing.resendAfterMs, this.#repetitions);
    this.#repetitions += 1;
    return [
      ...this.#sendOnce(message),
      { kind: 'start-timer', name: `resend/${this.key}`, delayMs },
    ];
  }

  #sendOnce(message: ToParticipant): Outputs {
    return [{ kind: 'send', to: this.#new.endpoint, key: this.key, message }];
  }

  #stopTimers(): Outputs {
    return (['vote', 'resend'] as const).map((name) => ({
      kind: 'stop-timer' as const,
      name: `${name}/${this.key}`,
    }));
  }
}

function stateOf({ end, outcome, hasPrepared }: EnlistmentRecord): CoordinatorState {
  if (end !== undefined) return 'None';
  if (outcome !== undefined) return outcome === 'committed' ? 'Committing' : 'Aborting';
  return hasPrepared ? 'Prepared' : 'Active';
}
