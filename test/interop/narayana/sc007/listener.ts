import type { EndpointReference } from '../../../../src/soap/addressing.js';
import { isReferenceParameter } from '../../../../src/soap/addressing.js';
import { readEnvelope, type SoapMessage } from '../../../../src/soap/envelope.js';
import { namespaces } from '../../../../src/soap/vocabulary.js';
import { textOf } from '../../../../src/soap/xml.js';
import {
  coordinationActions,
  findCoordinationContext,
  readCreateCoordinationContextResponse,
  readRegister,
  readRegisterResponse,
} from '../../../../src/transaction/soap/coordination.js';
import { Conversation, type Place } from './conversation.js';
import { faultsOf, faultsOfReply } from './form.js';
import { type Role, roles, scenarios } from './scenarios.js';
import type { Answered, Observer, Sent } from './wire.js';

const requests: readonly string[] = [
  coordinationActions.createCoordinationContext,
  coordinationActions.register,
];
const applicationNamespace = 'http://www.wstf.org/sc007';

/** Of one role: where C makes contexts, and where P takes application messages. */
export interface RoleAddresses {
  readonly activation: string;
  readonly participant: string;
}

/** Knows from contexts and registrations which message belongs to which scenario. */
export class Listener implements Observer {
  /** Those of the scenarios, in the order in which they began. */
  readonly conversations: Conversation[] = [];
  readonly #addresses: Readonly<Record<Role, RoleAddresses>>;
  /** Messages of a transaction, since the first scenario, to an endpoint that nobody has registered. */
  readonly strays: string[] = [];
  readonly #byIdentifier = new Map<string, Conversation>();
  readonly #byRegistration = new Map<string, Conversation>();
  readonly #places = new Map<string, Place>();
  /** Application messages by their ids. */
  readonly #asked = new Map<string, Conversation>();
  /** Those that were asked for a transaction of their own, and have none yet. */
  readonly #alone = new Map<Role, Conversation>();

  constructor(addresses: Readonly<Record<Role, RoleAddresses>>) {
    this.#addresses = addresses;
  }

  arrives(sent: Sent): boolean {
    const { body, addressing } = sent.message;
    const name = body?.localName ?? '';
    if (body?.namespaceURI === applicationNamespace) return this.#application(sent, name);
    if (addressing.action === coordinationActions.register) return this.#registers(sent);
    const ours = [namespaces.wsat, namespaces.soap11, namespaces.soap12] as readonly string[];
    if (!ours.includes(body?.namespaceURI ?? '')) return true;
    const place = this.#places.get(keyOf(sent.message));
    if (place === undefined) {
      if (this.conversations.length > 0) this.strays.push(`${name} to ${addressing.to}`);
      return true;
    }
    const from = addressing.from && this.#places.get(endpointKey(addressing.from));
    for (const fault of faultsOf(sent, place, from)) place.conversation.faults.add(fault);
    return place.conversation.saw(place.party, name);
  }

  answered(sent: Sent, answer: Answered): void {
    const { action } = sent.message.addressing;
    if (requests.includes(action) && answer.status !== 200) {
      const conversation = this.#byRegistration.get(keyOf(sent.message));
      conversation?.faults.add(`${sent.message.body?.localName}: HTTP ${answer.status}`);
    } else if (action === coordinationActions.createCoordinationContext) {
      this.#created(sent, answer);
    } else if (action === coordinationActions.register) {
      this.#registered(sent, answer);
    } else {
      const place = this.#places.get(keyOf(sent.message));
      const isTaken = (answer.status === 202 || answer.status === 200) && answer.text === '';
      if (place && !isTaken) {
        place.conversation.faults.add(`${sent.message.body?.localName}: HTTP ${answer.status}`);
      }
    }
  }

  #application({ message, relatesTo = '' }: Sent, name: string): boolean {
    const { messageId = '' } = message.addressing;
    const asked = this.#asked.get(relatesTo);
    if (asked !== undefined) return asked.saw('P', name);
    const scenario = scenarios.find((each) => each.name === name);
    const role = this.#roleAt('participant', message);
    if (scenario === undefined || role === undefined) return true;
    const context = findCoordinationContext(message.headers);
    const known = context && this.#byIdentifier.get(context.identifier);
    const conversation = known ?? new Conversation();
    if (known === undefined) this.#alone.set(role, conversation);
    this.#asked.set(messageId, conversation);
    this.conversations.push(conversation);
    conversation.begin(role, scenario);
    return conversation.saw('P', name);
  }

  #created(sent: Sent, { text }: Answered): void {
    const reply = readEnvelope(text, () => true);
    const { context } = readCreateCoordinationContextResponse(reply.body);
    const role = this.#roleAt('activation', sent.message);
    const conversation = (role && this.#alone.get(role)) ?? new Conversation();
    if (role !== undefined) this.#alone.delete(role);
    this.#byIdentifier.set(context.identifier, conversation);
    this.#byRegistration.set(endpointKey(context.registrationService), conversation);
    for (const fault of faultsOfReply(sent, reply)) conversation.faults.add(fault);
  }

  #registers({ message }: Sent): boolean {
    const conversation = this.#byRegistration.get(keyOf(message));
    if (conversation === undefined) return true;
    const { protocol, participantProtocolService } = readRegister(message.body);
    const party = conversation.registers(protocol);
    const side = 'participant';
    this.#places.set(endpointKey(participantProtocolService), { conversation, party, side });
    return conversation.saw(party, 'Register');
  }

  #registered(sent: Sent, { text }: Answered): void {
    const { participantProtocolService } = readRegister(sent.message.body);
    const place = this.#places.get(endpointKey(participantProtocolService));
    if (place === undefined) return;
    const reply = readEnvelope(text, () => true);
    const { coordinatorProtocolService } = readRegisterResponse(reply.body);
    this.#places.set(endpointKey(coordinatorProtocolService), { ...place, side: 'coordinator' });
    for (const fault of faultsOfReply(sent, reply)) place.conversation.faults.add(fault);
  }

  #roleAt(service: keyof RoleAddresses, { addressing }: SoapMessage): Role | undefined {
    return roles.find((role) => this.#addresses[role][service] === addressing.to);
  }
}

/** The address, and what the messages echo. XTS writes either name of this machine. */
function endpointKey({ address, referenceParameters }: EndpointReference): string {
  return [address.replace('localhost', '127.0.0.1'), ...referenceParameters.map(textOf)].join(' ');
}

/** The endpoint that a message is for. */
function keyOf({ addressing: { to = '' }, headers }: SoapMessage): string {
  return endpointKey({ address: to, referenceParameters: headers.filter(isReferenceParameter) });
}
