import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { build } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ClusterKeys, faultText, verifySessionProof } from '../../src/api/verify.js';
import { digestOfText } from '../../src/kernel/digest.js';
import { digest, replicaId } from '../../src/kernel/ids.js';
import { checkProof } from '../../src/service/client/proof-check.js';
import { OutcomeTree } from '../../src/session/check-proof.js';
import { outcomeProofJson, stateProofJson } from '../../src/session/http/proof-json.js';
import { signSession } from '../../src/session/proof.js';
import type { OperationOutcome } from '../../src/session/types.js';
import { testCluster } from '../support/keys.js';
import { valueImports } from '../support/value-imports.js';
import { clusterOf } from '../support/vectors/outcome-proofs.js';
import { sessionProofVectors } from '../support/vectors/session-proofs.js';

const root = join(import.meta.dirname, '..', '..');
type Verify = typeof import('../../src/api/verify.js');
interface Vectors {
  readonly cluster: ClusterKeys;
  readonly proofs: readonly {
    readonly name: string;
    readonly proof: string;
    readonly agreement?: 'two-step';
    readonly proves: unknown;
  }[];
}
const { cluster, proofs } = JSON.parse(
  readFileSync(join(root, 'docs/vectors/outcome-proofs.json'), 'utf8'),
) as Vectors;

describe('what concordat/verify reaches', () => {
  const reached = valueImports(root, 'src/api/verify.ts');

  it('imports nothing of Node', () => {
    const packages = [...reached.values()].flat().filter((name) => !name.startsWith('src/'));
    expect([...new Set(packages)].sort()).toEqual([
      '@noble/curves/ed25519.js',
      '@noble/hashes/sha2.js',
      '@noble/hashes/utils.js',
      'zod',
    ]);
    expect(reached.size).toBeGreaterThan(15);
  });

  it('needs no Buffer, and asks for Node in one place only', () => {
    const naming = (word: RegExp) =>
      [...reached.keys()].filter((file) => word.test(readFileSync(join(root, file), 'utf8')));
    expect(naming(/\bBuffer[.(]/)).toEqual([]);
    expect(naming(/\bprocess\b|\brequire\(|__dirname/)).toEqual(['src/kernel/digest.ts']);
  });
});

/** Nothing is there but the language and what turns text into bytes and back. */
describe('concordat/verify without Node', { timeout: 120_000 }, () => {
  let bare: Verify;
  beforeAll(async () => {
    const lib = {
      entry: join(root, 'src/api/verify-in-page.ts'),
      name: 'verify',
      formats: ['iife' as const],
    };
    const options = { write: false, minify: false, lib };
    const built = await build({ configFile: false, root, logLevel: 'error', build: options });
    const [{ output }] = built as unknown as [{ output: [{ code: string }] }];
    const context = createContext({ TextEncoder, TextDecoder });
    bare = runInContext(`${output[0].code}\nverify`, context) as Verify;
    expect(runInContext('typeof process + typeof Buffer + typeof require', context)).toBe(
      'undefined'.repeat(3),
    );
  }, 120_000);

  it.each(proofs)('judges as the coordinators do: $name', ({ proof, proves, agreement }) => {
    const bytes = new Uint8Array(Buffer.from(proof, 'hex'));
    const checked = bare.verifyOutcomeProof({ ...cluster, agreement }, bytes);
    const expected = checkProof(clusterOf({ agreement }), bytes);
    expect(checked.ok).toBe(proves !== null);
    expect(checked.ok ? 'holds' : bare.faultText(checked.error)).toBe(
      expected.ok ? 'holds' : expected.error,
    );
  });

  it.each(sessionProofVectors())('judges proofs of sessions: $name', ({ proof, proves }) => {
    const checked = bare.verifySessionProof(cluster, proof);
    expect(checked.ok ? checked.value : null).toEqual(proves);
    expect(checked).toEqual(verifySessionProof(cluster, proof));
  });

  it('refuses a proof with any byte changed', () => {
    const [{ proof } = { proof: '' }] = proofs;
    const bytes = new Uint8Array(Buffer.from(proof, 'hex'));
    expect(bare.verifyOutcomeProof(cluster, bytes)).toMatchObject({
      ok: true,
      value: { kind: 'outcome', outcome: 'commit', coordinators: [0, 1, 2] },
    });
    for (let at = 0; at < bytes.length; at += 41) {
      const changed = bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
      expect(bare.verifyOutcomeProof(cluster, changed).ok, `byte ${at}`).toBe(false);
    }
  });

  it('judges proofs of sessions', () => {
    for (const proof of [stateProof(), operationProof()]) {
      expect(bare.verifySessionProof(keys, proof)).toEqual(verifySessionProof(keys, proof));
      expect(bare.verifySessionProof(keys, proof).ok).toBe(true);
    }
  });
});

const parties = testCluster();
const keys: ClusterKeys = { ...parties.cluster, f: parties.cluster.resilience.f };

function stateProof(replicas: readonly number[] = [0, 2]): object {
  const subject = { kind: 'state', application: 'shop', key: 'a' } as const;
  const statement = {
    kind: 'attestation',
    subject,
    value: digestOfText('seven'),
    position: 3,
  } as const;
  const attestations = replicas.map((replica) => ({
    replica: replicaId(replica),
    ...signSession(parties.replicaSign(replica), parties.cluster.id, statement),
  }));
  return stateProofJson({ application: 'shop', key: 'a', value: 'seven', attestations });
}

const outcome: OperationOutcome = {
  session: digestOfText('session') as OperationOutcome['session'],
  sequence: 1,
  head: digestOfText('head'),
  result: { kind: 'done', result: 'seven' },
};

function operationProof(): object {
  const tree = new OutcomeTree([outcome, { ...outcome, sequence: 2 }]);
  const before = digest('00'.repeat(32));
  const statement = { kind: 'history', position: 4, before, root: tree.root } as const;
  const signed = [1, 3].map((replica) => ({
    replica: replicaId(replica),
    ...signSession(parties.replicaSign(replica), parties.cluster.id, statement),
  }));
  const bytes = signed[0]?.bytes ?? new Uint8Array();
  const certificate = { statement, bytes, signatures: signed };
  return outcomeProofJson({ outcome, path: tree.path(0), certificate });
}

describe('proofs of sessions', () => {
  it('say what they prove', () => {
    expect(verifySessionProof(keys, stateProof())).toEqual({
      ok: true,
      value: { kind: 'state', application: 'shop', key: 'a', value: 'seven', coordinators: [0, 2] },
    });
    expect(verifySessionProof(keys, operationProof())).toEqual({
      ok: true,
      value: { kind: 'operation', ...outcome, position: 4, coordinators: [1, 3] },
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', null, /no proof/],
    ['something else', { value: 'seven' }, /no proof/],
    ['one coordinator’s word', stateProof([1]), /1 replicas instead of 2/],
    ['another value', { ...stateProof(), value: 'eight' }, /does not fit together/],
    ['another result', changed(operationProof(), 'seven', 'eight'), /does not fit together/],
    ['another signer', changed(operationProof(), '"replica":3', '"replica":2'), /not its own/],
    ['a stranger', changed(operationProof(), '"replica":3', '"replica":9'), /names no replica 9/],
  ])('are refused: %s', (_, proof, fault) => {
    const checked = verifySessionProof(keys, proof);
    expect(checked.ok ? 'holds' : faultText(checked.error)).toMatch(fault);
  });
});

function changed(proof: object, from: string, to: string): unknown {
  return JSON.parse(JSON.stringify(proof).replace(from, to));
}
