import type { FastifyInstance } from 'fastify';
import { onTestFinished } from 'vitest';
import { createHttpServer } from '../../../../src/kernel/http/http-server.js';
import { createLogger } from '../../../../src/kernel/http/logger.js';
import { type ServerEvent, serverEvents } from '../../../../src/session/client/session-node.js';
import type { SessionInput } from '../../../../src/session/core/outbox.js';
import { registerSessionRoutes } from '../../../../src/session/node/http-routes.js';
import { SessionService } from '../../../../src/session/node/service.js';
import { registerSessionPort } from '../../../../src/session/node/soap-port.js';
import { Owners } from '../../../../src/session/owners.js';
import { until } from '../../../kernel/support/wait.js';
import { chunksOf } from '../../../support/chunks.js';
import { OwnerWorld } from './owner.js';

type Question = Extract<SessionInput, { readonly replyId: unknown }>;

/** The ports over real HTTP. What they hand in waits in `inputs` until a test answers it. */
export class Served {
  readonly world: OwnerWorld;
  readonly inputs: Question[] = [];
  readonly service: SessionService;
  readonly app: FastifyInstance;
  /** Each as `GET /sessions`. */
  readonly routes: string[] = [];
  url = '';
  busy = false;
  today = new Date();
  value: string | undefined;
  reason: string | undefined;

  private constructor(world: OwnerWorld, options: { waitingMax?: number; timeoutMs?: number }) {
    this.world = world;
    const log = createLogger({ name: 'test', level: 'silent' });
    this.service = new SessionService({
      owners: Owners.of(world.setting.cluster),
      submit: (input) => {
        if (this.busy || !('replyId' in input)) return false;
        this.inputs.push(input);
        return true;
      },
      nowMs: () => 1,
      today: () => this.today,
      outOfService: () => this.reason,
      ...options,
    });
    // A proxy on this machine says for whom it asks.
    this.app = createHttpServer({
      log,
      trustedProxies: ['127.0.0.1'],
      limits: { streamsPerAddress: 2 },
    });
    this.app.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) this.routes.push(`${one} ${url}`);
    });
    const { end } = registerSessionRoutes(this.app, {
      service: this.service,
      status: () => ({ cluster: world.setting.cluster.id }),
      valueOf: () => this.value,
      origins: new Set(['http://127.0.0.1:1025']),
      log,
    });
    registerSessionPort(this.app, this.service, undefined);
    onTestFinished(async () => {
      this.service.dismissAll();
      end();
      await this.app.close();
    });
  }

  static async start(options: { waitingMax?: number; timeoutMs?: number } = {}): Promise<Served> {
    const served = new Served(await OwnerWorld.make(), options);
    served.url = await served.app.listen({ host: '127.0.0.1', port: 0 });
    return served;
  }

  /** The next input, once it is there. */
  async next<Kind extends Question['kind']>(
    kind: Kind,
  ): Promise<Extract<Question, { readonly kind: Kind }>> {
    await until(`a ${kind}`, () => this.inputs.length > 0);
    const input = this.inputs.shift();
    if (input?.kind !== kind) throw new Error(`a ${input?.kind}, not a ${kind}`);
    return input as Extract<Question, { readonly kind: Kind }>;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.url + path, { headers });
  }

  post(path: string, json: unknown): Promise<Response> {
    return fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(json),
    });
  }
}

/** A stream of events as it comes. */
export class Stream {
  readonly events: ServerEvent[] = [];
  ended = false;

  constructor(readonly response: Response) {
    void this.#read();
  }

  async count(count: number): Promise<readonly ServerEvent[]> {
    await until(`${count} events`, () => this.events.length >= count);
    return this.events;
  }

  async #read(): Promise<void> {
    try {
      const { body } = this.response;
      if (!body) return;
      for await (const event of serverEvents(chunksOf(body))) this.events.push(event);
    } catch {
      // Cut off by whoever served it.
    } finally {
      this.ended = true;
    }
  }
}
