import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DOMParser } from '@xmldom/xmldom';
import { describe, expect, it } from 'vitest';
import { SignedXml } from 'xml-crypto';
import type { Credential } from '../../src/kernel/config/x509.js';
import { faultBody } from '../../src/soap/fault-body.js';
import { transactionFaults } from '../../src/soap/faults.js';
import { algorithms, namespaces, type SoapVersion } from '../../src/soap/vocabulary.js';
import { standardsPresent, validateAgainstStandards } from '../support/schemas.js';
import {
  alice,
  EcdsaSha256,
  prepareMessage,
  rosa,
  signerOf,
  testVerifier,
} from '../support/signed-messages.js';

const versions: readonly SoapVersion[] = ['1.1', '1.2'];
const fault = transactionFaults.unknownTransaction();

/** A message of each kind: a notification, and a fault, whose content holds a QName. */
const messages = versions.flatMap((version) => [
  prepareMessage(version),
  { ...prepareMessage(version), body: faultBody(version, fault) },
]);

describe.each([
  ['P-256', alice],
  ['RSA', rosa],
])('a message signed with %s', (_, credential) => {
  const texts = messages.map((message) => signerOf(credential).sign(message));

  it('is accepted by xml-crypto', () => {
    for (const text of texts) expect(acceptedByXmlCrypto(text, credential)).toBe(true);
  });

  it('is not accepted by xml-crypto when a letter is changed', () => {
    for (const text of texts) {
      expect(acceptedByXmlCrypto(text.replace('D-1', 'D-2'), credential)).toBe(false);
    }
  });

  it.skipIf(!hasXmlsec())('is accepted by xmlsec1', () => {
    for (const text of texts) expect(acceptedByXmlsec(text, credential)).toBe('');
  });

  it('is accepted by our verifier, which reads what was sent', () => {
    texts.forEach((text, index) => {
      const sent = messages[index];
      const { version, addressing, headers, body, principal } = testVerifier().verify(text);
      expect(version).toBe(sent?.version);
      expect(addressing.to).toBe(sent?.addressing.to);
      expect(addressing.replyTo).toEqual(sent?.addressing.replyTo);
      expect(addressing.from?.referenceParameters.map(({ tagName }) => tagName)).toEqual([
        'cc:TransactionId',
      ]);
      expect(headers.map((header) => header.childNodes)).toEqual(
        sent?.headers.map((header) => header.childNodes),
      );
      expect(body?.localName).toBe(sent?.body?.localName);
      expect(principal).toEqual({ role: 'client', name: credential === alice ? 'alice' : 'rosa' });
    });
  });
});

describe('a signed message', () => {
  it.skipIf(!standardsPresent)('is valid against the schemas of the standards', async () => {
    const texts = messages.map((message) => signerOf(alice).sign(message));
    expect(await validateAgainstStandards(texts)).toEqual([]);
  });

  it('says 60 seconds from now when it runs out', () => {
    const text = signerOf(alice, Date.UTC(2030, 0, 1)).sign(prepareMessage());
    expect(text).toContain('<wsu:Created>2030-01-01T00:00:00.000Z</wsu:Created>');
    expect(text).toContain('<wsu:Expires>2030-01-01T00:01:00.000Z</wsu:Expires>');
  });
});

function acceptedByXmlCrypto(text: string, { certificate }: Credential): boolean {
  const signature = new SignedXml({ publicCert: certificate, idMode: 'wssecurity' });
  signature.SignatureAlgorithms[algorithms.ecdsaSha256] = EcdsaSha256;
  const document = new DOMParser().parseFromString(text, 'text/xml');
  const [node] = Array.from(document.getElementsByTagNameNS(namespaces.ds, 'Signature'));
  if (node === undefined) return false;
  signature.loadSignature(node);
  try {
    return signature.checkSignature(text);
  } catch {
    return false;
  }
}

function hasXmlsec(): boolean {
  return spawnSync('xmlsec1', ['--version']).status === 0;
}

/** Nothing, or else what xmlsec1 has against the signature. */
function acceptedByXmlsec(text: string, { certificate }: Credential): string {
  const folder = mkdtempSync(join(tmpdir(), 'concordat-'));
  try {
    writeFileSync(join(folder, 'message.xml'), text);
    writeFileSync(join(folder, 'certificate.pem'), certificate);
    const names = [
      ...['To', 'Action', 'MessageID', 'From', 'ReplyTo'].map(
        (name) => `${namespaces.wsa}:${name}`,
      ),
      ...['TransactionId', 'EnlistmentId'].map((name) => `${namespaces.concordat}:${name}`),
      'urn:note:Note',
      ...[namespaces.soap11, namespaces.soap12].map((ns) => `${ns}:Body`),
      `${namespaces.wsu}:Timestamp`,
    ];
    const ids = names.flatMap((name) => ['--id-attr:Id', name]);
    const key = ['--pubkey-cert-pem', 'certificate.pem'];
    execFileSync('xmlsec1', ['--verify', ...key, ...ids, 'message.xml'], {
      cwd: folder,
      stdio: 'pipe',
    });
    return '';
  } catch (error) {
    return String(error);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
