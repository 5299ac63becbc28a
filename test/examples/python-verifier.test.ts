import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { outcomeProofVectors } from '../support/vectors/outcome-proofs.js';

const root = join(import.meta.dirname, '..', '..');
const python = process.platform === 'win32' ? 'python' : 'python3';
const isThere = spawnSync(python, ['--version']).status === 0;

describe.skipIf(!isThere)('the verifier in Python', () => {
  it('judges the vectors as the docs say', async () => {
    const file = join(root, 'docs/vectors/outcome-proofs.json');
    const options = { cwd: join(root, 'examples/python-verifier') };
    const { stdout } = await promisify(execFile)(python, ['-B', 'vectors.py', file], options);
    expect(stdout).toBe(`${outcomeProofVectors().length} vectors, wrong: none\n`);
  });
});
