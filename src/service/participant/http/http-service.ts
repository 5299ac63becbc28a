import { setTimeout as delay } from 'node:timers/promises';
import { check } from '../../../kernel/config/config-error.js';
import { httpServiceSchema } from '../../../kernel/config/http-service.js';
import { resendDelayMs } from '../../../kernel/core.js';
import type { Logger } from '../../../kernel/http/logger.js';
import { participantId } from '../../../kernel/ids.js';
import type {
  ApplicationVote,
  ApplicationWrite,
  EnlistmentRef,
} from '../../../transaction/participant/messages.js';
import type { Json } from '../../json.js';
import { type AnyOperation, type OperationCall, Refusal } from '../operations.js';
import type { LeftWork, Resource } from '../resource.js';
import { Orphans } from './orphans.js';
import { HttpServiceError, ServiceCalls } from './service-calls.js';

/** Which service a participant stands in front of, and how it asks. */
export interface HttpServiceOptions {
  /** Name of the participant. What the service holds of other participants is left alone. */
  readonly participant: string;
  /** Base address of the service, without "/" at the end. */
  readonly url: string;
  /**
   * Origins that `url` may have besides this machine's loopback addresses. What goes there is neither signed nor, with
   * `http`, hidden from the network.
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Whether the service has `/prepare`. False unless given: then a try that it has done is its promise to confirm. */
  readonly hasPrepare?: boolean | undefined;
  /** For one answer of the service; 10 000 unless given. */
  readonly timeoutMs?: number | undefined;
  /** Time between two questions what the service holds; 10 000 unless given. */
  readonly checkAfterMs?: number | undefined;
  /** How long the participant waits for the service at its start; 20 000 unless given. */
  readonly startTimeoutMs?: number | undefined;
  /** Gets what is cancelled because nobody knows of it. */
  readonly log?: Logger;
}

/** What a call works with: the service, for just this call. */
export interface HttpWork {
  /** Has the service do it. Rejects with `Refusal` where it says no, and with `HttpServiceError`. */
  try(operation: string, call: OperationCall): Promise<Json>;
}

/** A service as operations and resource of a participant. */
export interface HttpService {
  readonly operations: AnyOperation<HttpWork>;
  readonly resource: Resource<HttpWork>;
}

const usual = { timeoutMs: 10_000, checkAfterMs: 10_000, startTimeoutMs: 20_000 };

/**
 * A participant's operations and resource where a service in any language does the work and keeps the data: it speaks
 * try, confirm and cancel in JSON over HTTP, as docs/other-languages.md says. All operations are handed on to it. A
 * cancel or a confirm that it does not do is asked for again until it is done. Throws `ConfigError` where the options
 * cannot be: an address that is not on this machine, for example, nor allowed.
 *
 * @example
 * ```ts
 * import { loadCluster, loadNode } from 'concordat/client';
 * import { httpService, startParticipant } from 'concordat/participant';
 * import { pino } from 'pino';
 *
 * const node = await loadNode('.concordat/nodes/hotel.json');
 * if (node.role !== 'participant') throw new Error('not the file of a participant');
 * await startParticipant({
 *   cluster: await loadCluster(node.clusterFile),
 *   node,
 *   log: pino(),
 *   onFatal: () => process.exit(1),
 *   ...httpService({ participant: node.name, url: 'http://127.0.0.1:8080' }),
 * });
 * ```
 */
export function httpService(options: HttpServiceOptions): HttpService {
  const { participant, log, ...settings } = options;
  const checked = check('httpService', httpServiceSchema, settings);
  const calls = new ServiceCalls(checked.url, checked.timeoutMs ?? usual.timeoutMs);
  return {
    operations: (operation, work, call) => work.try(operation, call),
    resource: new HttpResource(calls, new Orphans(calls, participantId(participant), log), {
      url: checked.url,
      hasPrepare: checked.hasPrepare ?? false,
      checkAfterMs: checked.checkAfterMs ?? usual.checkAfterMs,
      startTimeoutMs: checked.startTimeoutMs ?? usual.startTimeoutMs,
    }),
  };
}

interface ResourceOptions {
  readonly url: string;
  readonly hasPrepare: boolean;
  readonly checkAfterMs: number;
  readonly startTimeoutMs: number;
}

const startRetryMs = 100;
/** The service keeps all that a vote needs. */
const promise: ApplicationVote = { vote: 'prepared', record: new Uint8Array() };

class HttpResource implements Resource<HttpWork> {
  readonly #calls: ServiceCalls;
  readonly #orphans: Orphans;
  readonly #options: ResourceOptions;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(calls: ServiceCalls, orphans: Orphans, options: ResourceOptions) {
    this.#calls = calls;
    this.#orphans = orphans;
    this.#options = options;
  }

  async start({ prepared }: LeftWork): Promise<void> {
    for (const { ref } of prepared) this.#orphans.opened(ref);
    const deadlineMs = performance.now() + this.#options.startTimeoutMs;
    const cancelled = new Set<string>();
    for (let attempts = 0; !this.#isClosed; attempts += 1) {
      const orphans = await this.#orphans.cancel().catch((error: unknown) => {
        if (performance.now() < deadlineMs) return undefined;
        throw error;
      });
      if (orphans?.length === 0) break;
      if (orphans?.some((key) => cancelled.has(key)) && performance.now() > deadlineMs) {
        const what = 'what is cancelled is held all the same';
        throw new HttpServiceError('bad-answer', `${this.#options.url}/held`, what);
      }
      for (const key of orphans ?? []) cancelled.add(key);
      await delay(resendDelayMs(startRetryMs, attempts));
    }
    this.#checkLater();
  }

  async begin(ref: EnlistmentRef): Promise<HttpWork> {
    return {
      try: async (operation, call) => {
        // After its end nothing would give it up.
        call.signal.throwIfAborted();
        this.#orphans.opened(ref);
        const answer = await this.#try(ref, operation, call);
        if (answer.kind === 'refused') throw this.#refusal(answer.reason);
        return answer.result;
      },
    };
  }

  async prepare(ref: EnlistmentRef): Promise<ApplicationVote> {
    if (!this.#options.hasPrepare) return promise;
    const vote = await this.#calls.prepare(ref);
    return vote === 'prepared' ? promise : { vote };
  }

  async commit(ref: EnlistmentRef): Promise<readonly ApplicationWrite[]> {
    await this.#calls.confirm(ref);
    this.#orphans.ended(ref);
    return [];
  }

  async rollBack(ref: EnlistmentRef): Promise<void> {
    if (!this.#orphans.isOpen(ref)) return;
    await this.#calls.cancel(ref);
    this.#orphans.ended(ref);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#calls.close();
  }

  async #try(ref: EnlistmentRef, operation: string, call: OperationCall) {
    try {
      return await this.#calls.try(ref, operation, call);
    } catch (error) {
      const isUnknownThere = error instanceof HttpServiceError && error.code === 'unreachable';
      if (isUnknownThere) this.#orphans.ended(ref);
      throw error;
    }
  }

  #refusal(reason: string): Error {
    try {
      return new Refusal(reason);
    } catch (error) {
      const address = `${this.#options.url}/try`;
      return new HttpServiceError('bad-answer', address, 'reason: must be a code', {
        cause: error,
      });
    }
  }

  /** What fails now is found the next time; calls and outcomes meanwhile say why. */
  #checkLater(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      void this.#orphans
        .cancel()
        .catch(() => undefined)
        .finally(() => this.#checkLater());
    }, this.#options.checkAfterMs);
  }
}
