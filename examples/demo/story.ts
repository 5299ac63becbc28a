const patienceMs = 20_000;
const pollMs = 20;

/** Prints what happens, step by step with the time each took, and remembers whether all went well. */
export class Story {
  readonly #begin = performance.now();
  #committed = 0;
  #aborted = 0;

  chapter(title: string): void {
    console.log(`\n${title}`);
  }

  say(text: string): void {
    console.log(`  ${' '.repeat(9)}  ${text}`);
  }

  /** Does one step; `tell` says what came of it. */
  async step<T>(
    what: string,
    run: () => Promise<T>,
    tell: (result: T) => string = () => '',
  ): Promise<T> {
    const begin = performance.now();
    const result = await run();
    const took = `${Math.round(performance.now() - begin)} ms`.padStart(9);
    const said = tell(result);
    console.log(`  ${took}  ${what}${said === '' ? '' : `: ${said}`}`);
    return result;
  }

  count(outcome: 'committed' | 'aborted'): void {
    if (outcome === 'committed') this.#committed += 1;
    else this.#aborted += 1;
  }

  /** Throws where what was expected is not so. */
  check(expectation: string, holds: boolean): void {
    if (!holds) throw new Error(`not so: ${expectation}`);
  }

  /** Asks until the condition holds; throws where it does not in 20 s. */
  async waitFor(what: string, condition: () => Promise<boolean>): Promise<void> {
    await this.step(what, async () => {
      const end = performance.now() + patienceMs;
      while (!(await condition().catch(() => false))) {
        this.check(`${what}, in ${patienceMs / 1000} s`, performance.now() < end);
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    });
  }

  failed(error: unknown): void {
    console.error(`\ndemo: FAILED: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }

  end(conserved: boolean): void {
    const seconds = ((performance.now() - this.#begin) / 1000).toFixed(1);
    this.say(`all of it in ${seconds} s\n`);
    const money = conserved ? 'yes' : 'no';
    console.log(
      `demo: ${this.#committed} committed, ${this.#aborted} aborted, money conserved: ${money}`,
    );
  }
}
