import { expect, it } from 'vitest';
import { limitsFor } from '../../src/gateway/node/gateway-node.js';
import { Peers } from '../../src/gateway/node/peers.js';

it.each([
  [1, 512],
  [2, 256],
  [3, 170],
  [4, 128],
  [65, 128],
])('of %i senders each may have %i activities open', (senders, share) => {
  expect(limitsFor(senders).activitiesOfPeer).toBe(share);
});

it('all that do not sign are one sender', () => {
  expect(new Peers(new Map(), undefined).senders).toBe(1);
});
