import { describe, expect, it } from 'vitest';
import { digest, enlistmentId, replicaId, transactionId } from '../../src/kernel/ids.js';
import * as coordinator from '../../src/transaction/coordinator/core/timers.js';
import * as initiator from '../../src/transaction/initiator/timers.js';
import * as participant from '../../src/transaction/participant/timers.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';
import { Rig as InitiatorRig } from './initiator-rig.js';
import { Rig as ParticipantRig } from './participant-rig.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const ref = { tid, enlistment: enlistmentId('bank-a.D-1') };
const operation = digest('ab'.repeat(32));

const ofCoordinator: readonly coordinator.CoordinatorTimer[] = [
  { kind: 'votes', tid },
  { kind: 'expires', tid },
  { kind: 'notify', tid },
  { kind: 'inquiry', tid },
  { kind: 'search', tid },
  { kind: 'inventory', replica: replicaId(3) },
  { kind: 'missing-proofs' },
  { kind: 'recover' },
  { kind: 'recover-again' },
];
const ofParticipant: readonly participant.ParticipantTimer[] = [
  { kind: 'register', ref },
  { kind: 'expires', ref },
  { kind: 'doubt', ref },
  { kind: 'invitation', tid, digest: operation },
];
const ofInitiator: readonly initiator.InitiatorTimer[] = [
  { request: operation, timer: { kind: 'resend' } },
  { request: operation, timer: { kind: 'deadline' } },
  { request: operation, timer: { kind: 'leg', leg: 12 } },
];

/** What a driver hands back when the timer runs out. */
function nameIn(output: { readonly kind: string }): string {
  if (output.kind !== 'start-timer' || !('name' in output)) throw new Error('no timer started');
  return String(output.name);
}

describe('a timer', () => {
  it.each(ofCoordinator)('of a coordinator is read as it was started: %o', (timer) => {
    expect(coordinator.readTimer(nameIn(coordinator.startTimer(timer, 1)))).toEqual(timer);
  });

  it.each(ofParticipant)('of a participant is read as it was started: %o', (timer) => {
    expect(participant.readTimer(nameIn(participant.startTimer(timer, 1)))).toEqual(timer);
  });

  it.each(ofInitiator)('of an initiator is read as it was started: %o', (timer) => {
    expect(initiator.readTimer(nameIn(initiator.startTimer(timer, 1)))).toEqual(timer);
  });
});

describe('a timer that a core has not started', () => {
  it.each(['overdue', 'vote', '', 'toString'])('ends a coordinator: %j', (kind) => {
    const rig = new Rig();
    const open = new Story(rig).transfer(1);
    const late = () => rig.core(0).handle({ kind: 'timer', name: `${kind}/${open}` });
    expect(late).toThrow('invariant broken');
  });

  it('ends a participant', () => {
    const late = () => new ParticipantRig().give({ kind: 'timer', name: `overdue/${tid}/D-1` });
    expect(late).toThrow('invariant broken');
  });

  it('ends an initiator', () => {
    const late = () => new InitiatorRig().give({ kind: 'timer', name: `${operation}/overdue` });
    expect(late).toThrow('invariant broken');
  });
});
