import { addressingFaults } from './faults.js';
import { namespaces, wsa } from './vocabulary.js';
import {
  attributeOf,
  child,
  childElements,
  element,
  type QName,
  textOf,
  withAttribute,
  type XmlElement,
} from './xml.js';

/** Where an answer goes on the connection that brought the question. */
export const anonymousAddress = `${namespaces.wsa}/anonymous`;
/** Where nothing may be sent. */
export const noneAddress = `${namespaces.wsa}/none`;

/** An endpoint reference: an address, and what it wants echoed as headers of messages to it. */
export interface EndpointReference {
  readonly address: string;
  readonly referenceParameters: readonly XmlElement[];
}

/** The message addressing properties of WS-Addressing 1.0 Core §3.1. */
export interface Addressing {
  readonly to?: string | undefined;
  /** Empty in a message without WS-Addressing, which only plain services take. */
  readonly action: string;
  readonly messageId?: string | undefined;
  readonly relatesTo?: string | undefined;
  readonly replyTo?: EndpointReference | undefined;
  readonly from?: EndpointReference | undefined;
  readonly faultTo?: EndpointReference | undefined;
}

const addressingNames = [
  'To',
  'Action',
  'MessageID',
  'RelatesTo',
  'ReplyTo',
  'From',
  'FaultTo',
] as const;
type AddressingName = (typeof addressingNames)[number];

const replyRelationship = `${namespaces.wsa}/reply`;

export function endpoint(
  address: string,
  ...referenceParameters: readonly XmlElement[]
): EndpointReference {
  return { address, referenceParameters };
}

export const anonymous: EndpointReference = endpoint(anonymousAddress);
export const none: EndpointReference = endpoint(noneAddress);

/** An element of type `wsa:EndpointReferenceType` with the given name. */
export function endpointElement(name: QName, { address, referenceParameters }: EndpointReference) {
  const parameters =
    referenceParameters.length === 0
      ? undefined
      : element(wsa('ReferenceParameters'), [], ...referenceParameters);
  return element(name, [], element(wsa('Address'), [], address), parameters);
}

/** Reads an endpoint reference; throws `wsa:InvalidAddressingHeader` where it has no address. */
export function readEndpoint(source: XmlElement): EndpointReference {
  const address = child(source, namespaces.wsa, 'Address');
  if (address === undefined || textOf(address) === '') {
    throw addressingFaults.invalidAddressingHeader(`${source.localName} has no address`);
  }
  const parameters = child(source, namespaces.wsa, 'ReferenceParameters');
  return {
    address: textOf(address),
    referenceParameters: parameters === undefined ? [] : childElements(parameters),
  };
}

/** The header blocks that a message to the endpoint must carry (WS-Addressing SOAP Binding §3.3). */
export function referenceParameterBlocks({ referenceParameters }: EndpointReference): XmlElement[] {
  return referenceParameters.map((parameter) =>
    withAttribute(parameter, wsa('IsReferenceParameter'), 'true'),
  );
}

export function isReferenceParameter(block: XmlElement): boolean {
  const mark = attributeOf(block, namespaces.wsa, 'IsReferenceParameter')?.trim();
  return mark === 'true' || mark === '1';
}

/** The header blocks of the addressing properties. */
export function addressingBlocks(addressing: Addressing): XmlElement[] {
  const { to, action, messageId, relatesTo, replyTo, from, faultTo } = addressing;
  const blocks: XmlElement[] = [];
  const text = (name: AddressingName, value: string | undefined): void => {
    if (value) blocks.push(element(wsa(name), [], value));
  };
  const reference = (name: AddressingName, value: EndpointReference | undefined): void => {
    if (value) blocks.push(endpointElement(wsa(name), value));
  };
  text('To', to);
  text('Action', action);
  text('MessageID', messageId);
  text('RelatesTo', relatesTo);
  reference('From', from);
  reference('ReplyTo', replyTo);
  reference('FaultTo', faultTo);
  return blocks;
}

/**
 * Reads the addressing properties among the header blocks and returns them with the other blocks.
 * Throws `wsa:InvalidAddressingHeader` where a property is empty, or there twice and no relation.
 */
export function readAddressing(blocks: readonly XmlElement[]): {
  readonly addressing: Addressing;
  readonly others: readonly XmlElement[];
} {
  const found = new Map<AddressingName, XmlElement>();
  const others: XmlElement[] = [];
  const relations: XmlElement[] = [];
  for (const block of blocks) {
    const name = addressingName(block);
    if (name === undefined) {
      others.push(block);
    } else if (name === 'RelatesTo') {
      relations.push(block);
    } else if (found.has(name)) {
      throw addressingFaults.invalidAddressingHeader(`${name} is there twice`);
    } else {
      found.set(name, block);
    }
  }
  const text = (name: AddressingName): string | undefined => readText(found.get(name));
  const reference = (name: AddressingName): EndpointReference | undefined => {
    const block = found.get(name);
    return block && readEndpoint(block);
  };
  const addressing: Addressing = {
    to: text('To'),
    action: text('Action') ?? '',
    messageId: text('MessageID'),
    relatesTo: readRelatesTo(relations),
    replyTo: reference('ReplyTo'),
    from: reference('From'),
    faultTo: reference('FaultTo'),
  };
  return { addressing, others };
}

function addressingName(block: XmlElement): AddressingName | undefined {
  if (block.namespaceURI !== namespaces.wsa || isReferenceParameter(block)) return undefined;
  return addressingNames.find((name) => name === block.localName);
}

function readText(block: XmlElement | undefined): string | undefined {
  if (block === undefined) return undefined;
  const text = textOf(block);
  if (text === '' || childElements(block).length > 0) {
    throw addressingFaults.invalidAddressingHeader(`${block.localName} is not a text`);
  }
  return text;
}

/** The first message that this one replies to. Relations of other kinds mean nothing to us. */
function readRelatesTo(relations: readonly XmlElement[]): string | undefined {
  for (const block of relations) readText(block);
  return readText(
    relations.find((block) => {
      const kind = attributeOf(block, '', 'RelationshipType')?.trim() ?? replyRelationship;
      return kind === replyRelationship;
    }),
  );
}

/** What a message claims of its addressing, where nothing in it is believed. */
export interface ClaimedAddressing {
  readonly isAddressed: boolean;
  readonly messageId?: string | undefined;
}

const claimedIdLengthMax = 1024;

/** To relate a refusal to the message that it answers, and for nothing else. Never throws. */
export function claimedAddressing(blocks: readonly XmlElement[]): ClaimedAddressing {
  const block = blocks.find((candidate) => addressingName(candidate) === 'MessageID');
  const text = block && textOf(block);
  const messageId = text && text.length <= claimedIdLengthMax ? text : undefined;
  return { isAddressed: blocks.some((candidate) => addressingName(candidate)), messageId };
}
