import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  browserPath,
  launchBrowser,
  OperatorPage,
} from '../../../examples/supply-chain/operator-page.js';
import { deliveryNote, sampleSupplier } from '../../../examples/supply-chain/sample.js';
import { verifyPackageProof } from '../../../examples/supply-chain/verify.js';
import { LocalCluster } from '../../../src/cli/local-cluster.js';

const path = browserPath();
const { CI } = process.env;

if (path === undefined && CI === 'true') {
  throw new Error('no browser for the page: install chromium, or set CHROMIUM_PATH');
}

const title = "the operator's page";
const reason = ' (skipped: no chromium; install it, or set CHROMIUM_PATH)';

// Real processes and a browser on a busy machine take their time.
const timeout = 180_000;

describe.skipIf(path === undefined)(
  path === undefined ? title + reason : title,
  { timeout },
  () => {
    let directory: string;
    let cluster: LocalCluster;
    let browser: Browser;
    let delivered = 0;
    const pages: OperatorPage[] = [];

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'concordat-page-'));
      const create = {
        participants: [],
        clients: ['alice', 'bob'],
        sessions: { engine: 'antipaxos', modules: { 'supply-chain': 'supply-chain' } },
      } as const;
      cluster = await LocalCluster.start({ directory, create, startTimeoutMs: 90_000 });
      browser = await launchBrowser(path ?? '');
    }, 120_000);

    afterEach(async () => {
      for (const operator of pages.splice(0)) {
        expect(operator.errors).toEqual([]);
        await operator.close();
      }
    });

    afterAll(async () => {
      await browser?.close();
      await cluster?.stop();
      await rm(directory, { recursive: true, force: true });
    });

    async function open(owner: string, coordinator = 0): Promise<OperatorPage> {
      const url = cluster.url(`coordinator-${coordinator}`);
      const files = { keyFile: cluster.nodeFile(owner), clusterFile: cluster.clusterFile };
      const operator = await OperatorPage.open(browser, url, files);
      pages.push(operator);
      await operator.start(`dock-${coordinator}`);
      return operator;
    }

    /** Has an operator book in so many packages, with finality. */
    async function deliver(operator: OperatorPage, count: number): Promise<string[]> {
      delivered += 1;
      const ids = Array.from({ length: count }, (_, index) => `D${delivered}-${index + 1}`);
      const supplier = sampleSupplier(`supplier-${delivered}`);
      const file = join(directory, `delivery-${delivered}.json`);
      await writeFile(file, JSON.stringify(deliveryNote(supplier, ids)));
      await operator.bookIn(file, count + 1);
      await operator.commit();
      return ids;
    }

    it('answers each step at once, and tells when it is final', async () => {
      const alice = await open('alice');
      const [id = ''] = await deliver(alice, 1);
      const answered = alice.answers();
      const scanned = await alice.scan(id);
      await alice.validate();
      await alice.check(true, 'as ordered');
      const last = await alice.label('dhl', id);
      await alice.commit();
      for (let step = 1; step <= last; step++) {
        // What the home answers is provisional. On a busy machine the witnesses' word, in the stream, may
        // be on the page before it.
        const [asked, first, ...after] = await alice.seen(step);
        expect(asked, `step ${step}`).toBe('asked');
        expect(first, `step ${step}`).toMatch(/^(provisional|witnessed)$/);
        expect(after.at(-1), `step ${step}`).toBe('committed');
      }
      for (let step = scanned; step <= last; step++) {
        await expect
          .poll(() => answered.get(step), { message: `step ${step}` })
          .toBe('provisional');
      }
      expect((await alice.step(scanned)).told).toContain('12 cordless drills, 14.5 kg');
      await alice.end();
      await alice.waitFor(last + 1, ['committed']);
    });

    it('shows what a package went through, with a proof that holds offline', async () => {
      const alice = await open('alice');
      const [id = ''] = await deliver(alice, 1);
      await alice.scan(id);
      await alice.validate();
      await alice.commit();
      expect(await alice.history(id)).toBe('All 3 hashes recomputed here: the chain holds.');
      const proof = await readFile(await alice.proof(), 'utf8');
      const clusterKeys = JSON.parse(await readFile(cluster.clusterFile, 'utf8'));
      expect(verifyPackageProof(clusterKeys, proof)).toMatchObject({
        ok: true,
        value: { package: id, signatureValid: true, holder: { owner: 'alice' } },
      });
      const changed = proof.replace('cordless', 'corded');
      expect(verifyPackageProof(clusterKeys, changed)).toMatchObject({ ok: false });
    });

    it('verifies the proofs of what it shows, and refuses one with a changed byte', async () => {
      const alice = await open('alice');
      const [id = ''] = await deliver(alice, 1);
      const step = await alice.scan(id);
      await alice.commit();
      const verified = /^Proof verified here: signed by coordinators \d, \d/;
      expect(await alice.verdict(step)).toMatch(verified);
      expect(await alice.provedHistory(id)).toMatchObject({
        proof: expect.stringMatching(verified),
        entries: 2,
      });
      const changes: readonly (readonly [string | RegExp, string, RegExp])[] = [
        ['cordless', 'cordlesS', /does not hold: does not fit together: value and attestation/],
        [/"signature":"../, '"signature":"AA', /does not hold: the signature of replica \d is not/],
      ];
      for (const [from, to, fault] of changes) {
        await alice.page.route('**/state/**/proof', async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, body: (await response.text()).replace(from, to) });
        });
        const refused = await alice.provedHistory(id);
        expect(refused.proof).toMatch(fault);
        expect(refused.entries).toBe(0);
        await alice.page.unroute('**/state/**/proof');
      }
    });

    it('believes its node, and says so, where it has not the cluster’s file', async () => {
      const url = cluster.url('coordinator-1');
      const keyFile = cluster.nodeFile('bob');
      const bob = await OperatorPage.open(browser, url, { keyFile });
      pages.push(bob);
      await bob.start();
      const [id = ''] = await deliver(bob, 1);
      expect((await bob.provedHistory(id)).proof).toMatch(/^Not verified/);
      await bob.chooseCluster(cluster.clusterFile);
      await expect.poll(() => bob.page.textContent('#proof-verdict')).toMatch(/^Proof verified/);
    });

    it('says so when a concurrent session was first', async () => {
      const alice = await open('alice', 0);
      const bob = await open('bob', 1);
      // Whether the two miss each other is up to the network, so there are several packages to try.
      for (const id of await deliver(alice, 20)) {
        const steps = await Promise.all([alice.scan(id), bob.scan(id)]);
        await Promise.all([bob.commit(), alice.commit()]);
        const shown = [await alice.step(steps[0]), await bob.step(steps[1])];
        expect(shown.filter(({ kind }) => kind === 'aborted')).toHaveLength(1);
        const lost = shown.find(({ kind }) => kind === 'aborted');
        expect(lost?.told).toMatch(/is taken: (alice|bob) works on it at dock-[01], session/);
        if (shown.some(({ told }) => told.includes('At first it looked like: '))) return;
      }
      expect.unreachable('the sessions never contradicted each other');
    });

    it('goes to another node when its own is gone, and does nothing twice', async () => {
      const alice = await open('alice', 3);
      const [first = '', second = ''] = await deliver(alice, 2);
      await alice.scan(first);
      await cluster.kill('coordinator-3');
      try {
        await alice.scan(second);
        expect(await alice.node()).not.toBe(cluster.url('coordinator-3'));
        await alice.validate();
        await alice.commit();
        for (let step = await alice.count(); step > 0; step--) {
          expect(await alice.step(step)).toMatchObject({ kind: 'committed' });
        }
        expect(await alice.history(first)).toContain('All 2 hashes');
        expect(await alice.history(second)).toContain('All 3 hashes');
      } finally {
        await cluster.restart('coordinator-3');
      }
    });
  },
);
