import { expect, it } from 'vitest';
import { activationOperations, type PlainPorts } from '../../src/gateway/node/plain-ports.js';
import { clientId } from '../../src/kernel/ids.js';
import {
  ATOMIC_TRANSACTION,
  coordinationActions,
  writeCreateCoordinationContext,
} from '../../src/transaction/soap/coordination.js';

it('a busy gateway asks for a new MessageID: the old one of a signed message is taken no more', async () => {
  const ports: PlainPorts = {
    url: 'http://gateway',
    ask: async () => ({ kind: 'refused', reason: 'busy' }),
    newRequest: () => ({ client: clientId('gw/1'), timestamp: 1 }),
    mayCall: () => true,
    peers: { at: () => undefined },
    expiresMs: 1000,
  };
  const action = coordinationActions.createCoordinationContext;
  const body = writeCreateCoordinationContext({
    coordinationType: ATOMIC_TRANSACTION,
    extensions: [],
  });
  const message = { version: '1.1', addressing: { action }, headers: [], body } as const;
  const handled = activationOperations(ports, 1)[action]?.handle({ ...message, peer: 'alice' });
  await expect(handled).rejects.toMatchObject({
    data: { soapCode: 'Receiver', reason: expect.stringContaining('with a new MessageID') },
  });
});
