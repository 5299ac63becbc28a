import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';

const { asn1 } = forge;
const { Class, Type } = asn1;

/** A DER value. Byte strings are "binary" strings throughout, one character a byte, as in forge. */
export type Der = forge.asn1.Asn1;

const primitive = (type: forge.asn1.Type, bytes: string): Der =>
  asn1.create(Class.UNIVERSAL, type, false, bytes);

const sequence = (...parts: readonly Der[]): Der =>
  asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...parts]);
const setOf = (part: Der): Der => asn1.create(Class.UNIVERSAL, Type.SET, true, [part]);
/** Context tag around a value. */
const explicit = (tag: number, part: Der): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, true, [part]);
/** Context tag in place of a primitive type's own. */
const implicit = (tag: number, bytes: string): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, false, bytes);

/** Big-endian two's complement. */
const integer = (bytes: string): Der => primitive(Type.INTEGER, bytes);
const yes = (): Der => primitive(Type.BOOLEAN, '\xff');
const octets = (bytes: string): Der => primitive(Type.OCTETSTRING, bytes);
const utf8 = (text: string): Der =>
  primitive(Type.UTF8, Buffer.from(text, 'utf8').toString('latin1'));
const objectId = (dotted: string): Der => primitive(Type.OID, asn1.oidToDer(dotted).getBytes());
/** `unused` counts the bits of the last byte that do not belong to the string. */
const bits = (unused: number, bytes: string): Der =>
  primitive(Type.BITSTRING, String.fromCharCode(unused) + bytes);

/** RFC 5280, section 4.1.2.5: UTCTime up to 2049, GeneralizedTime from then on. */
function time(date: Date): Der {
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}

/** RFC 5280, section 4.2. */
function extension(id: string, criticality: 'critical' | 'plain', value: Der): Der {
  const critical = criticality === 'critical' ? [yes()] : [];
  return sequence(objectId(id), ...critical, octets(encode(value)));
}

/** A host as GeneralName (RFC 5280, section 4.2.1.6): dNSName or iPAddress. */
function generalName(host: string): Der {
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

function encode(value: Der): string {
  return asn1.toDer(value).getBytes();
}

function decode(bytes: string): Der {
  return asn1.fromDer(bytes);
}

/** The parts of a sequence or set; none where the value is primitive. */
function partsOf(value: Der): readonly Der[] {
  return Array.isArray(value.value) ? value.value : [];
}

/** A certificate and its private key, both PEM. */
export interface Credential {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateSubject {
  /** `CN`: the node's name. */
  readonly commonName: string;
  /** `OU`: the role. */
  readonly unit: string;
  /** `O`: the cluster's id. */
  readonly organization: string;
}

const oid = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  unit: '2.5.4.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

const dayMs = 86_400_000;
/** Certificates are valid from a little before now, for nodes whose clocks lag. */
const backdateMs = 3_600_000;
const authorityDays = 3650;
export const nodeDays = 825;

/** Makes a self-signed P-256 certificate authority that may issue end certificates only. */
export function issueAuthority(organization: string, now = new Date()): Credential {
  const subject = nameOf({ commonName: 'authority', unit: 'authority', organization });
  const keys = newCertificateKey();
  const certificate = issue({
    issuer: subject,
    subject,
    subjectKey: keys.publicKey,
    signingKey: keys.privateKey,
    now,
    days: authorityDays,
    extensions: [
      extension(oid.basicConstraints, 'critical', sequence(yes(), integer('\0'))),
      // keyCertSign and cRLSign: bits 5 and 6.
      extension(oid.keyUsage, 'critical', bits(1, '\x06')),
      extension(oid.subjectKeyIdentifier, 'plain', octets(keyIdentifier(keys.publicKey))),
    ],
  });
  return { certificate, privateKey: keys.privateKey };
}

/**
 * Makes a P-256 key and a certificate for it, good for WS-Security and for both ends of TLS.
 * `hosts` are DNS names and IP addresses at which the node is reached; a client has none.
 */
export function issueCertificate(
  authority: Credential,
  subject: CertificateSubject,
  hosts: readonly string[],
  now = new Date(),
): Credential {
  const { publicKey, privateKey } = newCertificateKey();
  const certificate = certificateFor(publicKey, authority, subject, { hosts, days: nodeDays, now });
  return { certificate, privateKey };
}

/** The same for a P-256 public key (SPKI, PEM) that is there already: the certificate, PEM. */
export function certificateFor(
  publicKey: string,
  authority: Credential,
  subject: CertificateSubject,
  { hosts, days, now = new Date() }: { hosts: readonly string[]; days: number; now?: Date },
): string {
  const authorityKey = publicPem(authority.privateKey);
  return issue({
    issuer: subjectOf(authority.certificate),
    subject: nameOf(subject),
    subjectKey: publicKey,
    signingKey: authority.privateKey,
    now,
    days,
    extensions: [
      extension(oid.basicConstraints, 'critical', sequence()),
      // digitalSignature: bit 0.
      extension(oid.keyUsage, 'critical', bits(7, '\x80')),
      extension(
        oid.extendedKeyUsage,
        'plain',
        sequence(objectId(oid.serverAuth), objectId(oid.clientAuth)),
      ),
      extension(oid.subjectKeyIdentifier, 'plain', octets(keyIdentifier(publicKey))),
      extension(
        oid.authorityKeyIdentifier,
        'plain',
        sequence(implicit(0, keyIdentifier(authorityKey))),
      ),
      ...(hosts.length === 0
        ? []
        : [extension(oid.subjectAltName, 'plain', sequence(...hosts.map(generalName)))]),
    ],
  });
}

/** Makes an Ed25519 key for statements: the private key in PEM and the raw public key in hex. */
export function newStatementKey(): { privateKey: string; publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { privateKey, publicKey: rawPublicKey(privateKey) };
}

/** The raw public key of an Ed25519 private key in PEM: 64 hexadecimal digits. */
export function rawPublicKey(privateKeyPem: string): string {
  const { x } = createPublicKey(privateKeyPem).export({ format: 'jwk' });
  return Buffer.from(x ?? '', 'base64url').toString('hex');
}

/** SHA-256 of the certificate's DER: 64 lower-case hexadecimal digits. */
export function certificateSha256(certificatePem: string): string {
  return createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('hex');
}

/** The value of the extension SubjectKeyIdentifier, in base64, where the certificate has it. */
export function subjectKeyIdentifier({ raw }: X509Certificate): string | undefined {
  const [tbs] = partsOf(decode(raw.toString('latin1')));
  const extensions = (tbs ? partsOf(tbs) : []).find(
    ({ tagClass, type }) => tagClass === Class.CONTEXT_SPECIFIC && Number(type) === 3,
  );
  const [list] = extensions ? partsOf(extensions) : [];
  const id = encode(objectId(oid.subjectKeyIdentifier));
  const found = (list ? partsOf(list) : [])
    .map(partsOf)
    .find(([first]) => first && encode(first) === id);
  const value = found?.at(-1)?.value;
  if (typeof value !== 'string') return undefined;
  const identifier = decode(value).value;
  return typeof identifier === 'string'
    ? Buffer.from(identifier, 'latin1').toString('base64')
    : undefined;
}

/** RFC 5280, section 4.1. */
function issue(certificate: {
  issuer: Der;
  subject: Der;
  subjectKey: string;
  signingKey: string;
  now: Date;
  days: number;
  extensions: readonly Der[];
}): string {
  const { issuer, subject, subjectKey, signingKey, now, days, extensions } = certificate;
  const algorithm = sequence(objectId(oid.ecdsaWithSha256));
  const tbs = sequence(
    explicit(0, integer('\x02')),
    integer(serialNumber()),
    algorithm,
    issuer,
    sequence(time(after(now, -backdateMs)), time(after(now, days * dayMs))),
    subject,
    decode(spki(subjectKey)),
    explicit(3, sequence(...extensions)),
  );
  const signature = sign(
    'sha256',
    Buffer.from(encode(tbs), 'latin1'),
    createPrivateKey(signingKey),
  );
  const signed = sequence(tbs, algorithm, bits(0, signature.toString('latin1')));
  return new X509Certificate(Buffer.from(encode(signed), 'latin1')).toString();
}

/**
 * 62 random bits. RFC 5280 allows 20 bytes, but WS-Security's X509SerialNumber is an xs:integer, of
 * which libxml2 reads at most 24 digits.
 */
function serialNumber(): string {
  const bytes = randomBytes(8);
  // The first bit is the sign; the second makes the first byte significant, as DER demands.
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString('latin1');
}

function after(instant: Date, durationMs: number): Date {
  return new Date(instant.getTime() + durationMs);
}

/** Makes a P-256 key for a certificate, PEM: SPKI and PKCS #8. */
export function newCertificateKey(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

function publicPem(privateKeyPem: string): string {
  return createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();
}

function spki(publicKeyPem: string): string {
  return createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' }).toString('latin1');
}

function keyIdentifier(publicKeyPem: string): string {
  return createHash('sha256')
    .update(spki(publicKeyPem), 'latin1')
    .digest()
    .toString('latin1', 0, 20);
}

/** The subject as it stands in the certificate, so that issuer and subject agree byte for byte. */
function subjectOf(certificatePem: string): Der {
  const { raw } = new X509Certificate(certificatePem);
  const [tbs] = partsOf(decode(raw.toString('latin1')));
  const subject = tbs && partsOf(tbs)[5];
  if (subject === undefined) throw new Error('the authority certificate has no subject');
  return subject;
}

function nameOf({ organization, unit, commonName }: CertificateSubject): Der {
  const part = (type: string, text: string) => setOf(sequence(objectId(type), utf8(text)));
  return sequence(
    part(oid.organization, organization),
    part(oid.unit, unit),
    part(oid.commonName, commonName),
  );
}
