/** The nodes of the cluster: which one serves, and what to do when it does not. */

const answerWithinMs = 4000;
const pauseMs = 700;

/** What a node answers when it will not do something; asking another node would not help. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.message ?? body.error ?? `the node answers ${status}`);
    this.status = status;
    this.body = body;
  }
}

export class Nodes {
  #urls;
  #current = 0;
  #onChange;

  /** `onChange` is told `{ url, state }`, `state` being `up`, `busy` or `down`. */
  constructor(urls, onChange) {
    this.#urls = urls;
    this.#onChange = onChange;
  }

  get current() {
    return this.#urls[this.#current];
  }

  /** Goes to the next one. */
  leave() {
    this.#tell('down');
    this.#current = (this.#current + 1) % this.#urls.length;
  }

  /**
   * Asks until some node answers. `request()` is made anew each time, for each node may need another.
   * Throws `Refused`.
   */
  async ask(request) {
    for (let silent = 0; ; ) {
      const { path, body } = await request();
      const answer = await this.#try(path, body);
      if (answer === undefined || answer.status >= 500) {
        this.leave();
        silent += 1;
        if (silent % this.#urls.length === 0) await pause(pauseMs);
        continue;
      }
      if (answer.status === 429) {
        this.#tell('busy');
        await pause(answer.body.retryAfterMs ?? pauseMs);
        continue;
      }
      this.#tell('up');
      if (answer.status !== 200) throw new Refused(answer.status, answer.body);
      return answer.body;
    }
  }

  /** Whether the present node answers this path. */
  async answers(path) {
    const answer = await this.#try(path);
    return answer?.status === 200 ? answer.body : undefined;
  }

  async #try(path, body) {
    const options = body === undefined ? {} : post(body);
    try {
      const signal = AbortSignal.timeout(answerWithinMs);
      const response = await fetch(this.current + path, { ...options, signal });
      return { status: response.status, body: parsed(await response.text()) };
    } catch {
      return undefined;
    }
  }

  #tell(state) {
    this.#onChange({ url: this.current, state });
  }
}

function post(body) {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', headers, body: JSON.stringify(body) };
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
