import { expect, it } from 'vitest';
import {
  type AgreementTimer,
  readTimer,
  startTimer,
  stopTimer,
} from '../../src/agreement/core/timers.js';
import { slotKey } from '../../src/agreement/messages.js';
import { replicaId } from '../../src/kernel/ids.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';

const { slot } = new Evidence(testCluster()).decision(new Evidence(testCluster()).commitValue())
  .commits.statement;

const timers: readonly AgreementTimer[] = [
  { kind: 'suspect', slot: slotKey(slot) },
  { kind: 'resend', slot: slotKey(slot) },
  { kind: 'pace' },
  { kind: 'resend-view-change' },
  { kind: 'new-view' },
  { kind: 'forget-view-change', replica: replicaId(3) },
  { kind: 'leave', replica: replicaId(3) },
];

it.each(timers)('a timer is read as it was started: $kind', (timer) => {
  const started = startTimer(timer, 100);
  const stopped = stopTimer(timer);
  if (started.kind !== 'start-timer' || stopped.kind !== 'stop-timer') throw new Error('no timer');
  expect(readTimer(started.name)).toEqual(timer);
  expect(stopped.name).toBe(started.name);
});

it('a timer of another part is none of the agreement’s', () => {
  expect(readTimer('another')).toBeUndefined();
  expect(readTimer('expires/1')).toBeUndefined();
});

it('a timer of the agreement that it does not know stops the replica', () => {
  expect(() => readTimer('agreement/another')).toThrow('invariant');
  expect(() => readTimer('agreement/toString')).toThrow('invariant');
});
