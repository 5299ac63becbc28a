import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { FuzzError } from '../attack.js';
import type { Books, Tally } from './honest.js';

export type HonestQuestion =
  | { readonly kind: 'books' | 'start' | 'stop' | 'close' }
  | { readonly kind: 'audit'; readonly before: Books };

export type HonestAnswer =
  | { readonly kind: 'ready' | 'started' | 'stopped' }
  | { readonly kind: 'books'; readonly books: Books }
  | { readonly kind: 'tally'; readonly tally: Tally; readonly longestGapMs: number }
  | { readonly kind: 'audited'; readonly findings: readonly string[] }
  | { readonly kind: 'failed'; readonly why: string };

type AnswerOf<Kind extends HonestAnswer['kind']> = Extract<HonestAnswer, { readonly kind: Kind }>;

/**
 * The honest client in a process of its own: it shares neither a thread nor a priority with the attacker, who
 * may keep both busy.
 */
export class HonestClient {
  readonly #child: ChildProcess;
  #tally: Tally = { committed: 0, aborted: 0, unknown: 0 };
  #longestGapMs = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (answer: HonestAnswer) => {
      if (answer.kind !== 'tally') return;
      this.#tally = answer.tally;
      this.#longestGapMs = answer.longestGapMs;
    });
  }

  static async start(clientFile: string): Promise<HonestClient> {
    const script = fileURLToPath(new URL('./honest-process.js', import.meta.url));
    const honest = new HonestClient(fork(script, [clientFile]));
    await honest.#answer('ready');
    return honest;
  }

  /** As it was a tenth of a second ago, or less. */
  get tally(): Tally {
    return this.#tally;
  }

  /** How long at most no transfer was committed, in milliseconds. */
  get longestGapMs(): number {
    return this.#longestGapMs;
  }

  /** What the banks hold now. */
  async books(): Promise<Books> {
    return (await this.#ask({ kind: 'books' }, 'books')).books;
  }

  async start(): Promise<void> {
    await this.#ask({ kind: 'start' }, 'started');
  }

  /** Waits for the transfers under way. */
  async stop(): Promise<void> {
    await this.#ask({ kind: 'stop' }, 'stopped');
  }

  /** What is wrong with the books, once the banks have had time for the last outcomes. */
  async audit(before: Books): Promise<readonly string[]> {
    return (await this.#ask({ kind: 'audit', before }, 'audited')).findings;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const over = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.send({ kind: 'close' } satisfies HonestQuestion);
    await over;
  }

  #ask<Kind extends HonestAnswer['kind']>(
    question: HonestQuestion,
    kind: Kind,
  ): Promise<AnswerOf<Kind>> {
    const answer = this.#answer(kind);
    this.#child.send(question);
    return answer;
  }

  #answer<Kind extends HonestAnswer['kind']>(kind: Kind): Promise<AnswerOf<Kind>> {
    return new Promise((resolve, reject) => {
      const settle = (error: Error | undefined, answer?: AnswerOf<Kind>) => {
        this.#child.off('message', onMessage);
        this.#child.off('exit', onExit);
        if (answer) resolve(answer);
        else reject(error);
      };
      const onExit = () => settle(new FuzzError('the honest client has ended'));
      const onMessage = (answer: HonestAnswer) => {
        if (answer.kind === 'failed') settle(new FuzzError(`the honest client: ${answer.why}`));
        else if (answer.kind === kind) settle(undefined, answer as AnswerOf<Kind>);
      };
      this.#child.on('message', onMessage);
      this.#child.on('exit', onExit);
    });
  }
}
