/** One server-sent event (HTML Living Standard §9.2.6). */
export interface ServerEvent {
  readonly name: string;
  /** Empty until the stream names one. */
  readonly id: string;
  readonly data: string;
}

/** More than any status with its proof. */
const eventBytesMax = 1024 * 1024;

/**
 * Reads a stream of server-sent events to its end, and cancels it where the reader stops before. Throws
 * `RangeError` where one is too long.
 */
export async function* serverEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerEvent, void, undefined> {
  const utf8 = new TextDecoder();
  let rest = '';
  let event = new Fields('');
  for await (const chunk of body) {
    rest += utf8.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') {
        event.add(line);
        continue;
      }
      const done = event.done();
      event = new Fields(event.id);
      if (done !== undefined) yield done;
    }
    if (rest.length + event.length > eventBytesMax) throw new RangeError('an event is too long');
  }
}

class Fields {
  readonly #data: string[] = [];
  #name = 'message';
  length = 0;

  constructor(public id: string) {}

  /** A line that begins with a colon is a comment; of others than these fields nobody knows. */
  add(line: string): void {
    this.length += line.length;
    const at = line.indexOf(':');
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#name = value;
    else if (field === 'id') this.id = value;
  }

  /** `undefined` for an event without data, which is none. */
  done(): ServerEvent | undefined {
    if (this.#data.length === 0) return undefined;
    return { name: this.#name, id: this.id, data: this.#data.join('\n') };
  }
}
