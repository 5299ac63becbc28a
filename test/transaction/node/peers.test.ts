import { expect, it } from 'vitest';
import { limits } from '../../../src/kernel/codec/limits.js';
import { digest, type ReplicaId, replicaId, view } from '../../../src/kernel/ids.js';
import type { Keyring } from '../../../src/kernel/keys.js';
import type { PeerNetwork } from '../../../src/kernel/links/peer-network.js';
import { Peers } from '../../../src/transaction/coordinator/node/peers.js';

it('a message that cannot be encoded is dropped and logged, and the next one is sent', () => {
  const sent: (ReplicaId | 'others')[] = [];
  const logged: string[] = [];
  const line = (_data: object, event: string) => void logged.push(event);
  const network = {
    attach: () => undefined,
    send: (_channel: string, to: ReplicaId) => void sent.push(to),
    broadcast: () => void sent.push('others'),
  };
  const coordinators = [0, 1, 2, 3].map((id) => ({ id: replicaId(id) }));
  const peers = new Peers({
    cluster: { coordinators } as never,
    network: network as unknown as PeerNetwork,
    keyring: {} as Keyring,
    store: {} as never,
    log: { info: line, warn: line, error: line } as never,
    needs: () => true,
    submit: () => true,
  });
  const question = digest('0'.repeat(64));
  const slot = { kind: 'activation', request: question } as const;
  const open = Array.from({ length: limits.inventoryEntries + 1 }, () => slot);
  const page = {
    kind: 'inventory',
    question,
    after: 0,
    last: true,
    view: view(0),
    recovering: false,
    finished: [],
    floors: [],
  } as const;
  peers.send({ kind: 'send', to: replicaId(1), message: { ...page, open } });
  expect(logged).toEqual(['message-not-sent']);
  expect(sent).toEqual([]);
  peers.send({ kind: 'broadcast', message: { ...page, open: [slot] } });
  expect(sent).toEqual(['others']);
});
