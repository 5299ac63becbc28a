import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Drives the operator's page in a real browser: for its test and its picture. */

/** Chromium or Chrome of this machine, or what `CHROMIUM_PATH` names; `undefined` where there is none. */
export function browserPath(): string | undefined {
  const { CHROMIUM_PATH } = process.env;
  if (CHROMIUM_PATH) return CHROMIUM_PATH;
  return ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));
}

export function launchBrowser(executablePath: string): Promise<Browser> {
  // Chromium's sandbox does not start for root, as which tests run in containers.
  const chromiumSandbox = process.getuid?.() !== 0;
  return chromium.launch({ executablePath, chromiumSandbox });
}

/** What a step looks like on the page. */
export interface ShownStep {
  /** `asked`, `provisional`, `witnessed`, `committed`, `changed`, `aborted` or `refused`. */
  readonly kind: string;
  /** What it came to, in the page's words. */
  readonly told: string;
}

/** What a node answers to operations, as far as it is looked at here. */
interface Answered {
  readonly statuses: readonly { readonly sequence: number; readonly status: { kind: string } }[];
}

/** For one thing to happen on the page. */
const patienceMs = 60_000;

const final = ['committed', 'changed', 'aborted'];
const answered = ['provisional', 'witnessed', ...final];

export class OperatorPage {
  readonly page: Page;
  /** Messages of the page's errors; none as a rule. */
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(error.message));
  }

  /** Opens the page that a node serves, and chooses the operator's key file and the cluster's file. */
  static async open(
    browser: Browser,
    nodeUrl: string,
    { keyFile, clusterFile }: { readonly keyFile: string; readonly clusterFile?: string },
    { width = 1280, scale = 1 } = {},
  ): Promise<OperatorPage> {
    const viewport = { width, height: 960 };
    const context = await browser.newContext({ viewport, deviceScaleFactor: scale });
    context.setDefaultTimeout(patienceMs);
    const operator = new OperatorPage(await context.newPage());
    await operator.page.goto(`${nodeUrl}/supply-chain/`);
    await operator.page.waitForSelector('#node[data-state="up"]');
    await operator.page.setInputFiles('#key-file', keyFile);
    if (clusterFile !== undefined) await operator.chooseCluster(clusterFile);
    return operator;
  }

  close(): Promise<void> {
    return this.page.context().close();
  }

  start(station = 'dock-1'): Promise<number> {
    return this.#step(async () => {
      await this.page.fill('#station', station);
      await this.#click('start');
    });
  }

  /** Resolves once the page verifies by the file. */
  async chooseCluster(file: string): Promise<void> {
    await this.page.setInputFiles('#cluster-file', file);
    await this.page.waitForSelector('#trust:has-text("verifies")');
  }

  /** Books in what a delivery note lists; resolves with the number of the last step. */
  async bookIn(noteFile: string, steps: number): Promise<number> {
    const last = (await this.count()) + steps;
    await this.page.setInputFiles('#delivery-file', noteFile);
    await this.#click('book-in');
    await this.waitFor(last, answered);
    return last;
  }

  /** As a scanner does: the number, then Enter. */
  scan(id: string): Promise<number> {
    return this.#step(async () => {
      await this.page.fill('#package', id);
      await this.page.press('#package', 'Enter');
    });
  }

  validate(): Promise<number> {
    return this.#step(() => this.#click('validate'));
  }

  check(passed: boolean, notes: string): Promise<number> {
    return this.#step(async () => {
      await this.page.fill('#notes', notes);
      await this.#click(passed ? 'passed' : 'failed');
    });
  }

  label(courier: string, label: string): Promise<number> {
    return this.#step(async () => {
      await this.page.fill('#courier', courier);
      await this.page.fill('#label-number', label);
      await this.#click('label');
    });
  }

  end(): Promise<number> {
    return this.#step(() => this.#click('end'));
  }

  /** Has all steps so far ordered, and waits until they are final. */
  async commit(): Promise<void> {
    await this.#click('commit');
    for (let step = await this.count(); step > 0; step--) await this.waitFor(step, final);
  }

  count(): Promise<number> {
    return this.page.locator('#steps > li').count();
  }

  async step(sequence: number): Promise<ShownStep> {
    const row = this.page.locator(`#steps > [data-sequence="${sequence}"]`);
    const kind = await row.getAttribute('data-kind');
    const told = await row.locator('.told').textContent();
    return { kind: kind ?? '', told: told ?? '' };
  }

  /** Every kind that a step has had, in order. */
  async seen(sequence: number): Promise<string[]> {
    const kinds = await this.page.getAttribute(
      `#steps > [data-sequence="${sequence}"]`,
      'data-seen',
    );
    return kinds?.split(' ') ?? [];
  }

  /** What a node first answers to each step from now on, by its number; filled as the answers come. */
  answers(): ReadonlyMap<number, string> {
    const kinds = new Map<number, string>();
    this.page.on('response', async (response) => {
      if (!response.url().endsWith('/sessions/operations') || !response.ok()) return;
      const { statuses } = (await response.json()) as Answered;
      for (const { sequence, status } of statuses) {
        if (!kinds.has(sequence)) kinds.set(sequence, status.kind);
      }
    });
    return kinds;
  }

  async waitFor(sequence: number, kinds: readonly string[]): Promise<void> {
    const row = kinds.map((kind) => `#steps > [data-sequence="${sequence}"][data-kind="${kind}"]`);
    await this.page.waitForSelector(row.join(', '));
  }

  /** Shows a package's history; resolves with what the page says of its hash chain. */
  async history(id: string): Promise<string | null> {
    return this.page.textContent(`${await this.#show(id)} #chain-verdict`);
  }

  /** Shows a package's history; resolves with what the page says of its proof, and all else that it shows. */
  async provedHistory(id: string): Promise<{ proof: string | null; entries: number }> {
    const shown = await this.#show(id);
    const proof = await this.page.textContent(`${shown} #proof-verdict`);
    return { proof, entries: await this.page.locator(`${shown} .link`).count() };
  }

  /** What the page says of the proof of a final step. */
  verdict(sequence: number): Promise<string | null> {
    return this.page.textContent(`#steps > [data-sequence="${sequence}"] .verdict`);
  }

  async #show(id: string): Promise<string> {
    const answered = this.page.waitForResponse((response) => response.url().includes(`%2F${id}`));
    await this.page.fill('#history-package', id);
    await this.#click('show-history');
    await answered;
    return `#history[aria-busy="false"][data-package="${id}"]`;
  }

  /** Resolves with the downloaded file's path; it is gone once the page is closed. */
  async proof(): Promise<string> {
    const [download] = await Promise.all([
      this.page.waitForEvent('download'),
      this.#click('proof'),
    ]);
    return download.path();
  }

  /** Address of the node that serves. */
  async node(): Promise<string | undefined> {
    return (await this.page.getAttribute('#node', 'data-url')) ?? undefined;
  }

  async #step(act: () => Promise<void>): Promise<number> {
    const sequence = (await this.count()) + 1;
    await act();
    await this.waitFor(sequence, answered);
    return sequence;
  }

  #click(id: string): Promise<void> {
    return this.page.click(`#${id}:enabled`);
  }
}
