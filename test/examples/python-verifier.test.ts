import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { outcomeProofVectors } from '../support/vectors/outcome-proofs.js';
import { sessionVectorsJson } from '../support/vectors/session-proofs.js';

const root = join(import.meta.dirname, '..', '..');
const python = process.platform === 'win32' ? 'python' : 'python3';
const isThere = spawnSync(python, ['--version']).status === 0;

describe.skipIf(!isThere)('the verifier in Python', () => {
  const judged = async (name: string): Promise<string> => {
    const file = join(root, 'docs/vectors', name);
    const options = { cwd: join(root, 'examples/python-verifier') };
    const { stdout } = await promisify(execFile)(python, ['-B', 'vectors.py', file], options);
    return stdout;
  };

  it('judges the vectors of outcomes as the docs say', async () => {
    const count = outcomeProofVectors().length;
    expect(await judged('outcome-proofs.json')).toBe(`${count} vectors, wrong: none\n`);
  });

  it('judges the vectors of sessions as the docs say', async () => {
    const count = Object.values(sessionVectorsJson()).flat().length;
    expect(await judged('session-proofs.json')).toBe(`${count} vectors, wrong: none\n`);
  });
});
