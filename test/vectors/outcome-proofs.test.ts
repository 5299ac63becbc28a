import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkProof } from '../../src/service/client/proof-check.js';
import {
  clusterJson,
  clusterOf,
  outcomeProofVectors,
  vectorCluster,
} from '../support/vectors/outcome-proofs.js';

const root = join(import.meta.dirname, '..', '..');
const file = join(root, 'docs/vectors/outcome-proofs.json');
const vectors = outcomeProofVectors();

describe('the vectors of outcome proofs', () => {
  it('are those in the docs', async () => {
    const text = JSON.stringify(
      {
        cluster: clusterJson(),
        proofs: vectors.map(({ name, proof, proves, agreement }) => ({
          name,
          ...(agreement && { agreement }),
          proves,
          proof: Buffer.from(proof).toString('hex'),
        })),
      },
      undefined,
      1,
    );
    await expect(`${text}\n`).toMatchFileSnapshot(file);
  });

  it.each(vectors)('$name', (vector) => {
    expect(checkProof(clusterOf(vector), vector.proof).ok).toBe(vector.proves !== null);
  });

  it('say where the cluster file lacks a participant, and how it comes there', () => {
    const good = vectors.find(({ name }) => name === 'a commit');
    const checked = checkProof(
      { ...vectorCluster, participants: [] },
      good?.proof ?? new Uint8Array(),
    );
    expect(checked).toMatchObject({
      error: expect.stringMatching(/names no participant bank-.*merge/),
    });
  });
});
