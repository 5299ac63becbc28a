import type { SoapMessage } from './envelope.js';
import { type BlockName, type SoapCode, SoapFault } from './faults.js';
import { namespaces, type SoapVersion, soap } from './vocabulary.js';
import {
  attribute,
  child,
  childElements,
  declaration,
  element,
  lookUp,
  names,
  textOf,
  XML_NAMESPACE,
  type XmlAttribute,
  type XmlElement,
} from './xml.js';

const unqualified = names('', '');
const lang = attribute({ ns: XML_NAMESPACE, prefix: 'xml', name: 'lang' }, 'en');

/** Prefixes of the namespaces that faults come from. */
const prefixes: ReadonlyMap<string, string> = new Map(
  Object.entries(namespaces).map(([prefix, ns]) => [ns, prefix]),
);

/** Longer reasons of received faults are cut. */
const reasonLengthMax = 1000;

/** The `Fault` element that says it, as the child of a SOAP body. */
export function faultBody(version: SoapVersion, fault: SoapFault): XmlElement {
  return version === '1.1' ? fault11(fault) : fault12(fault);
}

/**
 * Header blocks that go with a fault: `NotUnderstood` (SOAP 1.2 Part 1 §5.4.8), and `Upgrade` (§5.4.7), which
 * SOAP 1.1 messages carry as well (Appendix A).
 */
export function faultHeaders(
  version: SoapVersion,
  { data: { soapCode, notUnderstood } }: SoapFault,
): XmlElement[] {
  if (soapCode === 'VersionMismatch') return [upgrade];
  if (version === '1.1') return [];
  return notUnderstood.map((name) => element(soap['1.2']('NotUnderstood'), qname(name)));
}

/** In SOAP 1.1 the usual prefix is taken. */
const soap12 = names(namespaces.soap12, 'S12');

/** The envelopes that are taken, the best first. */
const upgrade = element(
  soap12('Upgrade'),
  [],
  ...[namespaces.soap12, namespaces.soap11].map((namespaceURI) =>
    element(soap12('SupportedEnvelope'), qname({ namespaceURI, localName: 'Envelope' })),
  ),
);

/** The attributes of a block that names another element. */
function qname({ namespaceURI, localName }: BlockName): XmlAttribute[] {
  const name = unqualified('qname');
  if (namespaceURI === '') return [attribute(name, localName)];
  return [declaration('x', namespaceURI), attribute(name, `x:${localName}`)];
}

/** The fault that a message carries, or `undefined` where it carries something else. */
export function readFault({ version, body }: SoapMessage): SoapFault | undefined {
  const { ns } = soap[version]('Fault');
  if (body?.namespaceURI !== ns || body.localName !== 'Fault') return undefined;
  return version === '1.1' ? readFault11(body) : readFault12(body);
}

function fault11({ code, data }: SoapFault): XmlElement {
  const { soapCode, namespace, reason, detail } = data;
  const faultCode =
    namespace === ''
      ? element(unqualified('faultcode'), [], `S:${codes11[soapCode]}`)
      : codeElement(unqualified('faultcode'), namespace, code);
  const name = soap['1.1'];
  return element(
    name('Fault'),
    [],
    faultCode,
    element(unqualified('faultstring'), [], reason),
    detail && element(unqualified('detail'), [], detail),
  );
}

function fault12({ code, data }: SoapFault): XmlElement {
  const { soapCode, namespace, reason, detail } = data;
  const name = soap['1.2'];
  const subcode =
    namespace === ''
      ? undefined
      : element(name('Subcode'), [], codeElement(name('Value'), namespace, code));
  return element(
    name('Fault'),
    [],
    element(name('Code'), [], element(name('Value'), [], `S:${soapCode}`), subcode),
    element(name('Reason'), [], element(name('Text'), [lang], reason)),
    detail && element(name('Detail'), [], detail),
  );
}

function codeElement(name: ReturnType<typeof unqualified>, namespace: string, code: string) {
  const prefix = prefixes.get(namespace) ?? 'f';
  return element(name, [declaration(prefix, namespace)], `${prefix}:${code}`);
}

const codes11: Readonly<Record<SoapCode, string>> = {
  Sender: 'Client',
  Receiver: 'Server',
  MustUnderstand: 'MustUnderstand',
  VersionMismatch: 'VersionMismatch',
};

function readFault11(body: XmlElement): SoapFault {
  const code = readCode(child(body, '', 'faultcode'));
  const reason = readReason(child(body, '', 'faultstring'));
  const detail = firstChild(child(body, '', 'detail'));
  if (code.namespace !== namespaces.soap11 && code.namespace !== '') {
    return new SoapFault({ soapCode: 'Sender', ...code, reason, detail });
  }
  const soapCode = soapCodeOf(code.code);
  return new SoapFault({ soapCode, namespace: '', code: soapCode, reason, detail });
}

function readFault12(body: XmlElement): SoapFault {
  const ns = namespaces.soap12;
  const codes = child(body, ns, 'Code');
  const soapCode = soapCodeOf(readCode(codes && child(codes, ns, 'Value')).code);
  const subcode = codes && child(codes, ns, 'Subcode');
  const code =
    subcode === undefined
      ? { namespace: '', code: soapCode }
      : readCode(child(subcode, ns, 'Value'));
  const reasons = child(body, ns, 'Reason');
  const reason = readReason(reasons && child(reasons, ns, 'Text'));
  return new SoapFault({
    soapCode,
    ...code,
    reason,
    detail: firstChild(child(body, ns, 'Detail')),
  });
}

/** The QName in an element's text, by the bindings in force there. */
function readCode(source: XmlElement | undefined): { namespace: string; code: string } {
  if (source === undefined) return { namespace: '', code: '' };
  const text = textOf(source);
  const colon = text.indexOf(':');
  if (colon < 0) return { namespace: lookUp(source.scope, '') ?? '', code: text };
  const namespace = lookUp(source.scope, text.slice(0, colon)) ?? '';
  return { namespace, code: text.slice(colon + 1) };
}

function readReason(source: XmlElement | undefined): string {
  return source === undefined ? '' : textOf(source).slice(0, reasonLengthMax);
}

function firstChild(parent: XmlElement | undefined): XmlElement | undefined {
  return parent && childElements(parent)[0];
}

/** SOAP 1.1 lets codes be refined after a dot, as in `Client.Authentication`. */
function soapCodeOf(code: string): SoapCode {
  switch (code.split('.', 1)[0]) {
    case 'Receiver':
    case 'Server':
      return 'Receiver';
    case 'MustUnderstand':
      return 'MustUnderstand';
    case 'VersionMismatch':
      return 'VersionMismatch';
    default:
      return 'Sender';
  }
}
