import type { DecisionProof, OutcomeValue, PeerMessage } from '../../../src/agreement/messages.js';
import type { Outcome } from '../../../src/agreement/statements.js';
import {
  digest,
  participantId,
  type TransactionId,
  transactionId,
} from '../../../src/kernel/ids.js';
import { Story } from '../../support/banking-story.js';
import { Evidence } from '../../support/evidence.js';
import { Rig } from '../../support/rig.js';
import { Recorder } from './recorder.js';
import { type Commands, numbers, oneOf, type Stage } from './script.js';
import { TransactionWatch } from './transaction-watch.js';

const settleMs = 100;
/** The primary of view 0. */
const firstPrimary = 0;
const votes = ['prepared', 'readOnly', 'aborted'] as const;

/** Coordinators with their initiators and banks. Every message takes 1 ms. */
export class TransactionStage implements Stage {
  readonly #rig: Rig;
  readonly #story: Story;
  readonly #recorder: Recorder;
  readonly #watch: TransactionWatch;
  readonly #copies = new Map<string, DecisionProof>();

  constructor(replicas: number, retainedTransactions = 5000) {
    const f = Math.floor((replicas - 1) / 3);
    this.#rig = new Rig({ n: replicas, f, retainedTransactions });
    this.#rig.latencyMaxMs = 1;
    this.#story = new Story(this.#rig);
    this.#rig.runFor(settleMs);
    this.#recorder = new Recorder(replicas, () => this.#rig.nowMs);
    this.#watch = new TransactionWatch(this.#rig, this.#recorder);
  }

  takeLines(): string[] {
    for (const refusal of this.#rig.refused.splice(0)) this.#recorder.note(`refused: ${refusal}`);
    return this.#recorder.take();
  }

  get commands(): Commands {
    return { ...this.#parties, ...this.#faults, ...this.#lies, ...this.#passing };
  }

  readonly #passing: Commands = {
    'run <ms> ms': (ms) => this.#rig.runFor(Number(ms)),
    'run until <activation> is decided by all': (activation) =>
      this.#rig.runUntil(() => {
        const request = this.#watch.names.find(activation);
        return request !== undefined && this.#hold(`decided/a:${request}`);
      }),
    'run until <tx> is decided': (tx) =>
      this.#rig.runUntil(() => this.#story.isDecided(this.#tid(tx))),
    'run until <tx> is finished': (tx) =>
      this.#rig.runUntil(() => this.#hold(`finished/${this.#tid(tx)}`)),
    'run until <replica> has recovered': (replica) =>
      this.#rig.runUntil(() => !this.#rig.core(Number(replica)).status.recovering),
    'show outcomes of <tx>': (tx) => {
      const tid = this.#tid(tx);
      this.#rig.checkAgreement();
      this.#recorder.noteAll((replica) => this.#story.outcomeAt(replica, tid) ?? 'none');
    },
    'show refused revivals': () =>
      this.#recorder.noteAll((replica) => {
        return String(this.#rig.core(replica).status.refusedRevivals);
      }),
    'show <word> in the stores': (word) =>
      this.#recorder.noteAll((replica) => this.#keysWith(replica, word)),
  };

  readonly #parties: Commands = {
    '<initiators...> ask for request <timestamp>': (initiators, timestamp) =>
      this.#story.ask(Number(timestamp), indices(initiators)),
    '<banks...> register in <tx>': (banks, tx) => {
      for (const bank of banks.split(' ')) this.#story.register(this.#tid(tx), bank);
    },
    '<initiators...> ask to <decision> <tx>': (initiators, decision, tx) =>
      this.#story.complete(this.#tid(tx), oneOf(decision, 'commit', 'rollback'), {
        initiators: indices(initiators),
      }),
    '<bank> will vote <vote>': (bank, vote) => {
      this.#story.votes.set(participantId(bank), oneOf(vote, ...votes));
    },
    '<bank> votes <vote> in <tx> at <replicas...>': (bank, vote, tx, replicas) =>
      this.#story.vote(
        this.#story.registration(this.#tid(tx), bank),
        oneOf(vote, ...votes),
        numbers(replicas),
      ),
    'request <timestamp> commits and finishes': (timestamp) => {
      const tid = this.#story.transfer(Number(timestamp));
      this.#rig.runUntil(() => this.#hold(`finished/${tid}`));
    },
  };

  readonly #faults: Commands = {
    'crash <replicas...>': (replicas) => {
      for (const replica of numbers(replicas)) this.#rig.crash(replica);
    },
    'start <replica>': (replica) => this.#rig.start(Number(replica)),
    '<replica> loses its disk': (replica) => this.#rig.loseDisk(Number(replica)),
    'lose <messages...> to <replicas...>': (messages, replicas) => {
      this.#watch.losses.add(messages, numbers(replicas));
    },
    'votes reach <replicas...>': (replicas) => {
      const reached = numbers(replicas);
      this.#story.voteReaches = (replica) => reached.includes(replica);
    },
  };

  readonly #lies: Commands = {
    'the primary proposes <outcome> of <tx> to <replicas...>': (outcome, tx, replicas) => {
      const value = this.#valueOf(this.#tid(tx), oneOf(outcome, 'commit', 'abort'));
      const prePrepare = new Evidence(this.#rig.parties).prePrepare(value);
      this.#lie(firstPrimary, numbers(replicas), { kind: 'pre-prepare', prePrepare, value });
    },
    '<liar> signs <phase> for <outcome> of <tx> to <replicas...>': (
      liar,
      phase,
      outcome,
      tx,
      replicas,
    ) => {
      const evidence = new Evidence(this.#rig.parties);
      const value = this.#valueOf(this.#tid(tx), oneOf(outcome, 'commit', 'abort'));
      const statement = evidence.phase(oneOf(phase, 'prepare', 'commit'), value);
      const signed = evidence.signedPhase(Number(liar), statement);
      this.#lie(Number(liar), numbers(replicas), { kind: 'phase', signed });
    },
    '<liar> keeps a copy of the proof of <activation>': (liar, activation) => {
      const request = digest(this.#watch.names.idOf(activation));
      const proof = this.#rig.decision(Number(liar), { kind: 'activation', request });
      if (!proof) throw new Error(`replica ${liar} has no proof of ${activation}`);
      this.#copies.set(activation, proof);
    },
    '<liar> sends its copy of <activation> to <replicas...>': (liar, activation, replicas) => {
      const proof = this.#copies.get(activation);
      if (!proof) throw new Error(`no replica has a copy of ${activation}`);
      this.#lie(Number(liar), numbers(replicas), { kind: 'decided', proof });
    },
  };

  #lie(liar: number, to: readonly number[], message: PeerMessage): void {
    this.#recorder.add(liar, this.#watch.words.message(message), to);
    for (const receiver of to) this.#rig.transmit(liar, receiver, message);
  }

  /** Rests on a vote of `bank-a`, which has signed both votes. */
  #valueOf(tid: TransactionId, outcome: Outcome): OutcomeValue {
    const evidence = new Evidence(this.#rig.parties);
    const registration = evidence.registration('bank-a', { tid });
    const vote = evidence.vote('bank-a', outcome === 'commit' ? 'prepared' : 'aborted', { tid });
    const records = [{ registration, vote }];
    const { initiators } = this.#story;
    const completion = initiators.map((one) => evidence.completion(one, { tid }));
    return outcome === 'commit'
      ? { kind: 'outcome', tid, outcome, records, completion }
      : { kind: 'outcome', tid, outcome, reason: 'vote', records, completion: [] };
  }

  /** Whether each replica that lives has the record. */
  #hold(key: string): boolean {
    return [...this.#rig.alive].every((one) => this.#rig.stores[one]?.has(key));
  }

  #keysWith(replica: number, word: string): string {
    const keys = [...(this.#rig.stores[replica]?.keys() ?? [])]
      .map((key) => this.#watch.names.inKey(key))
      .filter((key) => key.includes(word));
    return keys.sort().join(', ') || 'none';
  }

  #tid(name: string): TransactionId {
    return transactionId(this.#watch.names.idOf(name));
  }
}

/** `i0 i1` as numbers. */
function indices(initiators: string): number[] {
  return numbers(initiators.replaceAll('i', ''));
}
