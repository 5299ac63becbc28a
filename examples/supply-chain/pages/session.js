import { hex, sha256, sign } from './bytes.js';

/** A session: its operations, chained and signed here, and what the nodes say of each. */

const mostInRun = 64;
const resumeAfterMs = 300;
const ranks = { asked: 0, provisional: 1, witnessed: 2, committed: 3, changed: 3, aborted: 3 };

export function isFinal({ status }) {
  return ranks[status.kind] === ranks.committed;
}

/** The time in milliseconds as 8 bytes, big-endian, and 8 random ones. */
function newNonce() {
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  new DataView(nonce.buffer).setBigUint64(0, BigInt(Date.now()));
  return nonce;
}

export class Session {
  id;
  /** In order: sequence, payload, head, status, kinds of status seen, times by kind in ms, doubted. */
  operations = [];
  ended = false;
  #cluster;
  #identity;
  #nodes;
  #header;
  #onChange;
  /** How many operations that node is known to have. */
  #known = 0;
  #node;
  #events;
  #queue = Promise.resolve();

  /** `onChange` is told each operation that has changed. */
  static async begin({ cluster, application, identity, nodes, onChange }) {
    const nonce = newNonce();
    const { owner, certificate, certificateSha256 } = identity;
    const session = new Session();
    session.#header = { application, owner, certificate, nonce: hex(nonce) };
    session.id = await sha256(
      ['concordat/1 session', cluster, application, owner, certificateSha256, hex(nonce)].join(
        '\n',
      ),
    );
    session.#cluster = cluster;
    session.#identity = identity;
    session.#nodes = nodes;
    session.#onChange = onChange;
    return session;
  }

  /** Does one step; resolves once it is answered, provisionally. Throws `Refused`. */
  perform(step) {
    return this.#append({ kind: 'call', payload: JSON.stringify(step) });
  }

  /** Has all that waits ordered now. */
  commit() {
    return this.#inTurn(async () => {
      if (this.operations.every(isFinal)) return;
      const answer = await this.#nodes.ask(async () => {
        await this.#send();
        return { path: `/sessions/${this.id}/commit`, body: {} };
      });
      this.#take(answer);
    });
  }

  /** Ends it, which commits it too. Nothing follows. */
  async end() {
    this.ended = true;
    try {
      await this.#append({ kind: 'end' });
    } catch (error) {
      this.ended = false;
      throw error;
    }
  }

  /** Stops listening. */
  close() {
    this.#events?.close();
    this.#events = undefined;
  }

  #append(operation) {
    const askedAt = performance.now();
    return this.#inTurn(async () => {
      const sequence = this.operations.length + 1;
      const head = await this.#headAfter(sequence, operation);
      const status = { kind: 'asked' };
      const entry = { ...operation, sequence, head, askedAt, times: {}, seen: ['asked'], status };
      this.operations.push(entry);
      this.#onChange(entry);
      try {
        await this.#send();
      } catch (error) {
        // What no node takes is not part of the session; the next operation has its number.
        if (entry.status.kind === 'asked') {
          this.operations.pop();
          entry.status = { kind: 'refused', reason: error.message };
          this.#onChange(entry);
        }
        throw error;
      }
      return entry;
    });
  }

  /** One thing at a time, so that operations are chained and sent in order. */
  #inTurn(work) {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #headAfter(sequence, { kind, payload = '' }) {
    const before = this.#headBefore(sequence);
    const digest = await sha256(payload);
    return sha256(['concordat/1 operation', before, sequence, kind, digest].join('\n'));
  }

  #headBefore(sequence) {
    return this.operations[sequence - 2]?.head ?? this.id;
  }

  /** Hands in what the present node is not known to have. */
  async #send() {
    this.#knownAt(this.#nodes.current);
    while (this.#known < this.operations.length) {
      const answer = await this.#nodes
        .ask(async () => {
          const body = {
            run: await this.#runAfter(this.#knownAt(this.#nodes.current)),
            commit: false,
          };
          return { path: '/sessions/operations', body };
        })
        .catch((error) => this.#onRefused(error));
      if (answer === undefined) continue;
      this.#take(answer);
      this.#listen();
    }
  }

  /** A node that lacks earlier operations says from where on it wants them. */
  #onRefused(error) {
    const { next, error: code } = error.body ?? {};
    if (code !== 'gap' || !Number.isInteger(next) || next < 1 || next > this.#known) throw error;
    this.#known = next - 1;
    return undefined;
  }

  /** Another node may have anything between the final ones and all. */
  #knownAt(node) {
    if (this.#node !== undefined && this.#node !== node) {
      const open = this.operations.findIndex((operation) => !isFinal(operation));
      this.#known = open < 0 ? this.operations.length : open;
      this.close();
    }
    this.#node = node;
    return this.#known;
  }

  async #runAfter(known) {
    const operations = this.operations.slice(known, known + mostInRun);
    const { sequence, head } = operations.at(-1);
    const { key } = this.#identity;
    const words = ['concordat/1 session operation', this.#cluster, this.id, sequence, head];
    return {
      header: this.#header,
      first: known + 1,
      before: this.#headBefore(known + 1),
      operations: operations.map(({ kind, payload }) =>
        kind === 'call' ? { kind, payload } : { kind },
      ),
      signature: await sign(key, words.join('\n')),
    };
  }

  #take({ next, statuses }) {
    this.#known = Math.max(this.#known, next - 1);
    for (const { sequence, status } of statuses) this.#update(sequence, status);
  }

  #update(sequence, status) {
    const operation = this.operations[sequence - 1];
    if (operation === undefined || ranks[status.kind] <= ranks[operation.status.kind]) return;
    const ms = performance.now() - operation.askedAt;
    operation.times.provisional ??= ms;
    operation.times[status.kind] ??= ms;
    operation.status = status;
    operation.seen.push(status.kind);
    this.#onChange(operation);
    if (this.ended && this.operations.every(isFinal)) this.close();
  }

  #listen() {
    if (this.#events !== undefined) return;
    const events = new EventSource(`${this.#nodes.current}/sessions/${this.id}/events?from=1`);
    this.#events = events;
    events.addEventListener('operation', ({ data }) => {
      const { sequence, status } = JSON.parse(data);
      this.#update(sequence, status);
    });
    events.addEventListener('doubted', ({ data }) => {
      const operation = this.operations[JSON.parse(data).sequence - 1];
      if (operation === undefined) return;
      operation.doubted = true;
      this.#onChange(operation);
    });
    events.addEventListener('error', () => {
      if (this.#events !== events) return;
      this.close();
      setTimeout(() => this.#inTurn(() => this.#resume()).catch(() => {}), resumeAfterMs);
    });
  }

  /** The stream broke: asks the node where things stand, and goes to another if it is gone. */
  async #resume() {
    if (this.#events !== undefined || this.operations.every(isFinal)) return;
    const answer = await this.#nodes.answers(`/sessions/${this.id}?from=1`);
    if (answer !== undefined) {
      this.#take(answer);
    } else {
      this.#nodes.leave();
      this.#knownAt(this.#nodes.current);
      await this.#send();
    }
    this.#listen();
  }
}
