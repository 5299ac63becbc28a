/** Messages as Narayana 7.2.1 sends them (SOAP 1.1, Apache CXF), and the same in SOAP 1.2. */

export type Version = '1.1' | '1.2';

export const wscoor = 'http://docs.oasis-open.org/ws-tx/wscoor/2006/06';
export const wsat = 'http://docs.oasis-open.org/ws-tx/wsat/2006/06';
const wsa = 'http://www.w3.org/2005/08/addressing';
const wsarj = 'http://schemas.arjuna.com/ws/2005/10/wsarj';
const soap: Readonly<Record<Version, string>> = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
};

export interface Endpoint {
  readonly address: string;
  readonly instance: string;
}

export interface PlainMessage {
  readonly version: Version;
  readonly to: string;
  readonly action: string;
  readonly body: string;
  readonly messageId: string;
  /** `anonymous`, `none`, or the address for a reply of its own. */
  readonly replyTo: string;
  /** The reference parameter of the endpoint. */
  readonly instance?: string | undefined;
  /** A one-way message has it, as its sender's own endpoint. */
  readonly from?: Endpoint | undefined;
  readonly relatesTo?: string | undefined;
  readonly headers?: string;
}

/** As on the wire: the addressing headers in the default namespace, every one of them mandatory. */
export function envelopeOf(message: PlainMessage): string {
  const { version, to, action, body, messageId, replyTo, instance, from, relatesTo } = message;
  const block = (name: string, content: string, more = '') =>
    `<${name} xmlns="${wsa}"${more} soap:mustUnderstand="1">${content}</${name}>`;
  const own = from && endpointXml(from);
  return (
    `<soap:Envelope xmlns:soap="${soap[version]}"><soap:Header>` +
    block('Action', action) +
    block('MessageID', messageId) +
    block('To', to) +
    block('ReplyTo', `<Address>${isWellKnown(replyTo) ? `${wsa}/${replyTo}` : replyTo}</Address>`) +
    (relatesTo === undefined
      ? ''
      : block('RelatesTo', relatesTo, ' RelationshipType="{org.jboss.jbossts.xts}}reply"')) +
    (own === undefined ? '' : block('From', own) + block('FaultTo', own)) +
    (instance === undefined
      ? ''
      : `<wsarj:InstanceIdentifier xmlns="${wscoor}" xmlns:ns2="${wsa}" xmlns:wsa="${wsa}" ` +
        `xmlns:wsarj="${wsarj}" ns2:IsReferenceParameter="1">${instance}</wsarj:InstanceIdentifier>`) +
    `${message.headers ?? ''}</soap:Header><soap:Body>${body}</soap:Body></soap:Envelope>`
  );
}

const isWellKnown = (replyTo: string) => !replyTo.includes(':');

function endpointXml({ address, instance }: Endpoint): string {
  return (
    `<Address>${address}</Address><ReferenceParameters>` +
    `<wsarj:InstanceIdentifier xmlns:wsarj="${wsarj}">${instance}</wsarj:InstanceIdentifier>` +
    '</ReferenceParameters>'
  );
}

/** `current`: the context that it shall be subordinate to. */
export function createBody(expires: number, current = ''): string {
  return (
    `<CreateCoordinationContext xmlns="${wscoor}" xmlns:ns2="${wsa}"><Expires>${expires}</Expires>` +
    current.replaceAll('CoordinationContext', 'CurrentContext') +
    `<CoordinationType>${wsat}</CoordinationType></CreateCoordinationContext>`
  );
}

export function registerBody(
  protocol: 'Completion' | 'Durable2PC' | 'Volatile2PC',
  { address, instance }: Endpoint,
): string {
  return (
    `<Register xmlns="${wscoor}" xmlns:ns2="${wsa}">` +
    `<ProtocolIdentifier>${wsat}/${protocol}</ProtocolIdentifier><ParticipantProtocolService>` +
    `<ns2:Address>${address}</ns2:Address><ns2:ReferenceParameters>` +
    `<wsarj:InstanceIdentifier xmlns:wsa="${wsa}" xmlns:wsarj="${wsarj}">${instance}` +
    '</wsarj:InstanceIdentifier></ns2:ReferenceParameters><ns2:Metadata>' +
    '<wsam:ServiceName xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata" ' +
    `xmlns:wsat="${wsat}" EndpointName="ParticipantPortType">wsat:ParticipantService` +
    '</wsam:ServiceName></ns2:Metadata></ParticipantProtocolService></Register>'
  );
}

export function notificationBody(name: string): string {
  return `<ns2:${name} xmlns="" xmlns:ns2="${wsat}"/>`;
}

/** The header by which an application message belongs to the transaction. */
export function contextHeader(context: string, version: Version): string {
  return context.replace(
    /^<([\w:]*)CoordinationContext/,
    (start) => `${start} xmlns:SOAP-ENV="${soap[version]}" SOAP-ENV:mustUnderstand="1"`,
  );
}
