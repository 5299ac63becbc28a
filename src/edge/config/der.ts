import { isIP } from 'node:net';
import forge from 'node-forge';

const { asn1 } = forge;
const { Class, Type } = asn1;

/** A DER value. Byte strings are "binary" strings throughout, one character a byte, as in forge. */
export type Der = forge.asn1.Asn1;

const primitive = (type: forge.asn1.Type, bytes: string): Der =>
  asn1.create(Class.UNIVERSAL, type, false, bytes);

export const sequence = (...parts: readonly Der[]): Der =>
  asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...parts]);
export const setOf = (part: Der): Der => asn1.create(Class.UNIVERSAL, Type.SET, true, [part]);
/** Context tag around a value. */
export const explicit = (tag: number, part: Der): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, true, [part]);
/** Context tag in place of a primitive type's own. */
export const implicit = (tag: number, bytes: string): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, false, bytes);

/** Big-endian two's complement. */
export const integer = (bytes: string): Der => primitive(Type.INTEGER, bytes);
export const yes = (): Der => primitive(Type.BOOLEAN, '\xff');
export const octets = (bytes: string): Der => primitive(Type.OCTETSTRING, bytes);
export const utf8 = (text: string): Der =>
  primitive(Type.UTF8, Buffer.from(text, 'utf8').toString('latin1'));
export const objectId = (dotted: string): Der =>
  primitive(Type.OID, asn1.oidToDer(dotted).getBytes());
/** `unused` counts the bits of the last byte that do not belong to the string. */
export const bits = (unused: number, bytes: string): Der =>
  primitive(Type.BITSTRING, String.fromCharCode(unused) + bytes);

/** RFC 5280, section 4.1.2.5: UTCTime up to 2049, GeneralizedTime from then on. */
export function time(date: Date): Der {
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}

/** RFC 5280, section 4.2. */
export function extension(id: string, criticality: 'critical' | 'plain', value: Der): Der {
  const critical = criticality === 'critical' ? [yes()] : [];
  return sequence(objectId(id), ...critical, octets(encode(value)));
}

/** A host as GeneralName (RFC 5280, section 4.2.1.6): dNSName or iPAddress. */
export function generalName(host: string): Der {
  switch (isIP(host)) {
    case 4:
      return implicit(7, String.fromCharCode(...host.split('.').map(Number)));
    case 6:
      return implicit(7, ipv6Bytes(host));
    default:
      return implicit(2, host);
  }
}

/** The 16 bytes of an IPv6 address. The URL parser brings it to its shortest hexadecimal form. */
function ipv6Bytes(address: string): string {
  const [left = '', right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text = '') => (text === '' ? [] : text.split(':'));
  const missing = 8 - groups(left).length - groups(right).length;
  const all = [...groups(left), ...Array<string>(missing).fill('0'), ...groups(right)];
  const hex = all.map((group) => group.padStart(4, '0')).join('');
  return Buffer.from(hex, 'hex').toString('latin1');
}

export function encode(value: Der): string {
  return asn1.toDer(value).getBytes();
}

export function decode(bytes: string): Der {
  return asn1.fromDer(bytes);
}

/** The parts of a sequence or set; none where the value is primitive. */
export function partsOf(value: Der): readonly Der[] {
  return Array.isArray(value.value) ? value.value : [];
}
