import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const notes = path('../support/notes/application.mjs');
const script = path('../../examples/http-session/session.mjs');

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start({ sessions: { engine: 'antipaxos', modules: { notes } } });
});
afterAll(() => cluster.stop());

it('makes a session that coordinators take, with none of our code', async () => {
  const { url = '' } = cluster.cluster.coordinators[2] ?? {};
  const owner = join(cluster.directory, 'nodes', 'alice.json');
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[script, url, owner, 'notes'],
    ...['{"take":"é","text":"mine"}', '{"read":"é"}'],
  ]);
  expect(stdout).toMatch(/^200 /);
  const json = stdout.slice(4, stdout.lastIndexOf('}') + 1);
  expect(JSON.parse(json)).toMatchObject({
    next: 4,
    statuses: [1, 2, 3].map((sequence) => ({ sequence, status: { kind: 'provisional' } })),
  });
  expect(stdout).toMatch(/curl -N http:.*\/sessions\/[0-9a-f]{64}\/events\n$/);
});
