import { describe, expect, it } from 'vitest';
import { belongsTo, enlistmentId, participantId } from '../../src/kernel/ids.js';
import { newEnlistment, protocolOf } from '../../src/transaction/enlistment-name.js';

const own = '01234567-89ab-4def-8123-456789abcdef';

describe('the id of an enlistment', () => {
  it.each(['bank-a', 'bank.V-2', 'V'])('of %s says whose it is, and its protocol', (name) => {
    const participant = participantId(name);
    for (const protocol of ['durable', 'volatile'] as const) {
      const id = newEnlistment(participant, protocol, own);
      expect(belongsTo(id, participant)).toBe(true);
      expect(protocolOf(id)).toBe(protocol);
    }
  });

  it.each(['bank-a.1', 'bank-a.D-1', 'bank-a.v-1', 'bank-a.xV-1', 'bank.V-2.1'])(
    'is durable where its participant made it otherwise: %s',
    (id) => expect(protocolOf(enlistmentId(id))).toBe('durable'),
  );
});
