import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, launchBrowser } from '../../../examples/supply-chain/operator-page.js';
import { verifyOutcomeProof } from '../../../src/api/verify.js';
import { LocalCluster } from '../../../src/cli/local-cluster.js';
import { TransferPage } from './support/transfer-page.js';

const path = browserPath();
const { CI } = process.env;

if (path === undefined && CI === 'true') {
  throw new Error('no browser for the page: install chromium, or set CHROMIUM_PATH');
}

const title = "the front door's page";
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
    const pages: TransferPage[] = [];

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'concordat-front-page-'));
      cluster = await LocalCluster.start({ directory, startTimeoutMs: 90_000 });
      browser = await launchBrowser(path ?? '');
    }, 120_000);

    afterEach(async () => {
      for (const page of pages.splice(0)) {
        await page.close();
        expect(page.errors).toEqual([]);
      }
    });

    afterAll(async () => {
      await browser?.close();
      await cluster?.stop();
      await rm(directory, { recursive: true, force: true });
    });

    async function open(options?: { readonly width: number }): Promise<TransferPage> {
      const page = await TransferPage.open(browser, new URL(cluster.transferUrl).origin, options);
      pages.push(page);
      return page;
    }

    it('makes a transfer, and verifies its proof in the browser', async () => {
      const page = await open();
      await page.transfer({ from: 'alice', to: 'bob', amount: '12.50' });
      expect(await page.text('#outcome')).toBe('Committed: verified.');
      expect(await page.text('#verdict')).toMatch(/^Verified in this browser/);
      const steps = await page.steps();
      expect(steps.map(({ step, state }) => `${step} ${state}`)).toEqual([
        'sent seen',
        'taken said',
        'activated proved',
        'called proved',
        'voted proved',
        'decided proved',
      ]);
      expect(steps[4]?.text).toBe('bank-a: prepared, bank-b: prepared');
      expect(steps[5]?.text).toMatch(/^commit; signed by coordinators \d, \d, \d$/);
      expect(await page.page.locator('#votes tr').count()).toBe(2);
      expect(await page.page.locator('#signatures li').count()).toBe(3);

      const [download] = await Promise.all([
        page.page.waitForEvent('download'),
        page.page.click('#download'),
      ]);
      const keys = JSON.parse(await readFile(cluster.clusterFile, 'utf8'));
      const checked = verifyOutcomeProof(keys, await readFile(await download.path()));
      expect(checked).toMatchObject({ ok: true, value: { kind: 'outcome', outcome: 'commit' } });
      expect(await page.text('#command')).toBe(
        `concordat verify ${download.suggestedFilename()} --cluster cluster.json`,
      );
    });

    it('makes no second transfer where it is loaded again', async () => {
      const page = await open();
      await page.transfer({ from: 'alice', to: 'bob', amount: '1' });
      const transaction = await page.text('#transaction');
      await page.page.reload();
      await page.ended();
      expect(await page.text('#transaction')).toBe(transaction);
      expect(await page.text('#outcome')).toBe('Committed: verified.');
    });

    it('shows an abort with its reason, proved, on a phone', async () => {
      const page = await open({ width: 360 });
      await page.transfer({ from: 'alice', to: 'bob', amount: '99999999.99' });
      expect(await page.text('#outcome')).toBe('Aborted, no money was moved: verified.');
      expect(await page.text('#reason')).toBe(
        'Reason, as the initiators give it: the account does not hold the amount (InsufficientFunds).',
      );
      expect((await page.steps()).at(-1)?.text).toMatch(/^abort, as .+; signed by coordinators/);
      expect(await page.isTooWide()).toBe(false);
    });

    it('refuses a proof with a changed byte, and shows nothing of it', async () => {
      const page = await open();
      for (const where of [0.1, 0.5, 0.95]) {
        await page.page.route('**/proof/*', async (route) => {
          const response = await route.fetch();
          const body = await response.body();
          const index = Math.floor(where * body.length);
          body[index] = (body[index] ?? 0) ^ 1;
          await route.fulfill({ response, body });
        });
        await page.transfer({ from: 'alice', to: 'bob', amount: '1' });
        expect(await page.text('#outcome')).toMatch(/says the front door. That is not proved.$/);
        expect(await page.text('#verdict')).toMatch(/^Refused: the proof does not hold: /);
        expect(await page.page.isVisible('#proved')).toBe(false);
        expect((await page.steps()).filter(({ state }) => state === 'proved')).toEqual([]);
        await page.page.unroute('**/proof/*');
        await page.page.fill('#from-account', '');
        await page.page.fill('#to-account', '');
        await page.page.fill('#amount', '');
      }
    });

    it('refuses a valid proof of another transaction', async () => {
      const page = await open();
      let first: Buffer | undefined;
      await page.page.route('**/proof/*', async (route) => {
        const response = await route.fetch();
        first ??= await response.body();
        await route.fulfill({ response, body: first });
      });
      await page.transfer({ from: 'alice', to: 'bob', amount: '1' });
      expect(await page.text('#outcome')).toBe('Committed: verified.');
      for (const field of ['#from-account', '#to-account', '#amount']) {
        await page.page.fill(field, '');
      }
      await page.transfer({ from: 'alice', to: 'bob', amount: '2' });
      expect(await page.text('#verdict')).toContain('it is the proof of something else');
    });

    it('says what is wrong with an amount, and sends nothing', async () => {
      const page = await open();
      await page.page.fill('#from-account', 'alice');
      await page.page.fill('#to-account', 'bob');
      for (const amount of ['1,5', '0', '1.234', '-1']) {
        await page.page.fill('#amount', amount);
        await page.page.click('#send');
        await page.page.waitForSelector('#problem:visible');
        expect(await page.text('#outcome')).toBe('Nothing sent yet.');
      }
    });
  },
);
