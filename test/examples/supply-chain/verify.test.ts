import { expect, it } from 'vitest';
import { supplyChain } from '../../../examples/supply-chain/application.js';
import { keys } from '../../../examples/supply-chain/keys.js';
import { registration, sampleSupplier, workflow } from '../../../examples/supply-chain/sample.js';
import { verifyPackageProof } from '../../../examples/supply-chain/verify.js';
import { digestOfText } from '../../../src/kernel/digest.js';
import { replicaId } from '../../../src/kernel/ids.js';
import { stateProofJson } from '../../../src/session/http/proof-json.js';
import { signSession } from '../../../src/session/proof.js';
import { testCluster } from '../../support/keys.js';
import { applyTo, callOf, MemoryState } from './support/memory-state.js';

const { cluster, replicaSign } = testCluster();
const clusterKeys = { ...cluster, f: cluster.resilience.f };

const state = new MemoryState();
const acme = sampleSupplier('acme');
[registration(acme), ...workflow(acme, 'P-1')].forEach((step, index) => {
  applyTo(state, supplyChain, callOf(step, { sequence: index + 1 }));
});
const key = keys.package('P-1');
const value = state.values.get(key) ?? '';

/** What these replicas say of a value, as a file. */
function proofOf(
  content: string,
  { replicas = [1, 2], of = key, application = 'supply-chain' } = {},
): string {
  const subject = { kind: 'state', application, key: of } as const;
  const attestations = replicas.map((index) => {
    const digest = digestOfText(content);
    const statement = { kind: 'attestation', subject, value: digest, position: index } as const;
    return { replica: replicaId(index), ...signSession(replicaSign(index), cluster.id, statement) };
  });
  return JSON.stringify(stateProofJson({ application, key: of, value: content, attestations }));
}

it('takes the history that f + 1 replicas attest', () => {
  const result = verifyPackageProof(clusterKeys, proofOf(value));
  expect(result).toMatchObject({ ok: true, value: { package: 'P-1', signatureValid: true } });
});

it.each([
  ['nothing', '', /no proof/],
  ['something else', '{}', /no proof/],
  [
    'a value that was changed later',
    JSON.stringify({ ...JSON.parse(proofOf(value)), value: value.replace('acme', 'acne') }),
    /does not fit together/,
  ],
  ['one replica', proofOf(value, { replicas: [1] }), /1 replicas instead of 2/],
  ['one replica twice', proofOf(value, { replicas: [1, 1] }), /one twice/],
  [
    'a replica that is not in the cluster file',
    proofOf(value).replace('"replica":2', '"replica":9'),
    /names no replica 9/,
  ],
  [
    'a signature of another replica',
    proofOf(value).replace('"replica":2', '"replica":3'),
    /not its own/,
  ],
  ['a proof of another application', proofOf(value, { application: 'shop' }), /of something else/],
  ['a proof of another key', proofOf('{}', { of: 'supplier/acme' }), /of something else/],
  ["another package's history", proofOf(value, { of: keys.package('P-2') }), /another package/],
  [
    'a history whose chain is broken, whoever attests it',
    proofOf(value.replaceAll('as ordered', 'as expected')),
    /entry 4 is not what its hash says/,
  ],
])('refuses %s', (_, text, error) => {
  expect(verifyPackageProof(clusterKeys, text)).toEqual({
    ok: false,
    error: expect.stringMatching(error),
  });
});
