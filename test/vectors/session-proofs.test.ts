import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ClusterKeys, verifySessionProof } from '../../src/api/verify.js';
import { verifyRun } from '../../src/session/owners.js';
import { decodeSessionStatement, encodeSessionStatement } from '../../src/session/statement.js';
import { clusterJson, vectorCluster } from '../support/vectors/outcome-proofs.js';
import { vectorHeader, vectorOwnerKey, vectorOwners } from '../support/vectors/owner.js';
import { sessionProofVectors, sessionVectorsJson } from '../support/vectors/session-proofs.js';
import { runVectors } from '../support/vectors/session-runs.js';
import { statementVectors } from '../support/vectors/session-statements.js';

const file = join(import.meta.dirname, '..', '..', 'docs/vectors/session-proofs.json');
const owners = vectorOwners(vectorCluster);

describe('the vectors of sessions', () => {
  it('are those in the docs', async () => {
    const json = { cluster: clusterJson(), ...sessionVectorsJson() };
    await expect(`${JSON.stringify(json, undefined, 1)}\n`).toMatchFileSnapshot(file);
  });

  it('have the key of the owner’s certificate', () => {
    const { publicKey } = new X509Certificate(vectorHeader.certificate);
    const der = publicKey.export({ type: 'spki', format: 'der' });
    expect(der.subarray(-65).equals(vectorOwnerKey)).toBe(true);
  });

  it.each(runVectors())('run: $name', ({ run, holds }) => {
    expect(verifyRun(owners, run).ok).toBe(holds);
  });

  it.each(statementVectors)('statement: $name', ({ statement }) => {
    const bytes = encodeSessionStatement(vectorCluster.id, statement);
    expect(decodeSessionStatement(vectorCluster.id, bytes)).toEqual(statement);
  });

  it.each(sessionProofVectors())('proof: $name', ({ proof, proves }) => {
    const checked = verifySessionProof(clusterJson() as ClusterKeys, proof);
    expect(checked.ok ? checked.value : null).toEqual(proves);
  });
});
