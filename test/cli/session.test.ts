import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';
import { cli } from './support/cli.js';

const notes = fileURLToPath(new URL('../support/notes/application.mjs', import.meta.url));

describe('concordat session', () => {
  let cluster: TestCluster;
  let client: string;
  beforeAll(async () => {
    cluster = await TestCluster.start({
      sessions: { engine: 'antipaxos', modules: { notes } },
    });
    client = join(cluster.directory, 'nodes', 'alice.json');
  });
  afterAll(() => cluster.stop());

  it('prints what is likely and what it came to', async () => {
    const { exitCode, out, err } = await cli(
      ...['session', 'notes', '--client', client, '--home', 'coordinator-1'],
      ...['{"take":"x","text":"mine"}', '{"read":"x"}'],
    );
    expect(err).toBe('');
    expect(exitCode).toBe(0);
    const lines = out.trim().split('\n');
    expect(lines[0]).toMatch(/^session [0-9a-f]{64} at coordinator-1$/);
    expect(lines[1]).toMatch(/^1 {2}provisional {2}done mine {2}\([0-9.]+ ms\)$/);
    expect(lines[2]).toMatch(/^2 {2}provisional {2}done mine/);
    expect(lines.slice(3).toSorted()).toEqual([
      expect.stringMatching(/^1 {2}committed {4}done mine/),
      expect.stringMatching(/^2 {2}committed {4}done mine/),
    ]);
  });

  it('tells by its status, and as JSON, that an operation was aborted', async () => {
    const args = ['{"take":"y","text":"one"}', '{"take":"y","text":"two"}'];
    const { exitCode, out } = await cli('session', 'notes', '--client', client, '--json', ...args);
    expect(exitCode).toBe(1);
    const { operations } = JSON.parse(out);
    expect(operations).toMatchObject([
      { sequence: 1, payload: args[0], final: { kind: 'committed', result: { result: 'one' } } },
      {
        sequence: 2,
        provisional: { kind: 'rejected', reason: 'y is one' },
        final: { kind: 'aborted' },
      },
    ]);
  });

  it('says what is wrong with what it is asked', async () => {
    const other = await cli('session', 'shop', '--client', client, 'x');
    expect(other).toMatchObject({ exitCode: 2, err: expect.stringContaining('only for notes') });
    const nowhere = await cli('session', 'notes', '--client', client, '--home', 'bank-a', 'x');
    expect(nowhere).toMatchObject({ exitCode: 2, err: expect.stringContaining('coordinator-3') });
  });
});
