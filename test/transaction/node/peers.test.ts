import { expect, it } from 'vitest';
import { encodePeerMessage } from '../../../src/agreement/peer-message.js';
import { limits } from '../../../src/kernel/codec/limits.js';
import { clusterId, digest, type ReplicaId, replicaId, view } from '../../../src/kernel/ids.js';
import type { Keyring } from '../../../src/kernel/keys.js';
import type { ChannelHandler } from '../../../src/kernel/links/frames.js';
import type { PeerNetwork } from '../../../src/kernel/links/peer-network.js';
import type { Checkers } from '../../../src/transaction/checks/checkers.js';
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
    entered: view(0),
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

it('a message that cannot be judged does not end the node, also after a worker has looked at it', () => {
  const logged: string[] = [];
  const line = (_data: object, event: string) => void logged.push(event);
  const handlers: ChannelHandler[] = [];
  const looked: (() => void)[] = [];
  const network = { attach: (_channel: string, handler: ChannelHandler) => handlers.push(handler) };
  const checkers = {
    peer: (_from: ReplicaId, _bytes: unknown, then: () => void) => looked.push(then) > 0,
  };
  let asked = 0;
  const peers = new Peers({
    cluster: { id: clusterId('test') } as never,
    network: network as unknown as PeerNetwork,
    keyring: {} as Keyring,
    store: {} as never,
    checkers: checkers as unknown as Checkers,
    log: { info: line, warn: line, error: line } as never,
    needs: () => {
      asked += 1;
      if (asked > 1) throw new Error('a mistake');
      return true;
    },
    submit: () => true,
  });
  expect(peers).toBeDefined();
  const slot = { kind: 'activation', request: digest('0'.repeat(64)) } as const;
  handlers[0]?.onMessage(replicaId(1), encodePeerMessage({ kind: 'fetch', slot }));
  expect(looked).toHaveLength(1);
  for (const then of looked) then();
  expect(logged).toEqual(['peer-message-failed']);
});
