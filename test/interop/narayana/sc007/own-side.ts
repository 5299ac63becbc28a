import { randomUUID } from 'node:crypto';
import { keyIn, ownEndpoint } from '../../../../src/gateway/node/endpoints.js';
import { createHttpServer } from '../../../../src/kernel/http/http-server.js';
import { createLogger } from '../../../../src/kernel/http/logger.js';
import type { EndpointReference } from '../../../../src/soap/addressing.js';
import type { SoapMessage } from '../../../../src/soap/envelope.js';
import { type Operation, registerPort } from '../../../../src/soap/server.js';
import { namespaces } from '../../../../src/soap/vocabulary.js';
import { isNamed, textOf } from '../../../../src/soap/xml.js';
import {
  type CoordinationContext,
  findCoordinationContext,
  type NotificationName,
  notificationAction,
  transactionFaultAction,
} from '../../../../src/transaction/soap/coordination.js';
import type { OwnClient } from './own-client.js';
import { type Behaviour, OwnParticipant } from './own-participant.js';
import { scenarios } from './scenarios.js';

/** A coordinator is down so long in ReplayCommit. */
const crashMs = 2000;
const path = '/own';

export interface OwnSideOptions {
  readonly client: OwnClient;
  readonly port: number;
  /** What the other side believes to be this one's origin. */
  readonly origin: string;
}

/**
 * The participant's side of the scenarios: the application, and participants of WS-AtomicTransaction. Ports, codec and
 * client are those of Concordat's nodes; what the participants do is the scenario's.
 */
export class OwnSide {
  readonly #options: OwnSideOptions;
  readonly #app = createHttpServer({ log: createLogger({ name: 'own', level: 'silent' }) });
  readonly #participants = new Map<string, OwnParticipant>();
  /** Of clients that wait for their outcome. */
  readonly #waiting = new Map<string, () => void>();
  /** What has failed here. */
  readonly failures: string[] = [];

  constructor(options: OwnSideOptions) {
    this.#options = options;
    const tell = (name: NotificationName, act: (participant: OwnParticipant) => unknown) =>
      [notificationAction(name), this.#forParticipant(act)] as const;
    const outcome = oneWay(({ headers }) => this.#waiting.get(keyIn(headers))?.());
    registerPort(this.#app, {
      ...{ path, wsdl: 'participant', security: { kind: 'plain' } },
      understood: (block) => isNamed(block, namespaces.wscoor, 'CoordinationContext'),
      operations: {
        ...Object.fromEntries([
          tell('Prepare', (participant) => participant.prepare()),
          tell('Commit', (participant) => participant.commit()),
          tell('Rollback', (participant) => participant.rollback()),
        ]),
        [transactionFaultAction]: this.#forParticipant((participant) => participant.fault()),
        [notificationAction('Committed')]: outcome,
        [notificationAction('Aborted')]: outcome,
        ...Object.fromEntries(
          scenarios.map(({ name }) => [
            `http://www.wstf.org/docs/scenarios/sc007/${name}`,
            oneWay((message) => this.#noted(this.#application(name, message))),
          ]),
        ),
      },
    });
  }

  async start(): Promise<void> {
    await this.#app.listen({ host: '127.0.0.1', port: this.#options.port });
  }

  async stop(): Promise<void> {
    for (const participant of this.#participants.values()) participant.stop();
    await this.#app.close();
    await this.#options.client.close();
  }

  /** Where the application takes its messages. */
  get url(): string {
    return `${this.#options.origin}${path}`;
  }

  #forParticipant(act: (participant: OwnParticipant) => unknown): Operation<SoapMessage> {
    return oneWay(async ({ headers }) => {
      const participant = this.#participants.get(keyIn(headers));
      if (participant !== undefined) await act(participant);
    });
  }

  async #application(name: string, { headers, body, addressing }: SoapMessage): Promise<void> {
    const context = findCoordinationContext(headers);
    if (context !== undefined) await this.#enlist(name, context);
    else if (body !== undefined) await this.#complete(name, textOf(body));
    const { replyTo, messageId = '' } = addressing;
    if (replyTo !== undefined) await this.#options.client.respond(replyTo, messageId);
  }

  /** Has a transaction of its own at the coordinator, until it has its outcome. */
  async #complete(name: string, activation: string): Promise<void> {
    const { client } = this.#options;
    const own = this.#endpoint();
    const context = await client.create(activation);
    const coordinator = await client.register(context, 'completion', own);
    const told = new Promise<void>((resolve) => {
      this.#waiting.set(keyIn(own.referenceParameters), resolve);
    });
    await client.notify(coordinator, name === 'CompletionCommit' ? 'Commit' : 'Rollback', own);
    await told;
  }

  async #enlist(name: string, context: CoordinationContext): Promise<void> {
    const enlist = async (protocol: 'volatile' | 'durable', behaviour: Behaviour = {}) => {
      const own = this.#endpoint();
      const coordinator = await this.#options.client.register(context, protocol, own);
      const participant = new OwnParticipant(behaviour, (message) => {
        void this.#noted(this.#options.client.notify(coordinator, message, own));
      });
      this.#participants.set(keyIn(own.referenceParameters), participant);
      return participant;
    };
    const durable = (behaviour?: Behaviour) => enlist('durable', behaviour);
    switch (name) {
      case 'Phase2Rollback':
        await enlist('volatile');
        await durable({ vote: 'Aborted' });
        break;
      case 'Readonly':
        await durable({ vote: 'ReadOnly' });
        await durable();
        break;
      case 'VolatileAndDurable':
        await enlist('volatile', {
          vote: 'ReadOnly',
          whenPreparing: async () => void (await durable()),
        });
        break;
      case 'EarlyReadonly':
      case 'EarlyAborted': {
        const early = await enlist('volatile');
        await durable();
        early.early(name === 'EarlyReadonly' ? 'ReadOnly' : 'Aborted');
        break;
      }
      case 'ReplayCommit':
        await durable({ failsOnce: { recoversAfterMs: crashMs } });
        break;
      case 'RetryPreparedCommit':
        await durable();
        await durable();
        break;
      case 'RetryCommit':
        await durable({ failsOnce: {} });
        break;
      case 'PreparedAfterTimeout':
        await enlist('volatile');
        await durable();
        break;
      default:
        await durable();
    }
  }

  #endpoint(): EndpointReference {
    return ownEndpoint(this.url, randomUUID());
  }

  async #noted(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.failures.push(String(error));
    }
  }
}

function oneWay(handle: (message: SoapMessage) => void | Promise<void>): Operation<SoapMessage> {
  return { kind: 'one-way', handle };
}
