import { randomBytes, X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClientAsync } from 'soap';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../../src/api/test-cluster.js';
import { loadNode } from '../../../src/kernel/config/node-file.js';
import { Keyring } from '../../../src/kernel/keys.js';
import { verifyOperationProof } from '../../../src/session/check-proof.js';
import { beginChain, newHeader, ownerSigner, signRun } from '../../../src/session/owners.js';
import { decodeOutcomeProof } from '../../../src/session/proof.js';
import { eventually } from '../../system/support/eventually.js';
import { toolkitRun } from './support/owner.js';

const notes = fileURLToPath(new URL('../../support/notes/application.mjs', import.meta.url));

describe('a coordinator with sessions', () => {
  let cluster: TestCluster;
  let urls: readonly string[];
  beforeAll(async () => {
    cluster = await TestCluster.start({ sessions: { engine: 'pbft', modules: { notes } } });
    urls = cluster.cluster.coordinators.map(({ url }) => url);
  });
  afterAll(() => cluster.stop());

  it('says what it has, and of whom', async () => {
    const status = await (await fetch(`${urls[1]}/sessions`)).json();
    expect(status).toMatchObject({
      cluster: 'test',
      replica: 1,
      f: 1,
      engine: 'pbft',
      applications: ['notes'],
      state: 'running',
      position: 0,
      misSimulated: 0,
    });
    expect(status).toMatchObject({ nodes: urls.map((url) => ({ url })) });
    const health = await (await fetch(`${urls[1]}/healthz`)).json();
    expect(health).toMatchObject({ status: 'ok', sessions: 'running' });
  });

  it('does a session for a SOAP client made from its WSDL', async () => {
    const owner = await loadNode(join(cluster.directory, 'nodes', 'alice.json'));
    if (owner.role !== 'client') throw new Error('not a client');
    const { id } = cluster.cluster;
    const header = newHeader({
      application: 'notes',
      owner: 'alice',
      certificate: new X509Certificate(owner.certificate).raw,
      nowMs: Date.now(),
      random: randomBytes(8),
    });
    const operations = [{ kind: 'call', payload: '{"count":"soap"}' }, { kind: 'end' }] as const;
    const chain = beginChain(id, header);
    const { run } = signRun(id, chain, operations, ownerSigner(owner.privateKey));
    const { PerformAsync, StatusAsync } = await createClientAsync(`${urls[2]}/session?wsdl`);
    const [performed] = await PerformAsync({ run: toolkitRun(run), commit: true });
    expect(performed.status[0]).toMatchObject({ kind: 'provisional', result: { done: '1' } });
    let statuses: { kind: string; proof: string }[] = [];
    await eventually('both are final', async () => {
      [{ status: statuses }] = await StatusAsync({ session: chain.session });
      return statuses.length === 2 && statuses.every(({ kind }) => kind === 'committed');
    });
    const proof = statuses[0]?.proof ?? '';
    const decoded = decodeOutcomeProof(id, Buffer.from(proof, 'base64'));
    expect(verifyOperationProof(Keyring.of(cluster.cluster), decoded).ok).toBe(true);
  });

  describe('serves the pages of its applications', () => {
    const get = (path: string, headers = {}) =>
      fetch(`${urls[0]}${path}`, { headers, redirect: 'manual' });

    it('with their types, and with a policy that lets them ask the coordinators', async () => {
      expect((await get('/notes')).headers.get('location')).toBe('/notes/');
      const page = await get('/notes/');
      expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(await page.text()).toContain('<title>Notes</title>');
      const policy = page.headers.get('content-security-policy');
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain(`connect-src 'self' ${urls.join(' ')}`);
      const script = await get('/notes/notes.js?v=1');
      expect(script.headers.get('content-type')).toContain('javascript');
      expect(script.headers.get('x-content-type-options')).toBe('nosniff');
    });

    it.each([
      '/notes/none.html',
      '/notes/..%2fapplication.mjs',
      '/notes/%2e%2e/application.mjs',
      '/notes/..%5capplication.mjs',
      '/notes//etc/passwd',
      '/notes/%00',
      '/notes/%zz',
      '/notes/.hidden',
    ])('and nothing else: not %s', async (path) => {
      // `fetch` would tidy the path up.
      const status = await statusOfRaw(urls[0] ?? '', path);
      expect([400, 403, 404]).toContain(status);
    });
  });
});

function statusOfRaw(url: string, path: string): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}
