import type { FastifyBaseLogger } from 'fastify';
import { OccasionalLog } from '../kernel/http/log-output.js';
import {
  type Addressing,
  anonymousAddress,
  type ClaimedAddressing,
  claimedAddressing,
  type EndpointReference,
  noneAddress,
} from './addressing.js';
import { newMessageId, type SoapClient } from './client.js';
import {
  type Believed,
  blocksOf,
  type Envelope,
  parseEnvelope,
  type SoapMessage,
  writeEnvelope,
} from './envelope.js';
import { faultBody, faultHeaders } from './fault-body.js';
import { addressingFaults, httpStatus, SoapFault, soapFaults } from './faults.js';
import { httpHeaders, type OnSent } from './transport.js';
import type { SoapVersion } from './vocabulary.js';
import type { XmlElement } from './xml.js';

/** What a port does with the messages of one action. A `SoapFault` that is thrown is the answer. */
export type Operation<Message extends SoapMessage> =
  | {
      readonly kind: 'one-way';
      /**
       * The sender gets the answer that the message is taken only once it is handled; as a rule before. A fault of the
       * receiver's is the answer then: the message is not taken.
       */
      readonly isTakenOnceHandled?: boolean;
      handle(message: Message): void | Promise<void>;
    }
  | {
      readonly kind: 'request-reply';
      readonly replyAction: string;
      handle(message: Message): Reply | Promise<Reply>;
    };

export interface Reply {
  readonly body: XmlElement;
  /** Header blocks besides addressing and security. */
  readonly headers?: readonly XmlElement[] | undefined;
}

/** Operations by the `wsa:Action` of their messages. */
export type Operations<Message extends SoapMessage> = Readonly<Record<string, Operation<Message>>>;

export interface PortOptions<Message extends SoapMessage> {
  readonly operations: Operations<Message>;
  /** Reads a message, or throws a `SoapFault` where nothing in it may be believed. */
  read(envelope: Envelope, text: string): Believed<Message>;
  /** As `read` in another thread. Undefined where it is for `read` to judge. */
  readElsewhere?: ((posted: Posted) => Promise<Believed<Message> | undefined>) | undefined;
  /**
   * Looks in another thread at what a message shows that a link brought; messages of a sender keep their order. False where
   * too many wait there.
   */
  lookElsewhere?: ((message: Message) => Promise<boolean>) | undefined;
  /** `asked`: the message that it answers. */
  write(message: SoapMessage, asked: Message): string;
  /** Throws a `SoapFault` where the addressing of a believed message is not as the port needs it. */
  checkAddressing(message: Message, kind: Operation<Message>['kind']): void;
  /** Takes a place for a believed message; undefined where its sender has its share. */
  takePlace?(message: Message): (() => void) | undefined;
  /** Sends the answers that need a request of their own; without it they are refused. */
  readonly client?: Pick<SoapClient, 'notify' | 'mayCall'> | undefined;
  readonly onSent?: OnSent | undefined;
  readonly log: FastifyBaseLogger;
}

/** A message as HTTP brought it. */
export interface Posted {
  /** The version that the content type stands for. */
  readonly version: SoapVersion;
  /** The action that the HTTP headers name; may be empty. */
  readonly httpAction: string;
  readonly text: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** The HTTP answer to a message, and what is left to do once it has been sent. Never fails. */
export interface Taken {
  readonly answer: HttpAnswer;
  readonly rest?: () => Promise<void>;
}

/** As `Taken`, for a message that came otherwise than by HTTP. */
export interface TakenMessage {
  /** An HTTP status. */
  readonly status: number;
  /** Missing where the message is only taken. */
  readonly reply?: SoapMessage | undefined;
  readonly rest?: (() => Promise<void>) | undefined;
}

/** Where an answer goes: the HTTP answer, nowhere, or a request of its own. */
type Route = 'here' | 'nowhere' | EndpointReference;

interface Answer {
  readonly route: Route;
  readonly action: string;
  readonly status: number;
  readonly body: XmlElement;
  readonly headers?: readonly XmlElement[] | undefined;
}

/** What a message comes to: an answer on the way that it came, or only that it is taken. */
interface Handled {
  readonly answer?: Answer;
  readonly rest?: () => Promise<void>;
}

const acceptedStatus = 202;
const busyStatus = 503;
const accepted: HttpAnswer = { status: acceptedStatus, headers: {}, text: '' };

/**
 * One SOAP service apart from HTTP: finds the operation for a message, and the way for the answer
 * (WS-Addressing 1.0 Core §3.4; for one-way messages WS-AtomicTransaction 1.2 §8).
 */
export class Port<Message extends SoapMessage> {
  readonly #options: PortOptions<Message>;
  readonly #operations: ReadonlyMap<string, Operation<Message>>;
  readonly #occasionally: OccasionalLog;

  constructor(options: PortOptions<Message>) {
    this.#options = options;
    this.#operations = new Map(Object.entries(options.operations));
    this.#occasionally = new OccasionalLog(options.log);
  }

  async take(posted: Posted): Promise<Taken> {
    const { version, text } = posted;
    const { read, readElsewhere } = this.#options;
    let envelope: Envelope | undefined;
    let believed = readElsewhere && (await readElsewhere(posted));
    try {
      if (believed === undefined) {
        envelope = parseEnvelope(text);
        requireVersion(envelope, version);
        believed = read(envelope, text);
      }
    } catch (error) {
      // Nothing in it may be believed, so the fault is not signed.
      const claimed = claimedAddressing(envelope?.blocks ?? blocksOf(text));
      return { answer: this.#refusal(version, this.#faultOf(error), claimed) };
    }
    const { message } = believed;
    const { answer, rest } = await this.#handle(believed, posted.httpAction);
    return {
      answer: answer === undefined ? accepted : this.#httpAnswer(message, answer),
      ...(rest && { rest }),
    };
  }

  /** Takes a message whose sender is known by the way that it came. */
  async takeMessage(message: Message): Promise<TakenMessage> {
    const { lookElsewhere } = this.#options;
    if (lookElsewhere !== undefined && !(await lookElsewhere(message)))
      return { status: busyStatus };
    const { answer, rest } = await this.#handle({ message, admit: () => undefined }, '');
    if (answer === undefined) return { status: acceptedStatus, rest };
    return { status: answer.status, reply: this.#replyTo(message, answer), rest };
  }

  async #handle(believed: Believed<Message>, httpAction: string): Promise<Handled> {
    try {
      return await this.#dispatch(believed, httpAction);
    } catch (error) {
      return { answer: faultAnswer(believed.message, this.#faultOf(error), 'here') };
    }
  }

  /** An answer to a message that is not looked into (`text`), or to what is none. Not signed. */
  refusal(version: SoapVersion, fault: SoapFault, status?: number, text = ''): HttpAnswer {
    return this.#refusal(version, fault, claimedAddressing(blocksOf(text)), status);
  }

  #refusal(
    version: SoapVersion,
    fault: SoapFault,
    { isAddressed, messageId }: ClaimedAddressing,
    status: number = httpStatus(version, fault),
  ): HttpAnswer {
    const action = isAddressed ? fault.action : '';
    const text = writeEnvelope({
      version,
      addressing: isAddressed
        ? { action, messageId: newMessageId(), relatesTo: messageId }
        : { action },
      headers: faultHeaders(version, fault),
      body: faultBody(version, fault),
    });
    this.#options.onSent?.(text);
    return { status, headers: httpHeaders(version, action), text };
  }

  async #dispatch(believed: Believed<Message>, httpAction: string): Promise<Handled> {
    const { message } = believed;
    const action = actionOf(message, httpAction);
    const operation = this.#operations.get(action);
    if (operation === undefined) throw addressingFaults.actionNotSupported(action);
    this.#options.checkAddressing(message, operation.kind);
    const release = this.#options.takePlace ? this.#options.takePlace(message) : () => undefined;
    if (release === undefined) {
      throw addressingFaults.endpointUnavailable('too much of this sender is under way');
    }
    try {
      believed.admit();
      return await this.#admitted(message, operation, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Gives the message's place back once all is done that it asked for. */
  async #admitted(
    message: Message,
    operation: Operation<Message>,
    release: () => void,
  ): Promise<Handled> {
    const last = (work: () => Promise<void>) => () => work().finally(release);
    if (operation.kind === 'one-way') {
      if (operation.isTakenOnceHandled) {
        await this.#handleFirst(message, operation);
        return { rest: async () => release() };
      }
      return { rest: last(() => this.#handleOneWay(message, operation)) };
    }
    const replyRoute = this.#routeTo(message.addressing.replyTo);
    const { faultTo } = message.addressing;
    const faultRoute = faultTo === undefined ? replyRoute : this.#routeTo(faultTo);
    const answer = (): Promise<Answer> =>
      this.#handleRequest(message, operation, replyRoute, faultRoute);
    if (replyRoute !== 'here' && faultRoute !== 'here') {
      return { rest: last(async () => this.#deliver(message, await answer())) };
    }
    const ready = await answer();
    if (ready.route !== 'here') {
      return { rest: last(() => this.#deliver(message, ready)) };
    }
    release();
    return { answer: ready };
  }

  async #handleRequest(
    message: Message,
    operation: Operation<Message> & { readonly kind: 'request-reply' },
    replyRoute: Route,
    faultRoute: Route,
  ): Promise<Answer> {
    try {
      const reply = await operation.handle(message);
      return { route: replyRoute, action: operation.replyAction, status: 200, ...reply };
    } catch (error) {
      return faultAnswer(message, this.#faultOf(error), faultRoute);
    }
  }

  /** Throws what keeps the message from being taken. */
  async #handleFirst(
    message: Message,
    operation: Operation<Message> & { readonly kind: 'one-way' },
  ): Promise<void> {
    try {
      await operation.handle(message);
    } catch (error) {
      if (!(error instanceof SoapFault) || error.data.soapCode === 'Receiver') throw error;
      const fault = this.#faultOf(error);
      await this.#deliver(message, faultAnswer(message, fault, faultRouteOf(message.addressing)));
    }
  }

  async #handleOneWay(
    message: Message,
    operation: Operation<Message> & { readonly kind: 'one-way' },
  ): Promise<void> {
    try {
      await operation.handle(message);
    } catch (error) {
      const fault = this.#faultOf(error);
      if (!(error instanceof SoapFault)) return;
      const route = faultRouteOf(message.addressing);
      await this.#deliver(message, faultAnswer(message, fault, route));
    }
  }

  /** Sends an answer as a request of its own. Nobody waits for it, so failures are only logged. */
  async #deliver(message: Message, answer: Answer): Promise<void> {
    const { route, action, body, headers } = answer;
    if (route === 'here' || route === 'nowhere') return;
    const { version } = message;
    const relatesTo = message.addressing.messageId;
    try {
      await this.#options.client?.notify(route, { action, body, headers, version, relatesTo });
    } catch (error) {
      this.#options.log.info({ err: error, action }, 'answer-not-delivered');
    }
  }

  #routeTo(endpoint: EndpointReference | undefined): Route {
    if (endpoint === undefined || endpoint.address === anonymousAddress) return 'here';
    if (endpoint.address === noneAddress) return 'nowhere';
    if (this.#options.client?.mayCall(endpoint.address)) return endpoint;
    throw addressingFaults.invalidAddressingHeader('an answer may not be sent to that address');
  }

  #httpAnswer(message: Message, answer: Answer): HttpAnswer {
    const reply = this.#replyTo(message, answer);
    const text = this.#options.write(reply, message);
    this.#options.onSent?.(text);
    const headers = httpHeaders(reply.version, reply.addressing.action);
    return { status: answer.status, headers, text };
  }

  #replyTo({ version, addressing }: Message, answer: Answer): SoapMessage {
    const isAddressed = addressing.action !== '' || addressing.messageId !== undefined;
    return {
      version,
      addressing: isAddressed
        ? { action: answer.action, messageId: newMessageId(), relatesTo: addressing.messageId }
        : { action: '' },
      headers: answer.headers ?? [],
      body: answer.body,
    };
  }

  /** The fault for whatever was thrown. What is not a fault is logged, and kept from the caller. */
  #faultOf(error: unknown): SoapFault {
    if (error instanceof SoapFault) {
      this.#occasionally.write('info', 'message-refused', { fault: error.message });
      return error;
    }
    this.#options.log.error({ err: error }, 'operation-failed');
    return soapFaults.receiver('The service failed to process the message.');
  }
}

function faultAnswer({ version }: SoapMessage, fault: SoapFault, route: Route): Answer {
  return {
    route,
    action: fault.action,
    status: httpStatus(version, fault),
    body: faultBody(version, fault),
    headers: faultHeaders(version, fault),
  };
}

function requireVersion(envelope: Envelope, version: SoapVersion): void {
  if (envelope.version === version) return;
  throw soapFaults.versionMismatch(
    `an envelope of SOAP ${envelope.version} in a content type of SOAP ${version}`,
  );
}

/**
 * What a message asks for: its `wsa:Action`, or else the HTTP headers' action, or else what its body
 * is called.
 */
function actionOf({ addressing, body }: SoapMessage, httpAction: string): string {
  const { action } = addressing;
  if (action !== '' && httpAction !== '' && action !== httpAction) {
    throw addressingFaults.invalidAddressingHeader('the HTTP headers name another action');
  }
  return action || httpAction || (body ? `${body.namespaceURI}/${body.localName}` : '');
}

/** Fault endpoint, else reply endpoint, else source endpoint; the first that can be called. */
function faultRouteOf({ faultTo, replyTo, from }: Addressing): Route {
  if (faultTo?.address === noneAddress) return 'nowhere';
  const callable = [faultTo, replyTo, from].find(
    (endpoint) =>
      endpoint !== undefined &&
      endpoint.address !== noneAddress &&
      endpoint.address !== anonymousAddress,
  );
  return callable ?? 'nowhere';
}
