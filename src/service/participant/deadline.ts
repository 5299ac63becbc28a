/**
 * Aborts its signal after so long, or with another signal. `AbortSignal.any` of `AbortSignal.timeout` does not: in Node.js
 * 20 the garbage collector may take the timeout before it is over, and then it never comes.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(timeoutMs: number, sooner?: AbortSignal) {
    this.#timer = setTimeout(() => {
      this.#controller.abort(new DOMException(`more than ${timeoutMs} ms`, 'TimeoutError'));
    }, timeoutMs);
    const onAbort = () => {
      this.end();
      this.#controller.abort(sooner?.reason);
    };
    sooner?.addEventListener('abort', onAbort, { once: true });
    if (sooner?.aborted) onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What it was for is done: the time does not count any more. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
