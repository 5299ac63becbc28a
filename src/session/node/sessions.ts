import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { CoordinatorMember, SessionsSetting } from '../../kernel/cluster.js';
import type { CoordinatorNode } from '../../kernel/config/node-file.js';
import type { Core } from '../../kernel/core.js';
import { Driver } from '../../kernel/driver/driver.js';
import type { Logger } from '../../kernel/http/logger.js';
import type { Keyring } from '../../kernel/keys.js';
import type { PeerNetwork } from '../../kernel/links/peer-network.js';
import { openStore, type Store } from '../../kernel/store/store.js';
import type { OnSent } from '../../soap/transport.js';
import type { Application } from '../core/application.js';
import type { SessionInput, SessionOutput } from '../core/outbox.js';
import type { SessionMessage } from '../message.js';
import { Owners } from '../owners.js';
import { sessionRequestCheck } from '../request.js';
import { type ApplicationModule, loadApplications } from './applications.js';
import { registerSessionRoutes } from './http-routes.js';
import type { OrderRunner } from './order-runner.js';
import { registerPages } from './pages.js';
import { SessionPeers } from './peers.js';
import { SessionService } from './service.js';
import { isLostSessionMember, isSessionMember, lostSessionMember } from './session-member.js';
import { registerSessionPort } from './soap-port.js';

/** What runs as a session core. */
export type SessionCore = Core<SessionInput, SessionOutput> & {
  /** Figures for `GET /sessions`. */
  readonly metrics: object;
  /** Whether it has lost its store, and takes no full part yet. */
  readonly isLost: boolean;
  /** False where nothing would come of a peer's message. */
  needs(message: SessionMessage): boolean;
  /** The value under a key of an application's committed state here. */
  valueOf(application: string, key: string): string | undefined;
};

export interface SessionsOptions {
  readonly setting: SessionsSetting;
  readonly self: CoordinatorMember;
  readonly node: CoordinatorNode;
  readonly keyring: Keyring;
  readonly network: PeerNetwork;
  readonly orders: OrderRunner;
  readonly log: Logger;
  /** Sees every envelope that is answered with. */
  readonly onSent?: OnSent | undefined;
  createCore(applications: readonly Application[]): SessionCore;
}

/**
 * - `running`
 * - `returning`: the store is not the one that it began with, so that the replica does not know what it has
 *   signed. It signs nothing until the others have passed all of that.
 * - `lost-store`: the same in a cluster where no replica may fail: there is nobody to come back to.
 * - `failed`: the core or its store failed; the rest of the node goes on.
 */
export type SessionsState = 'running' | 'returning' | 'lost-store' | 'failed';

/** Layer 2 beside a coordinator: the session replica with its store, peers and ports. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #modules: readonly ApplicationModule[];
  readonly #store: Store;
  readonly #core: SessionCore;
  readonly #driver: Driver<SessionInput, SessionOutput>;
  readonly #service: SessionService;
  readonly #peers: SessionPeers | undefined;
  readonly #origins: ReadonlySet<string>;
  #state: SessionsState;
  /** Why they failed. */
  #failure: string | undefined;
  #routes: { end(): void } | undefined;

  private constructor(
    options: SessionsOptions,
    modules: readonly ApplicationModule[],
    store: Store,
    state: SessionsState,
  ) {
    const { keyring, network, log, createCore } = options;
    this.#options = options;
    this.#modules = modules;
    this.#store = store;
    this.#state = state;
    this.#origins = new Set(keyring.cluster.coordinators.map(({ url }) => new URL(url).origin));
    this.#core = createCore(modules.map(({ application }) => application));
    this.#driver = new Driver<SessionInput, SessionOutput>({
      core: this.#core,
      store,
      perform: (output) => this.#perform(output),
      log,
      onFatal: (error) => this.#fail(error),
    });
    const owners = Owners.of(keyring.cluster);
    const nowMs = () => performance.now();
    const submit = (input: SessionInput) => this.#driver.submit(input);
    this.#service = new SessionService({
      owners,
      submit,
      nowMs,
      today: () => new Date(),
      outOfService: () => outOfService[this.state],
    });
    if (state === 'running') {
      const isGenuine = sessionRequestCheck(keyring, owners);
      this.#peers = new SessionPeers({
        network,
        keyring,
        owners,
        isGenuine,
        needs: (message) => this.#core.needs(message),
        log,
        nowMs,
        submit,
      });
    }
  }

  /**
   * Loads the applications and opens the store. Throws `ConfigError` or `StoreError`. An empty store is one that
   * took the place of a lost one, which is written into it; one that holds anything else is left alone.
   */
  static async open(options: SessionsOptions): Promise<Sessions> {
    const { setting, node, log } = options;
    const modules = await loadApplications(setting.applications, node);
    const directory = join(node.dataDir, 'sessions');
    const store = await openStore(directory);
    const state = await stateOf(store);
    const isReturning = state === 'empty' && options.keyring.cluster.resilience.f > 0;
    if (state !== 'running') {
      const remedy = outOfService[isReturning ? 'returning' : 'lost-store'];
      log.error({ directory, remedy }, 'sessions-store-lost');
    }
    if (isReturning) await store.write(lostSessionMember());
    const isRunning = isReturning || state === 'running';
    return new Sessions(options, modules, store, isRunning ? 'running' : 'lost-store');
  }

  get state(): SessionsState {
    return this.#state === 'running' && this.#core.isLost ? 'returning' : this.#state;
  }

  /** For status pages. */
  get status(): object {
    const { setting, self, keyring } = this.#options;
    const { id, coordinators, resilience } = keyring.cluster;
    return {
      cluster: id,
      replica: self.id,
      f: resilience.f,
      nodes: coordinators.map(({ name, url }) => ({ name, url })),
      ...setting,
      state: this.state,
      ...(this.#failure !== undefined && { failure: this.#failure }),
      ...this.#service.figures,
      ...(this.#state === 'running' && this.#core.metrics),
    };
  }

  /** Serves the ports and the applications' pages. */
  register(app: FastifyInstance): void {
    const { log } = this.#options;
    this.#routes = registerSessionRoutes(app, {
      service: this.#service,
      status: () => this.status,
      valueOf: (application, key) => this.#core.valueOf(application, key),
      origins: this.#origins,
      log,
    });
    registerSessionPort(app, this.#service, this.#options.onSent);
    for (const module of this.#modules) registerPages(app, module, this.#origins);
  }

  /** Before the links to the others are up. */
  async start(): Promise<void> {
    if (this.#state === 'running') await this.#driver.start();
  }

  /** Lets callers go, so that the HTTP server can close. */
  dismissCallers(): void {
    this.#service.dismissAll();
    this.#routes?.end();
  }

  /** Once nothing comes in any more. */
  async stop(): Promise<void> {
    await this.#options.orders.stop();
    if (this.#state === 'lost-store') await this.#store.close();
    else await this.#driver.stop();
  }

  #perform(output: SessionOutput): void {
    switch (output.kind) {
      case 'answer':
      case 'proved':
      case 'attested':
      case 'refused':
      case 'event':
        return this.#service.take(output);
      case 'send-session':
      case 'broadcast-session':
      case 'send-ordering':
      case 'broadcast-ordering':
        return this.#peers?.send(output);
      case 'run-order':
        return this.#options.orders.run(output.order);
      case 'watch-order':
        return this.#watchOrder(output);
      case 'persist':
      case 'start-timer':
      case 'stop-timer':
      case 'log':
        return;
    }
  }

  #watchOrder(order: Extract<SessionOutput, { kind: 'watch-order' }>): void {
    const { lane, number, transfers } = order;
    this.#options.orders.watch({ lane, number, transfers }, (outcome) => {
      const nowMs = performance.now();
      this.#driver.submit({ kind: 'order-ended', lane, number, outcome, nowMs });
    });
  }

  #fail(error: Error): void {
    this.#state = 'failed';
    this.#failure = error.message;
    this.#service.dismissAll();
  }
}

/** Whether the core may run on what is in the store. */
async function stateOf(store: Store): Promise<'running' | 'empty' | 'unknown'> {
  const records = await store.load();
  if (records.length === 0) return 'empty';
  const isKnown = isSessionMember(records) || isLostSessionMember(records);
  return isKnown ? 'running' : 'unknown';
}

const outOfService: Readonly<Record<SessionsState, string | undefined>> = {
  running: undefined,
  returning:
    'this coordinator has lost its store of sessions and is about to come back; ask another one',
  'lost-store':
    'this coordinator has lost its store of sessions and takes no part in them; ask another one',
  failed: 'sessions have failed at this coordinator; ask another one',
};
