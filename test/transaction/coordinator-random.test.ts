import { describe, expect, it } from 'vitest';
import type { RegistrationStatement, Vote } from '../../src/agreement/statements.js';
import { type AgreementName, agreementNames } from '../../src/kernel/cluster.js';
import { quorum, type TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { mulberry32 } from '../support/core-rig.js';
import { Rig } from '../support/rig.js';

const transactions = 5;
const faultsEndMs = 8000;

/** Parties that say again what got no answer, while the network and one replica at a time fail. */
class Storm {
  readonly rig: Rig;
  readonly story: Story;
  readonly random: () => number;
  readonly voteOf = new Map<string, Vote>();
  readonly #registered = new Map<string, RegistrationStatement[]>();

  constructor(seed: number, agreement: AgreementName) {
    this.rig = new Rig({ seed, agreement });
    this.story = new Story(this.rig);
    this.random = mulberry32(seed * 7919);
    this.rig.latencyMaxMs = 1 + Math.floor(this.random() * 60);
    const loss = this.random() * 0.25;
    const twice = this.random() * 0.2;
    this.rig.tamper = (_from, _to, message) => {
      if (this.rig.nowMs >= faultsEndMs) return [message];
      if (this.random() < loss) return [];
      return this.random() < twice ? [message, message] : [message];
    };
    this.story.voteReaches = () => this.isLucky();
    for (let timestamp = 1; timestamp <= transactions; timestamp += 1) {
      this.rig.after(this.random() * 3000, () => this.#act(timestamp));
    }
    this.#crashSometimes();
  }

  /** Messages of the other parties get lost as well. */
  isLucky(): boolean {
    return this.rig.nowMs >= faultsEndMs || this.random() < 0.7;
  }

  tidOf(timestamp: number): TransactionId | undefined {
    return this.story.transactionOf(timestamp);
  }

  participantsOf(timestamp: number): readonly RegistrationStatement[] {
    return this.#registered.get(String(timestamp)) ?? [];
  }

  #crashSometimes(): void {
    const { rig } = this;
    rig.after(this.random() * 2000, () => {
      if (rig.nowMs > faultsEndMs) return;
      const victim = Math.floor(this.random() * 4);
      rig.crashAfterOutputs(victim, Math.floor(this.random() * 20));
      rig.after(200 + this.random() * 1500, () => {
        if (rig.alive.has(victim)) rig.crash(victim);
        rig.start(victim);
        this.#crashSometimes();
      });
    });
  }

  /** One round of what the initiators and participants of a transaction do. */
  #act(timestamp: number): void {
    const reached = () => [...this.rig.alive].filter(() => this.isLucky());
    const tid = this.tidOf(timestamp);
    if (tid === undefined) this.story.ask(timestamp, [0, 1], reached());
    else this.#work(timestamp, tid, reached);
    const isDone =
      tid !== undefined && this.rig.nowMs > faultsEndMs && this.#everybodyHeard(timestamp, tid);
    if (!isDone) this.rig.after(300, () => this.#act(timestamp));
  }

  #work(timestamp: number, tid: TransactionId, reached: () => number[]): void {
    const { story } = this;
    const known = this.#registered.get(String(timestamp));
    if (!known) {
      const participants = ['bank-a', 'bank-b'].map((name) =>
        story.registration(tid, name, { id: String(timestamp) }),
      );
      this.#registered.set(String(timestamp), participants);
      for (const { enlistment, participant } of participants) {
        const vote = this.random() < 0.15 ? 'aborted' : 'prepared';
        this.voteOf.set(enlistment, vote);
        if (vote === 'aborted') story.votes.set(participant, 'aborted');
        else story.votes.delete(participant);
      }
      return this.#work(timestamp, tid, reached);
    }
    for (const registration of known) {
      if (this.#acknowledgements(registration) < quorum(this.rig.parties.cluster.resilience)) {
        story.sendRegistration(registration, reached());
      }
    }
    const all = known.every((one) => this.#acknowledgements(one) >= 3);
    if (all) story.complete(tid, 'commit', { at: reached() });
    for (const registration of known) {
      if (!this.#wasAsked(registration) || story.heard.has(registration.enlistment)) continue;
      story.vote(registration, this.voteOf.get(registration.enlistment) ?? 'prepared', reached());
    }
  }

  #acknowledgements({ enlistment }: RegistrationStatement): number {
    const replicas = this.story.others.filter(
      ({ output }) => output.kind === 'registered' && output.registration.enlistment === enlistment,
    );
    return new Set(replicas.map(({ replica }) => replica)).size;
  }

  #wasAsked({ enlistment }: RegistrationStatement): boolean {
    return new Set(this.story.sendersOf('Prepare', enlistment)).size >= 2;
  }

  #everybodyHeard(timestamp: number, tid: TransactionId): boolean {
    return (
      this.story.isDecided(tid) &&
      this.participantsOf(timestamp).every(
        ({ enlistment }) =>
          this.voteOf.get(enlistment) === 'aborted' || this.story.heard.has(enlistment),
      )
    );
  }
}

const seeds = Array.from({ length: 32 }, (_, index) => index + 1);
const storms = agreementNames.flatMap((agreement) => seeds.map((seed) => ({ agreement, seed })));

describe('loss, duplication, reordering, and one replica at a time that crashes and restarts', () => {
  it.each(storms)('$agreement, seed $seed', ({ agreement, seed }) => {
    const storm = new Storm(seed, agreement);
    const { rig, story } = storm;
    // The votes are those of each enlistment, not of the participant as a whole.
    story.vote = (
      (vote) => (registration, _vote, replicas) =>
        vote.call(
          story,
          registration,
          storm.voteOf.get(registration.enlistment) ?? 'prepared',
          replicas,
        )
    )(story.vote);
    rig.runFor(faultsEndMs);
    for (let replica = 0; replica < 4; replica += 1) {
      rig.crashAfterOutputs(replica, Number.POSITIVE_INFINITY);
      if (!rig.alive.has(replica)) rig.start(replica);
    }
    const timestamps = Array.from({ length: transactions }, (_, index) => index + 1);
    rig.runUntil(() =>
      timestamps.every((timestamp) => {
        const tid = storm.tidOf(timestamp);
        return tid !== undefined && story.isDecided(tid);
      }),
    );
    rig.runFor(120_000);
    rig.checkAgreement();
    expect(rig.refused).toEqual([]);
    for (const timestamp of timestamps) {
      const tid = storm.tidOf(timestamp) as TransactionId;
      const outcome = story.outcomeAt(0, tid);
      for (const { enlistment } of storm.participantsOf(timestamp)) {
        const vote = storm.voteOf.get(enlistment);
        if (outcome === 'commit') expect(vote).toBe('prepared');
        const heard = story.heard.get(enlistment);
        expect(heard ?? (vote === 'prepared' ? 'nothing' : outcome)).toBe(outcome);
      }
      const finished = rig.stores.map((store) => store.has(`finished/${tid}`));
      expect(finished).toEqual([true, true, true, true]);
    }
    expect([0, 1, 2, 3].map((replica) => rig.core(replica).status.openSlots)).toEqual([0, 0, 0, 0]);
  });
});
