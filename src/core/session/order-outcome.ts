import type { OutcomeValue, ParticipantRecord } from '../../vocabulary/agreement.js';
import type { OrderOutcome } from '../../vocabulary/session.js';

/**
 * What an order came to, by the outcome that the coordinators agreed on for its transaction. It says
 * nothing that is not in the agreed value, so every replica says the same. A bank's name is in there where
 * its vote against came before the initiators' rollback, and never which account lacked the money.
 */
export function orderOutcome({ outcome, reason, records }: OutcomeValue): OrderOutcome {
  if (outcome === 'commit') return { kind: 'committed' };
  switch (reason) {
    case 'vote': {
      const refusing = records.filter(({ vote }) => vote?.statement.vote === 'aborted');
      return aborted(`refused by ${banks(refusing)}`);
    }
    case 'timeout': {
      const silent = records.filter(({ vote }) => vote === undefined);
      return aborted(
        silent.length > 0 ? `no vote in time from ${banks(silent)}` : 'not completed in time',
      );
    }
    default:
      // The initiators asked for a rollback.
      return aborted('a bank refused it or did not answer in time');
  }
}

function aborted(reason: string): OrderOutcome {
  return { kind: 'aborted', reason };
}

function banks(records: readonly ParticipantRecord[]): string {
  const names = records.map(({ registration }) => registration.statement.participant);
  return [...new Set(names)].sort().join(', ');
}
