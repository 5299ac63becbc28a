import { createPrivateKey, type KeyLike, sign, verify, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { type SignatureAlgorithm, SignedXml } from 'xml-crypto';
import { type Credential, issueAuthority, issueCertificate } from '../../src/kernel/config/x509.js';
import { endpoint, none, referenceParameterBlocks } from '../../src/soap/addressing.js';
import type { SoapMessage } from '../../src/soap/envelope.js';
import { SoapFault } from '../../src/soap/faults.js';
import { ReplayCache } from '../../src/soap/replay-cache.js';
import { MessageSigner } from '../../src/soap/signing.js';
import { MessageVerifier, type VerifierOptions } from '../../src/soap/verification.js';
import { algorithms, cc, namespaces, type SoapVersion, wsat } from '../../src/soap/vocabulary.js';
import { element } from '../../src/soap/xml.js';

const authority = issueAuthority('test');

/** Test messages are made at this moment, and test verifiers live in it unless told otherwise. */
export const testTimeMs = Date.now();

export const alice = issueCertificate(
  authority,
  { commonName: 'alice', unit: 'client', organization: 'test' },
  [],
);
/** An RSA certificate of its own making. */
export const rosa = rsaCredential('rosa');

export function derOf({ certificate }: Credential): Buffer {
  return new X509Certificate(certificate).raw;
}

export function signerOf(credential: Credential, timeMs = testTimeMs): MessageSigner {
  return new MessageSigner({
    certificateDer: derOf(credential),
    privateKey: createPrivateKey(credential.privateKey),
    clock: () => timeMs,
  });
}

/** Trusts alice and rosa. */
export function testVerifier(options: Partial<VerifierOptions> = {}): MessageVerifier {
  return new MessageVerifier({
    trust: (certificate) => {
      if (certificate.raw.equals(derOf(alice))) return { role: 'client', name: 'alice' };
      if (certificate.raw.equals(derOf(rosa))) return { role: 'client', name: 'rosa' };
      return undefined;
    },
    clock: () => testTimeMs,
    replays: new ReplayCache(),
    ...options,
  });
}

/** A name whose prefix usually means something else. */
const note = { ns: 'urn:note', prefix: 'wsa', name: 'Note' };

/** A Prepare with reference parameters, a sender and something in its body. */
export function prepareMessage(
  version: SoapVersion = '1.2',
  messageId = 'urn:uuid:1',
): SoapMessage {
  const tid = element(cc('TransactionId'), [], 'b0a5bd3e-7e6f-8000-8000-000000000000');
  return {
    version,
    addressing: {
      to: 'http://bank-a.test:8080/participant?a=1&b=2',
      action: `${namespaces.wsat}/Prepare`,
      messageId,
      from: endpoint('http://c0.test:8080/coordinator', tid),
      replyTo: none,
    },
    headers: referenceParameterBlocks(
      endpoint('', tid, element(cc('EnlistmentId'), [], 'D-1'), element(note, [], 'a <"ä😀">')),
    ),
    body: element(wsat('Prepare'), [], element(cc('Statement'), [], 'AAAA')),
  };
}

/** The fault that the action throws; fails where it throws none. */
export function faultOf(action: () => unknown): SoapFault {
  try {
    action();
  } catch (error) {
    if (error instanceof SoapFault) return error;
    throw error;
  }
  throw new Error('no fault was thrown');
}

/** ECDSA for xml-crypto, which has none. */
export class EcdsaSha256 implements SignatureAlgorithm {
  getSignature(signedInfo: unknown, privateKey: KeyLike): string {
    const key = { key: createPrivateKey(pem(privateKey)), dsaEncoding: 'ieee-p1363' } as const;
    return sign('sha256', Buffer.from(String(signedInfo)), key).toString('base64');
  }

  verifySignature(material: string, key: KeyLike, signatureValue: string): boolean {
    const publicKey = new X509Certificate(pem(key)).publicKey;
    const options = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
    return verify('sha256', Buffer.from(material), options, Buffer.from(signatureValue, 'base64'));
  }

  getAlgorithmName(): string {
    return algorithms.ecdsaSha256;
  }
}

export interface ForeignReference {
  readonly xpath: string;
  readonly transforms?: readonly string[];
  readonly digestAlgorithm?: string;
  readonly prefixList?: string[];
  readonly isEmptyUri?: boolean;
}

export interface ForeignMessage {
  readonly credential: Credential;
  readonly references: readonly ForeignReference[];
  /** Header blocks besides the security header. */
  readonly blocks?: string;
  readonly body?: string;
  readonly timestamp?: string;
  readonly token?: string;
  readonly keyInfo?: string;
}

/** References to the body and to the timestamp. */
export const leastReferences: readonly ForeignReference[] = [
  { xpath: "//*[local-name(.)='Body']" },
  { xpath: "//*[local-name(.)='Timestamp']" },
];

/** A message that xml-crypto signs, so that it may be as odd as a test needs it. */
export function signForeign(message: ForeignMessage): string {
  const { credential, references, blocks = '', body = '<a xmlns="urn:a"/>' } = message;
  const isRsa = credential === rosa;
  const signature = new SignedXml({
    privateKey: credential.privateKey,
    idMode: 'wssecurity',
    canonicalizationAlgorithm: algorithms.excC14n,
    signatureAlgorithm: isRsa ? algorithms.rsaSha256 : algorithms.ecdsaSha256,
    getKeyInfoContent: () => message.keyInfo ?? keyInfo('#token'),
  });
  signature.SignatureAlgorithms[algorithms.ecdsaSha256] = EcdsaSha256;
  for (const reference of references) {
    signature.addReference({
      xpath: reference.xpath,
      transforms: reference.transforms ?? [algorithms.excC14n],
      digestAlgorithm: reference.digestAlgorithm ?? algorithms.sha256,
      inclusiveNamespacesPrefixList: reference.prefixList ?? [],
      isEmptyUri: reference.isEmptyUri ?? false,
    });
  }
  const token = message.token ?? tokenElement(credential);
  const envelope = `<soapenv:Envelope xmlns:soapenv="${namespaces.soap12}" xmlns:x="urn:x" xmlns:wsa="${namespaces.wsa}">
  <soapenv:Header>${blocks}
    <wsse:Security xmlns:wsse="${namespaces.wsse}" xmlns:wsu="${namespaces.wsu}" soapenv:mustUnderstand="true">
      ${token}${message.timestamp ?? timestampElement(testTimeMs, testTimeMs + 60_000)}
    </wsse:Security>
  </soapenv:Header>
  <soapenv:Body>${body}</soapenv:Body>
</soapenv:Envelope>`;
  signature.computeSignature(envelope, {
    location: { reference: "//*[local-name(.)='Security']", action: 'append' },
    prefix: 'ds',
    existingPrefixes: { wsu: namespaces.wsu },
  });
  return signature.getSignedXml();
}

export function keyInfo(uri: string): string {
  return `<wsse:SecurityTokenReference xmlns:wsse="${namespaces.wsse}"><wsse:Reference URI="${uri}" ValueType="${algorithms.x509v3}"/></wsse:SecurityTokenReference>`;
}

export function tokenElement(credential: Credential, id = 'token'): string {
  return `<wsse:BinarySecurityToken xmlns:wsse="${namespaces.wsse}" xmlns:wsu="${namespaces.wsu}" wsu:Id="${id}" EncodingType="${algorithms.base64}" ValueType="${algorithms.x509v3}">${derOf(credential).toString('base64')}</wsse:BinarySecurityToken>`;
}

export function timestampElement(createdMs: number, expiresMs: number): string {
  return `<wsu:Timestamp xmlns:wsu="${namespaces.wsu}"><wsu:Created>${new Date(createdMs).toISOString()}</wsu:Created><wsu:Expires>${new Date(expiresMs).toISOString()}</wsu:Expires></wsu:Timestamp>`;
}

function pem(key: KeyLike): string {
  if (typeof key !== 'string') throw new TypeError('PEM expected');
  return key;
}

/** An RSA certificate of its own making. */
export function rsaCredential(name: string): Credential {
  const { privateKey, publicKey } = forge.pki.rsa.generateKeyPair(2048);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = publicKey;
  certificate.serialNumber = '01';
  certificate.validity.notBefore = new Date(testTimeMs - 60_000);
  certificate.validity.notAfter = new Date(testTimeMs + 86_400_000);
  certificate.setSubject([{ name: 'commonName', value: name }]);
  certificate.setIssuer([{ name: 'commonName', value: name }]);
  certificate.sign(privateKey, forge.md.sha256.create());
  return {
    certificate: forge.pki.certificateToPem(certificate),
    privateKey: forge.pki.privateKeyToPem(privateKey),
  };
}
