import { expect, it } from 'vitest';
import { type ReplicaId, replicaId } from '../../../src/kernel/ids.js';
import type { PeerNetwork } from '../../../src/kernel/links/peer-network.js';
import { orderingLimits } from '../../../src/ordering/fields.js';
import { SessionPeers } from '../../../src/session/node/peers.js';
import { sessionRequestCheck } from '../../../src/session/request.js';
import { sessionParties } from '../../support/session-owner.js';

it('a message that cannot be encoded is dropped and logged, and the next one is sent', () => {
  const parties = sessionParties();
  const sent: (readonly [string, ReplicaId | 'others'])[] = [];
  const logged: string[] = [];
  const line = (_data: object, event: string) => void logged.push(event);
  const network = {
    attach: () => undefined,
    send: (channel: string, to: ReplicaId) => void sent.push([channel, to]),
    broadcast: (channel: string) => void sent.push([channel, 'others']),
  };
  const peers = new SessionPeers({
    network: network as unknown as PeerNetwork,
    keyring: parties.keyring,
    owners: parties.owners,
    isGenuine: sessionRequestCheck(parties.keyring, parties.owners),
    needs: () => true,
    log: { info: line, warn: line, error: line } as never,
    nowMs: () => 0,
    submit: () => true,
  });
  const bytes = new Uint8Array(2 * orderingLimits.chunkBytes);
  peers.send({ kind: 'broadcast-ordering', message: { kind: 'chunk', scope: 'pbft', bytes } });
  const what = { kind: 'final', position: 0 } as const;
  peers.send({ kind: 'send-session', to: replicaId(1), message: { kind: 'fetch', what } });
  expect(logged).toEqual(['message-not-sent', 'message-not-sent']);
  expect(sent).toEqual([]);
  const message = { kind: 'fetch', what: { kind: 'final', position: 1 } } as const;
  peers.send({ kind: 'broadcast-session', message });
  expect(sent).toEqual([['sessions', 'others']]);
});
