import { type Dispatcher, errors } from 'undici';

/** An answer by HTTP. */
export interface PostAnswer {
  readonly status: number;
  readonly text: string;
}

/** One HTTP request as undici dispatches it. Its own way, by a stream and a signal, costs twice the processor time. */
export class HttpExchange implements Dispatcher.DispatchHandler {
  /** Fails with undici's errors, by `RequestAbortedError` where the time is over. */
  readonly answer: Promise<PostAnswer>;
  readonly #timer: NodeJS.Timeout;
  readonly #onOver: () => void;
  readonly #chunks: Buffer[] = [];
  #resolve: (answer: PostAnswer) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #isLate = false;
  #status = 0;

  /**
   * `timeoutMs` is for all of it, to the last byte of the answer. `onOver` is called once undici has no more of it, which may be
   * later: what is late waits for a connection before it is given up.
   */
  constructor(timeoutMs: number, onOver: () => void = () => undefined) {
    this.#onOver = onOver;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#controller?.abort(new errors.RequestAbortedError());
      // It may wait for a connection yet, as long as those before it keep theirs.
      this.#reject(new errors.RequestAbortedError());
    }, timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isLate) controller.abort(new errors.RequestAbortedError());
  }

  /** Comes again where what came first was only in between (1xx). */
  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    this.#onOver();
    this.#resolve({ status: this.#status, text: textOf(this.#chunks) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#timer);
    this.#onOver();
    this.#reject(error);
  }
}

const byteOrderMark = '\ufeff';

function textOf(chunks: readonly Buffer[]): string {
  const text = Buffer.concat(chunks).toString();
  return text.startsWith(byteOrderMark) ? text.slice(1) : text;
}
