import {
  anonymous,
  type EndpointReference,
  endpoint,
  referenceParameterBlocks,
} from '../../../../src/soap/addressing.js';
import { newMessageId } from '../../../../src/soap/client.js';
import { readEnvelope, writeEnvelope } from '../../../../src/soap/envelope.js';
import { PlainClient } from '../../../../src/soap/plain-client.js';
import { SoapTransport } from '../../../../src/soap/transport.js';
import { AddressPolicy } from '../../../../src/soap/trust.js';
import { element, names, type XmlElement } from '../../../../src/soap/xml.js';
import {
  ATOMIC_TRANSACTION,
  type CoordinationContext,
  type CoordinationProtocol,
  coordinationActions,
  type NotificationName,
  notificationAction,
  readCreateCoordinationContextResponse,
  readRegisterResponse,
  writeCreateCoordinationContext,
  writeNotification,
  writeRegister,
} from '../../../../src/transaction/soap/coordination.js';

/** XTS has SOAP 1.1. */
const version = '1.1';
const timeoutMs = 20_000;
const response = names('http://www.wstf.org/sc007', 'sc007')('Response');

/** What plain software sends to a coordinator, by the same parts as Concordat's own nodes. */
export class OwnClient {
  readonly #plain: PlainClient;
  readonly #transport: SoapTransport;

  /** `allowedOrigins`: whom it may call. */
  constructor(allowedOrigins: readonly string[]) {
    const nobody = { coordinators: [], initiators: [], participants: [], fronts: [] };
    const addresses = new AddressPolicy({ ...nobody, allowedOrigins });
    this.#plain = new PlainClient({ addresses });
    this.#transport = new SoapTransport(addresses);
  }

  async close(): Promise<void> {
    await Promise.all([this.#plain.close(), this.#transport.close()]);
  }

  async create(activation: string): Promise<CoordinationContext> {
    const body = writeCreateCoordinationContext({
      coordinationType: ATOMIC_TRANSACTION,
      extensions: [],
    });
    const { createCoordinationContext: action } = coordinationActions;
    const reply = await this.#request(endpoint(activation), action, body);
    return readCreateCoordinationContextResponse(reply).context;
  }

  /** Gives the endpoint of the coordinator. */
  async register(
    { registrationService }: CoordinationContext,
    protocol: CoordinationProtocol,
    own: EndpointReference,
  ): Promise<EndpointReference> {
    const body = writeRegister({ protocol, participantProtocolService: own, extensions: [] });
    const reply = await this.#request(registrationService, coordinationActions.register, body);
    return readRegisterResponse(reply).coordinatorProtocolService;
  }

  notify(to: EndpointReference, name: NotificationName, from: EndpointReference): Promise<void> {
    const action = notificationAction(name);
    return this.#plain.notify(to, { action, version, body: writeNotification(name), from });
  }

  respond(to: EndpointReference, relatesTo: string): Promise<void> {
    const action = 'http://www.wstf.org/docs/scenarios/sc007/Response';
    return this.#plain.notify(to, { action, version, body: element(response), relatesTo });
  }

  async #request(
    target: EndpointReference,
    action: string,
    body: XmlElement,
  ): Promise<XmlElement | undefined> {
    const { address } = target;
    const text = writeEnvelope({
      version,
      addressing: { to: address, action, messageId: newMessageId(), replyTo: anonymous },
      headers: referenceParameterBlocks(target),
      body,
    });
    const answer = await this.#transport.post({ address, version, action, text, timeoutMs });
    return readEnvelope(answer.text).body;
  }
}
