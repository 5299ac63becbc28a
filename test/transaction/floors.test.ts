import { describe, expect, it } from 'vitest';
import type { DecisionProof, PeerMessage } from '../../src/agreement/messages.js';
import { decodeRequests } from '../../src/agreement/values.js';
import { digest, type TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const liar = 3;
const correct = [0, 1, 2];

function finish(rig: Rig, story: Story, timestamp: number): TransactionId {
  const tid = story.transfer(timestamp);
  story.outcome(tid);
  rig.runUntil(() => rig.stores.every((store) => store.has(`finished/${tid}`)));
  return tid;
}

function activationOf(rig: Rig, replica: number): DecisionProof | undefined {
  const key = [...(rig.stores[replica]?.keys() ?? [])].find((one) => one.startsWith('decided/a:'));
  if (!key) return undefined;
  const request = digest(key.slice('decided/a:'.length));
  return rig.decision(replica, { kind: 'activation', request });
}

/** The first transaction of three, forgotten by all; the liar has kept its proof. */
function forgotten(): { rig: Rig; story: Story; tid: TransactionId; proof: DecisionProof } {
  const rig = new Rig({ retainedTransactions: 2 });
  const story = new Story(rig);
  const tid = finish(rig, story, 1);
  const proof = activationOf(rig, liar);
  if (!proof) throw new Error('no proof of the activation');
  for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
  for (const store of rig.stores) expect([...store.keys()].join()).not.toContain(tid);
  return { rig, story, tid, proof };
}

function expectNothingRevived(rig: Rig, tid: TransactionId): void {
  rig.runFor(30_000);
  for (const replica of correct) {
    const keys = [...(rig.stores[replica]?.keys() ?? [])];
    expect(keys.join()).not.toContain(tid);
    // The two that are remembered, and no new one.
    expect(keys.filter((key) => key.startsWith('decided/a:'))).toHaveLength(2);
    expect(rig.core(replica).status.openSlots).toBe(0);
  }
}

function say(rig: Rig, message: PeerMessage): void {
  for (const replica of correct) rig.transmit(liar, replica, message);
}

function restartAll(rig: Rig): void {
  for (const replica of [...correct, liar]) rig.crash(replica);
  for (const replica of [...correct, liar]) rig.start(replica);
  rig.runFor(5000);
}

describe('a forgotten transaction', () => {
  for (const restarts of [false, true]) {
    const when = restarts ? 'after a restart of all' : 'at once';

    it(`is not revived by the proof of its activation, ${when}`, () => {
      const { rig, tid, proof } = forgotten();
      if (restarts) restartAll(rig);
      say(rig, { kind: 'decided', proof });
      expectNothingRevived(rig, tid);
      for (const replica of correct) {
        expect(rig.core(replica).status.refusedRevivals).toBeGreaterThan(0);
      }
    });

    it(`is not made again from its requests, ${when}`, () => {
      const { rig, story, tid } = forgotten();
      if (restarts) restartAll(rig);
      const requests = story.initiators.map((one) =>
        rig.verified(story.activationStatement(one, 1)),
      );
      say(rig, { kind: 'requests', requests });
      expectNothingRevived(rig, tid);
    });

    it(`is refused as too old to initiators that ask again, ${when}`, () => {
      const { rig, story, tid } = forgotten();
      if (restarts) restartAll(rig);
      story.ask(1);
      expectNothingRevived(rig, tid);
      expect(story.refusals.length).toBeGreaterThan(0);
      for (const { fault } of story.refusals) expect(fault).toBe('TooOld');
    });
  }

  it('is not revived by the proof that two steps gave of its activation', () => {
    const rig = new Rig({ agreement: 'two-step', retainedTransactions: 2 });
    const story = new Story(rig);
    // The liar has no commits, and so keeps the first proof.
    rig.tamper = (_from, to, message) => {
      const isCommit = message.kind === 'phase' && message.signed.statement.phase === 'commit';
      return to === liar && (isCommit || message.kind === 'decided') ? [] : [message];
    };
    const tid = finish(rig, story, 1);
    const proof = activationOf(rig, liar);
    expect(proof?.commits.statement.phase).toBe('prepare');
    if (!proof) throw new Error('no proof of the activation');
    rig.tamper = (_from, _to, message) => [message];
    for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
    say(rig, { kind: 'decided', proof });
    expectNothingRevived(rig, tid);
  });

  it('keeps nothing else of its client out', () => {
    const { rig, story } = forgotten();
    expect(finish(rig, story, 5)).toBeDefined();
  });

  it('leaves one floor for each client, and not for each transaction', () => {
    const { rig, story } = forgotten();
    for (const timestamp of [5, 6]) finish(rig, story, timestamp);
    for (const store of rig.stores) {
      const floors = [...store].filter(([key]) => key.startsWith('floor/'));
      const shown = floors.map(([key, value]) => {
        const requests = decodeRequests(rig.parties.cluster.id, value);
        return [key, requests.map(({ statement }) => statement.timestamp)];
      });
      expect(shown).toEqual([['floor/alice', [4, 4]]]);
    }
    expect(rig.core(0).status.forgotten).toBe(4);
  });
});

describe('a lock of a forgotten activation', () => {
  it('is not kept', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    const tid = finish(rig, story, 1);
    const proof = activationOf(rig, liar);
    for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
    if (!proof) throw new Error('no proof of the activation');
    const { commits, value } = proof;
    const phase = (kind: 'pre-prepare' | 'prepare', replica: number) =>
      rig.signedBy(replica, { ...commits.statement, phase: kind });
    const prepares = [1, 2, 3].map((replica) => phase('prepare', replica));
    const [first] = prepares;
    if (!first) throw new Error('no prepare');
    const lock: PeerMessage = {
      kind: 'prepared',
      certificate: {
        prePrepare: phase('pre-prepare', 0),
        prepares: {
          statement: first.statement,
          bytes: first.bytes,
          signatures: prepares.map(({ signature }, index) => ({
            replica: (index + 1) as never,
            signature,
          })),
        },
        value,
      },
    };
    say(rig, lock);
    expectNothingRevived(rig, tid);
    for (const replica of correct) {
      const keys = [...(rig.stores[replica]?.keys() ?? [])];
      expect(keys.filter((key) => key.startsWith('lock/'))).toEqual([]);
    }
    expect(rig.refused).toEqual([]);
  });
});

describe('a bank that has prepared', () => {
  it('keeps an aborted transaction on record until it has acknowledged', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    const tid = story.activate(1);
    const bank = story.registration(tid, 'bank-a', { id: 'first' });
    story.sendRegistration(bank);
    const other = story.registration(tid, 'bank-b', { id: 'first' });
    story.sendRegistration(other);
    story.votes.set(other.participant, 'aborted');
    const before = rig.onOutput;
    let isAway = false;
    rig.onOutput = (replica, output) => {
      const isForIt =
        output.kind === 'notify-participant' &&
        output.registration.tid === tid &&
        output.registration.participant === 'bank-a' &&
        output.notice !== 'Prepare';
      if (!(isAway && isForIt)) before(replica, output);
    };
    isAway = true;
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('abort');
    story.votes.clear();
    rig.runFor(60_000);
    for (const timestamp of [2, 3, 4, 5]) finish(rig, story, timestamp);
    for (const store of rig.stores) expect([...store.keys()]).toContain(`decided/o:${tid}`);
    isAway = false;
    rig.runUntil(() => story.heard.get(bank.enlistment) === 'abort', 600_000);
    rig.runUntil(() => rig.stores.every((store) => store.has(`finished/${tid}`)), 600_000);
    for (const timestamp of [6, 7, 8]) finish(rig, story, timestamp);
    for (const store of rig.stores) expect([...store.keys()]).not.toContain(`decided/o:${tid}`);
  });
});

describe('what others call over', () => {
  for (const claims of [1, 2]) {
    it(`is believed of ${claims === 1 ? 'no single peer' : 'two of four'}`, () => {
      const rig = new Rig();
      const story = new Story(rig);
      rig.crash(2);
      const before = rig.onOutput;
      rig.onOutput = (replica, output) => {
        const isEnd = output.kind === 'notify-participant' && output.notice !== 'Prepare';
        if (!isEnd || claims > 1) before(replica, output);
      };
      const tid = story.transfer(1);
      rig.runUntil(() => [0, 1, 3].every((one) => story.outcomeAt(one, tid) === 'commit'));
      rig.runFor(5000);
      rig.tamper = (from, _to, message) => {
        if (claims > 1 || from !== liar || message.kind !== 'inventory') return [message];
        const finished = [{ kind: 'outcome', tid }] as const;
        return [{ ...message, open: [], finished }];
      };
      rig.start(2);
      rig.runUntil(() => story.outcomeAt(2, tid) === 'commit');
      rig.runFor(5000);
      expect(rig.stores[2]?.has(`finished/${tid}`)).toBe(claims > 1);
    });
  }
});

describe('an answer', () => {
  it('counts only for what came before its question', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = '11111111-2222-8333-8444-555555555555' as TransactionId;
    const asker = 2;
    const answers: { readonly from: number; readonly message: PeerMessage }[] = [];
    rig.tamper = (from, to, message) => {
      if (to !== asker || message.kind !== 'unknown-transaction') return [message];
      answers.push({ from, message });
      return [];
    };
    const bank = story.registration(tid, 'bank-a');
    story.sendRegistration(bank, [asker]);
    rig.runUntil(() => answers.length === 3);
    const old = answers.splice(0);
    story.vote(bank, 'prepared', [asker]);
    for (const { from, message } of old) rig.transmit(from, asker, message);
    rig.runUntil(() => story.refusals.length > 0);
    const presumed = () => story.others.filter(({ output }) => output.kind === 'answer-unknown');
    expect(presumed()).toEqual([]);
    rig.runUntil(() => answers.length === 3);
    for (const { from, message } of answers.splice(0)) rig.transmit(from, asker, message);
    rig.runUntil(() => presumed().length > 0);
    expect(rig.core(asker).status.repeatedQuestions).toBeGreaterThan(0);
  });

  it('is not asked for more often because more ask', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = '11111111-2222-8333-8444-555555555555' as TransactionId;
    let questions = 0;
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'fetch-transaction') questions += 1;
      return [];
    };
    const bank = story.registration(tid, 'bank-a');
    for (let count = 0; count < 50; count += 1) story.vote(bank, 'prepared', [2]);
    expect(questions).toBe(3);
  });
});
