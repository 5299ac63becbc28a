import type { OrderingMessage } from '../../../../src/ordering/types.js';
import { type Behaviour, type Liar, othersOf } from './liar.js';

/** The least that a phase waits, with S1 or S2, and with S3. */
const TIMEOUTS_MS = [100, 200] as const;
/** Of a timeout: what others bear for ever, what they bear for a while, and what is just not absence. */
const PARTS = [0.2, 0.5, 0.9] as const;
/** How long a primary lets each batch wait; the last is a little less than the time-out. */
const PACES_MS = [40, 90, 300, 1300] as const;

/** Its values and reports, also those in a decision that it hands on. */
function isOwn({ self }: Liar, message: OrderingMessage): boolean {
  if (message.kind === 'proposal') return message.proposal.statement.replica === self;
  if (message.kind === 'report') return message.report.statement.replica === self;
  return message.kind === 'fast-decision';
}

/** Sends all that it proposes and reports late, by always the same part of a timeout. */
export function barelyLate(liar: Liar): Behaviour {
  const delayMs = liar.random.pick(PARTS) * liar.random.pick(TIMEOUTS_MS);
  return {
    outgoing: (to, message) => {
      if (!isOwn(liar, message)) return undefined;
      liar.lied();
      liar.after(delayMs, () => liar.send(to, message));
      return [];
    },
  };
}

/** Keeps its values, its reports, its votes, or all that it says, from one replica. */
export function keepFromOne(liar: Liar): Behaviour {
  const victim = liar.random.pick(othersOf(liar));
  const isKept = liar.random.pick<(message: OrderingMessage) => boolean>([
    ({ kind }) => kind === 'proposal',
    ({ kind }) => kind === 'report' || kind === 'fast-decision',
    ({ scope }) => ['decision-module', 'pbft', 'fab'].includes(scope),
    () => true,
  ]);
  return {
    outgoing: (to, message) => {
      if (to !== victim || !isKept(message)) return undefined;
      liar.lied();
      return [];
    },
  };
}

/** As a primary it lets each batch wait, always for the same time. */
export function pacedPrimary(liar: Liar): Behaviour {
  const delayMs = liar.random.pick(PACES_MS);
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'pre-prepare') return undefined;
      liar.lied();
      liar.after(delayMs, () => liar.send(to, message));
      return [];
    },
  };
}
