import type { Browser, Page } from 'playwright-core';

/** Drives the front door's page in a real browser. */

/** For one thing to happen on the page. */
const patienceMs = 60_000;

export interface ShownTransfer {
  readonly from: string;
  readonly to: string;
  readonly amount: string;
}

export class TransferPage {
  readonly page: Page;
  /** Errors of the page, what its console calls errors, and violations of its policy; none as a rule. */
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  /** Opens the address of a front door and waits until a transfer can be made. */
  static async open(browser: Browser, url: string, { width = 1280 } = {}): Promise<TransferPage> {
    const context = await browser.newContext({ viewport: { width, height: 900 } });
    context.setDefaultTimeout(patienceMs);
    const opened = new TransferPage(await context.newPage());
    await opened.page.goto(url);
    await opened.page.waitForSelector('#send:enabled');
    return opened;
  }

  close(): Promise<void> {
    return this.page.context().close();
  }

  /** Makes a transfer with the keyboard alone, and waits until it has come to its end. */
  async transfer({ from, to, amount }: ShownTransfer): Promise<void> {
    await this.page.focus('#from-account');
    await this.page.keyboard.type(from);
    await this.page.keyboard.press('Tab');
    await this.page.keyboard.press('Tab');
    await this.page.keyboard.type(to);
    await this.page.keyboard.press('Tab');
    await this.page.keyboard.type(amount);
    await this.page.keyboard.press('Enter');
    await this.ended();
  }

  /** Waits until the transfer on the page has come to its end. */
  async ended(): Promise<void> {
    const ends = ['committed', 'aborted', 'refused', 'unproved'];
    const verified = ends.map((end) => `#outcome[data-state="${end}"]`).join();
    await this.page.waitForSelector(verified);
    await this.page.waitForSelector('#send:enabled');
  }

  async text(selector: string): Promise<string> {
    return ((await this.page.textContent(selector)) ?? '').trim();
  }

  /** What stands of each step, and by whom. */
  async steps(): Promise<{ step: string | null; state: string | null; text: string | null }[]> {
    const rows = await this.page.locator('#steps li').all();
    return Promise.all(
      rows.map(async (row) => ({
        step: await row.getAttribute('data-step'),
        state: await row.getAttribute('data-state'),
        text: await row.locator('p').textContent(),
      })),
    );
  }

  /** Whether something is wider than the window. */
  isTooWide(): Promise<boolean> {
    return this.page.evaluate('document.documentElement.scrollWidth > window.innerWidth');
  }
}
