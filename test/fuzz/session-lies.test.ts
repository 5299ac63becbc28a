import { expect, it } from 'vitest';
import { replicaId } from '../../src/kernel/ids.js';
import { testCluster } from '../support/keys.js';
import { sessionLie } from './peer/session-lies.js';
import { Random } from './support/random.js';

it('lies about sessions are such as a peer can send', () => {
  const { cluster, replicaSign } = testCluster();
  const liar = { cluster: cluster.id, self: replicaId(3), sign: replicaSign(3), replicas: 4 };
  const random = new Random(1);
  for (let count = 0; count < 20_000; count += 1) {
    expect(sessionLie(random, liar).length).toBeGreaterThan(0);
  }
});
