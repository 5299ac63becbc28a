import { describe, expect, it } from 'vitest';
import { digest, enlistmentId, type TransactionId } from '../../src/kernel/ids.js';
import { LatelyHeard } from '../../src/kernel/lately-heard.js';
import type { RequestId } from '../../src/transaction/initiator/messages.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig as CoordinatorRig } from '../support/rig.js';
import {
  digestNumber,
  Rig as InitiatorRig,
  request,
  smallLimits,
  tidNumber,
} from './initiator-rig.js';
import { Rig as ParticipantRig } from './participant-rig.js';

/** Far more than a transaction needs. */
const inputs = 200;

describe('transactions that count as under way', () => {
  it('are those that were heard of within the last inputs', () => {
    const heard = new LatelyHeard(4);
    for (const transaction of ['a', 'b', 'c']) heard.of(transaction);
    heard.ended('b');
    expect(heard.size).toBe(2);
    for (let input = 3; input < 128; input += 1) heard.of('c');
    expect(heard.size).toBe(2);
    heard.of('c');
    expect(heard.size).toBe(1);
  });

  it('are not those that a participant is in doubt about, or that ask no more of it', () => {
    const rig = new ParticipantRig({}, { enlistments: 10 });
    const abandoned = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => ({
      tid: tidNumber(number),
      enlistment: enlistmentId(`D-${number}`),
    }));
    for (const { tid, enlistment } of abandoned) {
      rig.invite(0, { tid, enlistment });
      rig.invite(1, { tid, enlistment });
    }
    expect(rig.underWay).toBe(8);
    for (let input = 0; input < inputs; input += 1) {
      const [tid, enlistment] = [tidNumber(100 + input), enlistmentId(`D-${100 + input}`)];
      rig.invite(0, { tid, enlistment });
      rig.invite(1, { tid, enlistment });
      expect(rig.underWay).toBeLessThanOrEqual(9);
      for (const name of [...rig.timers.keys()]) {
        if (name.includes(tid) && name.includes('expires')) rig.runOut(name);
      }
    }
    expect(rig.underWay).toBe(0);
    rig.invite(0, { ...abandoned[0] });
    expect(rig.underWay).toBe(1);
  });

  it('are none right after a restart in doubt, also while the doubts are said again', () => {
    const rig = new ParticipantRig().activate();
    rig.hear('prepare', [0, 1]);
    expect(rig.underWay).toBe(1);
    rig.restart();
    expect(rig.underWay).toBe(0);
    for (const name of [...rig.timers.keys()]) rig.runOut(name);
    expect(rig.underWay).toBe(0);
    rig.hear('commit', [0]);
    expect(rig.underWay).toBe(1);
    rig.hear('commit', [1]);
    expect(rig.underWay).toBe(0);
  });

  it('are not those whose client says nothing, or whose coordinators do not answer', () => {
    const limits = { ...smallLimits, transactions: 1000, transactionsOfOneClient: 1000 };
    const rig = new InitiatorRig({ limits });
    for (let number = 1; number <= 8; number += 1) {
      rig.give({
        ...request,
        client: `alice/${number}` as typeof request.client,
        digest: digestNumber(number),
      });
    }
    expect(rig.core.underWay).toBe(8);
    for (let number = 1; number <= 8; number += 1) rig.timeOut('resend', digestNumber(number));
    for (let input = 0; input < inputs; input += 1) {
      const requestId = (100 + input) as RequestId;
      const of = digest((1000 + input).toString(16).padStart(64, '0'));
      rig.give({
        ...request,
        requestId,
        client: `alice/${100 + input}` as typeof request.client,
        digest: of,
      });
      rig.timeOut('deadline', of);
      rig.timeOut('resend', digestNumber(1 + (input % 8)));
    }
    expect(rig.core.underWay).toBe(0);
  });

  it('are not slots that one liar names, nor those that nobody answers', () => {
    const rig = new CoordinatorRig();
    const story = new Story(rig);
    const evidence = new Evidence(rig.parties);
    for (let index = 0; index < 20; index += 1) {
      const tid = `00000000-0000-8000-8000-${String(index).padStart(12, '0')}` as TransactionId;
      const statement = evidence.phase('commit', evidence.commitValue({ tid }));
      rig.transmit(3, 0, { kind: 'phase', signed: evidence.signedPhase(3, statement) });
    }
    rig.runFor(50);
    expect(rig.core(0).status.openSlots).toBe(20);
    expect(rig.core(0).underWay).toBe(0);
    for (const replica of [1, 2, 3]) rig.crash(replica);
    story.ask(1);
    rig.runFor(50);
    expect(rig.core(0).underWay).toBe(1);
    rig.runFor(30_000);
    expect(rig.core(0).status.openSlots).toBeGreaterThan(0);
    expect(rig.core(0).underWay).toBe(0);
  });
});
