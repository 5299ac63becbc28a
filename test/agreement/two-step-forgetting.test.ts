import { expect, it } from 'vitest';
import type { PeerMessage, Slot } from '../../src/agreement/messages.js';
import { slotKey } from '../../src/agreement/messages.js';
import { view } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';
import { ballot } from './scene.js';

const three = [0, 1, 2];

function isPhase(message: PeerMessage, phase: 'prepare' | 'commit'): boolean {
  return message.kind === 'phase' && message.signed.statement.phase === phase;
}

/** Replicas 0, 1 and 2 decide a transaction in two steps, end it and forget it. No commit arrives, and replica 3 learns nothing of its outcome. */
function forgottenBeforeCommits() {
  const rig = new Rig({ agreement: 'two-step', retainedTransactions: 0, shownTransactions: 4 });
  const story = new Story(rig);
  let isLate = true;
  rig.tamper = (_from, to, message) => {
    if (isPhase(message, 'commit')) return [];
    const isOutcome =
      (message.kind === 'phase' && message.signed.statement.slot.kind === 'outcome') ||
      message.kind === 'decided';
    return isLate && to === 3 && isOutcome ? [] : [message];
  };
  const tid = story.transfer();
  for (const registration of story.registrations) story.vote(registration, 'prepared');
  const outcome: Slot = { kind: 'outcome', tid };
  rig.runUntil(() => three.every((one) => rig.stores[one]?.has(`forgotten/o:${tid}`)));
  expect(three.map((one) => rig.decision(one, outcome)?.commits.statement.phase)).toEqual(
    Array(3).fill('prepare'),
  );
  expect(three.map((one) => rig.core(one).status.openSlots)).toEqual([0, 0, 0]);
  const heals = () => {
    isLate = false;
  };
  return { rig, story, tid, outcome, heals };
}

it('what is over before a quorum has committed is forgotten, and shown to one that lacks it', () => {
  const { rig, outcome, heals } = forgottenBeforeCommits();
  expect(rig.core(3).status.transactions).toBe(1);
  heals();
  rig.runUntil(() => rig.decision(3, outcome) !== undefined);
  expect(rig.decision(3, outcome)?.commits.statement.phase).toBe('prepare');
  rig.checkAgreement();
});

it('what so many have forgotten before a quorum has committed is over for one that lacks it', () => {
  const { rig, outcome } = forgottenBeforeCommits();
  for (const one of three) rig.crash(one);
  for (const one of three) rig.start(one);
  rig.runUntil(() => rig.core(3).status.transactions === 0);
  expect(rig.decision(3, outcome)).toBeUndefined();
  rig.runFor(60_000);
  expect(rig.core(3).status).toMatchObject({ openSlots: 0, view: 0 });
});

it('what is forgotten before a quorum has committed nobody votes for again, or witnesses', () => {
  const { rig, story, tid } = forgottenBeforeCommits();
  const evidence = new Evidence(rig.parties);
  const proof = rig.decision(0, { kind: 'outcome', tid });
  if (proof?.value.kind !== 'outcome') throw new Error('no outcome');
  const { closing: _closing, ...unclosed } = proof.value;
  const other = { ...unclosed, completion: [...unclosed.completion].reverse() };
  const requests = story.initiators.map((one) =>
    evidence.request(one, story.activationStatement(one, 1)),
  );
  const [key] = [...(rig.stores[0]?.keys() ?? [])].filter((one) => one.startsWith('forgotten/a:'));
  const request = key?.slice('forgotten/a:'.length);
  const slot = { kind: 'activation', request } as Extract<Slot, { kind: 'activation' }>;
  const proposals = three.map((one) => evidence.proposal(one, { slot, view: view(4) }));
  const activation = { kind: 'activation', requests, proposals } as const;
  const viewChanges = three.map((one) => evidence.viewChange(one, 4));
  for (const to of [1, 2]) {
    rig.transmit(0, to, { kind: 'new-view', newView: evidence.newView(4, viewChanges) });
  }
  rig.runUntil(() => [1, 2].every((one) => rig.core(one).status.view === 4));
  const said: string[] = [];
  rig.onStep = (from, outputs) => {
    for (const output of outputs) {
      if ((from !== 1 && from !== 2) || output.kind !== 'broadcast') continue;
      if (output.message.kind === 'phase')
        said.push(`votes in ${slotKey(output.message.signed.statement.slot)}`);
      if (output.message.kind === 'pre-prepare-reply') said.push('witnesses');
    }
  };
  for (const to of [1, 2]) {
    for (const value of [activation, other, evidence.closed(other, { view: view(4) })]) {
      const attempt = value === other ? 1 : 0;
      const prePrepare = evidence.prePrepare(value, ballot(4, attempt));
      rig.transmit(0, to, { kind: 'pre-prepare', prePrepare, value });
    }
    const [proposal] = proposals;
    if (proposal) rig.transmit(0, to, { kind: 'activation-pre-prepare', requests, proposal });
  }
  rig.runFor(2000);
  expect(rig.refused).toEqual([]);
  expect(said).toEqual([]);
});
