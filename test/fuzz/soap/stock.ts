import { httpHeaders } from '../../../src/soap/transport.js';
import type { Keys } from '../ground/keys.js';
import type { Template } from '../ground/recording.js';
import type { Random } from '../support/random.js';
import type { Answer, Poster } from './post.js';

/** A message signed by the one whose it is, and already delivered. */
export interface Sealed {
  readonly template: Template;
  readonly address: string;
  readonly text: string;
}

/** Signed messages are good for a minute and five of clock skew; made anew well before. */
const renewAfterMs = 120_000;
const deliveryTimeoutMs = 5000;
const deliveriesAtATime = 16;

/**
 * Messages signed by honest members and delivered once, as an eavesdropper has them. Whatever is then
 * made of one must be refused: as a replay at the least.
 */
export class Stock {
  readonly #templates: readonly Template[];
  readonly #keys: Keys;
  readonly #poster: Poster;
  #sealed: readonly Sealed[] = [];
  #renewal: Promise<void> | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;

  constructor(templates: readonly Template[], keys: Keys, poster: Poster) {
    this.#templates = templates;
    this.#keys = keys;
    this.#poster = poster;
  }

  pick(random: Random): Sealed {
    return random.pick(this.#sealed);
  }

  /** Signs and delivers all anew where that is due; waits only where there are none yet. */
  async renew(): Promise<void> {
    if (this.#renewal === undefined && performance.now() - this.#renewedAt > renewAfterMs) {
      this.#renewal = this.#make().finally(() => {
        this.#renewal = undefined;
      });
    }
    if (this.#sealed.length === 0) await this.#renewal;
  }

  async #make(): Promise<void> {
    this.#renewedAt = performance.now();
    const made: Sealed[] = [];
    const left = this.#templates.map((template) => this.#seal(template));
    const deliver = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const answer = await this.#poster.post({
          address: next.address,
          headers: httpHeaders(next.template.message.version, ''),
          body: next.text,
          timeoutMs: deliveryTimeoutMs,
        });
        if (isTaken(answer)) made.push(next);
      }
    };
    await Promise.all(Array.from({ length: deliveriesAtATime }, deliver));
    this.#sealed = made.sort((a, b) => this.#index(a) - this.#index(b));
  }

  #index({ template }: Sealed): number {
    return this.#templates.indexOf(template);
  }

  #seal(template: Template): Sealed {
    const { sender, address, message } = template;
    const messageId = `urn:uuid:${crypto.randomUUID()}`;
    const addressing = { ...message.addressing, messageId };
    const text = this.#keys.signer(sender).sign({ ...message, addressing });
    return { template, address, text };
  }
}

/**
 * Whether the message has come to an operation, so that the port remembers it. One without an answer may
 * still wait, and one that a share or a busy port refused was not looked at: a changed copy may be taken.
 */
function isTaken(answer: Answer): boolean {
  if (answer.kind !== 'answer' || [429, 503].includes(answer.status)) return false;
  return !answer.text.includes('EndpointUnavailable');
}
