import { setTimeout as rest } from 'node:timers/promises';
import type { Timing } from '../../kernel/cluster.js';
import { resendDelayMs } from '../../kernel/core.js';
import type { Logger } from '../../kernel/http/logger.js';
import type {
  ClientDialogue,
  DialogueClient,
  DialogueState,
} from '../../service/client/dialogue-client.js';
import { RequestError } from '../../service/client/request-error.js';
import { jsonText, resultBytesMax } from '../../service/json.js';
import type {
  ActivityKey,
  CallAnswer,
  DialogueCall,
  DialogueInput,
  GatewayOutput,
} from '../core/messages.js';

type Output<Kind> = Extract<GatewayOutput, { readonly kind: Kind }>;

export interface DialoguesOptions {
  readonly client: Pick<DialogueClient, 'resume'>;
  readonly timing: Timing;
  readonly submit: (input: DialogueInput) => void;
  readonly log: Logger;
}

interface Dialogue {
  /** Undefined where it is to be taken up from its record. */
  client: ClientDialogue | undefined;
  last: Promise<void>;
  isLeft: boolean;
}

/** The gateway's dialogues with the initiators: each step after the one before it, and the end until it is known. */
export class Dialogues {
  readonly #options: DialoguesOptions;
  readonly #open = new Map<ActivityKey, Dialogue>();
  readonly #stopping = new AbortController();

  constructor(options: DialoguesOptions) {
    this.#options = options;
  }

  begin({ activity, request }: Output<'begin'>): void {
    this.#next(activity, async (open) => {
      try {
        open.client = await this.#resume({ request, calls: [] });
        this.#options.submit({ kind: 'begun', activity, tid: open.client.transactionId });
      } catch (error) {
        this.#options.log.warn({ err: error }, 'dialogue-not-begun');
        this.#open.delete(activity);
        this.#options.submit({ kind: 'not-begun', activity });
      }
    });
  }

  call({ activity, number, service }: Output<'call'>): void {
    this.#next(activity, async ({ client }) => {
      const answer = client && (await this.#call(client, service));
      this.#options.submit({ kind: 'called', activity, number, answer });
    });
  }

  /** Calls are not made again: what was enlisted by them is known to the coordinators. */
  finish({ activity, request, tid, decision }: Output<'finish'>): void {
    this.#next(activity, async (open) => {
      for (let attempts = 0; !open.isLeft && !this.#stopping.signal.aborted; attempts += 1) {
        try {
          open.client ??= await this.#resume({ request, transactionId: tid, calls: [] });
          const options = { timeoutMs: this.#endTimeoutMs };
          const { outcome } =
            decision === 'commit'
              ? await open.client.commit(options)
              : await open.client.rollback(options);
          this.#options.submit({ kind: 'completed', activity, outcome });
          return;
        } catch (error) {
          open.client = undefined;
          this.#options.log.warn({ err: error, decision }, 'outcome-unknown');
          // Only this client asks for a commit, and it has not: what it gives up is aborted sooner or later.
          if (decision === 'rollback') {
            return this.#options.submit({ kind: 'completed', activity, outcome: 'aborted' });
          }
          if (error instanceof RequestError && error.code === 'too-old') {
            return this.#options.submit({ kind: 'lost', activity });
          }
          await this.#wait(attempts);
        }
      }
    });
  }

  leave(activity: ActivityKey): void {
    const open = this.#open.get(activity);
    if (open !== undefined) open.isLeft = true;
    this.#open.delete(activity);
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #call(client: ClientDialogue, service: DialogueCall): Promise<CallAnswer | undefined> {
    try {
      const answer = await client.repeat(service, { timeoutMs: this.#callTimeoutMs });
      if (answer.kind === 'refused') return answer;
      return { kind: 'done', result: jsonText(answer.result, resultBytesMax) };
    } catch (error) {
      this.#options.log.warn({ err: error }, 'call-failed');
      return undefined;
    }
  }

  #resume(dialogue: DialogueState): Promise<ClientDialogue> {
    return this.#options.client.resume(dialogue, { timeoutMs: this.#callTimeoutMs });
  }

  get #callTimeoutMs(): number {
    return this.#options.timing.defaultExpiresMs;
  }

  /** A transaction that has not ended by then has run out of time. */
  get #endTimeoutMs(): number {
    const { defaultExpiresMs, voteTimeoutMs } = this.#options.timing;
    return defaultExpiresMs + voteTimeoutMs;
  }

  #next(activity: ActivityKey, step: (open: Dialogue) => Promise<void>): void {
    const open = this.#open.get(activity) ?? {
      client: undefined,
      last: Promise.resolve(),
      isLeft: false,
    };
    this.#open.set(activity, open);
    open.last = open.last.then(() => step(open));
  }

  async #wait(attempts: number): Promise<void> {
    const delayMs = resendDelayMs(this.#options.timing.resendAfterMs, attempts);
    const { signal } = this.#stopping;
    await rest(delayMs, undefined, { signal }).catch(() => undefined);
  }
}
