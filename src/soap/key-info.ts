import { securityFaults } from './faults.js';
import { allChildren, idIn, leafText, none, required } from './parse-xml.js';
import { algorithms, namespaces } from './vocabulary.js';
import { attributeOf, isNamed, type XmlElement } from './xml.js';

/** What a signature says of the certificate whose key has signed (WS-Security X.509 Certificate Token Profile 1.1 §3.2). */
export type KeyReference =
  /** A token in the message. `source` is the `wsse:SecurityTokenReference`. */
  { readonly kind: 'token'; readonly id: string; readonly source: XmlElement } | KnownKeyReference;

/** A certificate that the receiver has. */
export type KnownKeyReference =
  /** The value of its extension SubjectKeyIdentifier, in base64. */
  | { readonly kind: 'subject-key'; readonly identifier: string }
  /** SHA-1 of its DER, in base64. */
  | { readonly kind: 'thumbprint'; readonly sha1: string }
  /** The issuer as RFC 4514 or .NET writes it, and the number in decimal digits. */
  | { readonly kind: 'issuer-serial'; readonly issuer: string; readonly serial: string };

/** Reads a `ds:KeyInfo`. Throws a `wsse` fault where it is of no such kind. */
export function readKeyInfo(keyInfo: XmlElement): KeyReference {
  const [first, ...others] = allChildren(keyInfo, ['Id']);
  none(others);
  const source = required(first, namespaces.wsse, 'SecurityTokenReference');
  const [reference, ...rest] = allChildren(source, ['Id', 'TokenType', 'Usage']);
  none(rest);
  if (reference !== undefined && isNamed(reference, namespaces.wsse, 'Reference')) {
    return { kind: 'token', id: readDirect(reference), source };
  }
  if (reference === undefined) throw unavailable('no reference');
  if (isNamed(reference, namespaces.wsse, 'KeyIdentifier')) return readIdentifier(reference);
  return readIssuerSerial(required(reference, namespaces.ds, 'X509Data'));
}

function readDirect(reference: XmlElement): string {
  none(allChildren(reference, ['URI', 'ValueType']));
  const valueType = attributeOf(reference, '', 'ValueType');
  if (valueType !== undefined && valueType !== algorithms.x509v3)
    throw unavailable('kind of token');
  return idIn(reference);
}

function readIdentifier(source: XmlElement): KnownKeyReference {
  const encoding = attributeOf(source, '', 'EncodingType') ?? algorithms.base64;
  if (encoding !== algorithms.base64) throw unavailable('encoding of a key identifier');
  const value = leafText(source, ['ValueType', 'EncodingType']).replace(/\s+/g, '');
  switch (attributeOf(source, '', 'ValueType')) {
    case algorithms.subjectKeyIdentifier:
      return { kind: 'subject-key', identifier: value };
    case algorithms.thumbprintSha1:
      return { kind: 'thumbprint', sha1: value };
    default:
      throw unavailable('kind of key identifier');
  }
}

const issuerLengthMax = 1024;
/** RFC 5280 §4.1.2.2 allows 20 bytes. */
const serialForm = /^[0-9]{1,49}$/;

function readIssuerSerial(data: XmlElement): KnownKeyReference {
  const [pair, ...rest] = allChildren(data, []);
  none(rest);
  const [name, number, ...more] = allChildren(
    required(pair, namespaces.ds, 'X509IssuerSerial'),
    [],
  );
  none(more);
  const issuer = leafText(required(name, namespaces.ds, 'X509IssuerName'), []);
  const serial = leafText(required(number, namespaces.ds, 'X509SerialNumber'), []);
  if (issuer.length > issuerLengthMax || !serialForm.test(serial)) {
    throw unavailable('issuer and serial number');
  }
  return { kind: 'issuer-serial', issuer, serial };
}

function unavailable(what: string): Error {
  return securityFaults.securityTokenUnavailable(what);
}
