import { Agent } from 'undici';

/** What HTTP brought back. */
export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'closed' }
  /** Nothing in the time that was given; the connection was given up. */
  | { readonly kind: 'none' };

export interface Posting {
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  readonly timeoutMs: number;
}

const answerBytesMax = 4 * 2 ** 20;

/** Posts whatever it is given, on kept connections. */
export class Poster {
  readonly #agent = new Agent({
    connections: 64,
    pipelining: 1,
    maxResponseSize: answerBytesMax,
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  async post({ address, headers, body, timeoutMs }: Posting): Promise<Answer> {
    return this.#request(address, { method: 'POST', headers, body }, timeoutMs);
  }

  async get(address: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    return this.#request(address, { method: 'GET', headers }, 15_000);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #request(
    address: string,
    options: {
      readonly method: 'GET' | 'POST';
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: Uint8Array | string;
    },
    timeoutMs: number,
  ): Promise<Answer> {
    const { origin } = new URL(address);
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      // The path as it was given, not as a URL parser would mend it.
      const path = address.slice(origin.length) || '/';
      const request = { origin, path, ...options, headers: { ...options.headers }, signal };
      const { statusCode, body } = await this.#agent.request(request);
      return { kind: 'answer', status: statusCode, text: await body.text() };
    } catch {
      return signal.aborted ? { kind: 'none' } : { kind: 'closed' };
    }
  }
}
