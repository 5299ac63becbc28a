import { createSign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { faultBody, readFault } from '../../src/soap/fault-body.js';
import { transactionFaults } from '../../src/soap/faults.js';
import { ReplayCache } from '../../src/soap/replay-cache.js';
import { algorithms, namespaces } from '../../src/soap/vocabulary.js';
import { textOf } from '../../src/soap/xml.js';
import {
  alice,
  type ForeignMessage,
  faultOf,
  leastReferences,
  prepareMessage,
  rosa,
  signerOf,
  signForeign,
  testTimeMs,
  testVerifier,
  timestampElement,
  tokenElement,
} from '../support/signed-messages.js';

const minuteMs = 60_000;
const verify = (text: string) => testVerifier().verify(text);
const codeOf = (text: string) => faultOf(() => verify(text)).code;
const foreign = (message: Partial<ForeignMessage> = {}) =>
  signForeign({ credential: alice, references: leastReferences, ...message });

describe('what xml-crypto signs', () => {
  it.each([
    ['P-256', alice, 'alice'],
    ['RSA', rosa, 'rosa'],
  ])('is accepted with %s', (_, credential, name) => {
    const message = verify(foreign({ credential, body: '<x:a>&amp;<b/></x:a>' }));
    expect(message.principal).toEqual({ role: 'client', name });
    expect(message.body?.namespaceURI).toBe('urn:x');
  });

  it('is accepted with prefix lists, such as WSS4J sends', () => {
    const references = leastReferences.map((reference) => ({
      ...reference,
      prefixList: ['x', 'soapenv', 'wsa', 'unbound'],
    }));
    expect(verify(foreign({ references, body: '<b><x:c/></b>' })).body?.tagName).toBe('b');
  });

  it('is accepted with signed addressing headers', () => {
    const blocks = `<wsa:Action>urn:do</wsa:Action>\n<wsa:MessageID>urn:1</wsa:MessageID>`;
    const references = ['Action', 'MessageID'].map((name) => ({
      xpath: `//*[local-name(.)='${name}']`,
    }));
    const message = verify(foreign({ blocks, references: [...leastReferences, ...references] }));
    expect(message.addressing).toMatchObject({ action: 'urn:do', messageId: 'urn:1' });
  });
});

describe('a signature', () => {
  const signed = signerOf(alice).sign(prepareMessage());

  it('is refused when anything that it covers is changed', () => {
    const changes: readonly (readonly [string, string])[] = [
      ['D-1', 'D-2'],
      ['AAAA', 'AAAB'],
      ['Prepare</wsa:Action>', 'Commit</wsa:Action>'],
      ['wsat:Prepare', 'wsat:Commit'],
      ['xmlns:wsat="http://docs', 'xmlns:wsat="https://docs'],
      ['IsReferenceParameter="true"', 'IsReferenceParameter="1"'],
      ['<wsu:Expires>', '<wsu:Expires> '],
    ];
    for (const [from, to] of changes) {
      expect(signed).toContain(from);
      expect(codeOf(signed.replaceAll(from, to))).toBe('FailedCheck');
    }
  });

  it('is refused when its value is changed', () => {
    const value = /<ds:SignatureValue>(.)/;
    const other = signed.replace(value, (_, c) => `<ds:SignatureValue>${c === 'A' ? 'B' : 'A'}`);
    expect(codeOf(other)).toBe('FailedCheck');
    expect(codeOf(signed.replace(/<ds:SignatureValue>[^<]*/, '<ds:SignatureValue>'))).toBe(
      'InvalidSecurity',
    );
  });

  it('is refused when the digest is made to fit what was changed', () => {
    const other = signerOf(alice).sign({ ...prepareMessage(), body: undefined });
    const digests = (text: string) => [...text.matchAll(/<ds:DigestValue>[^<]*/g)].map(String);
    const forged = digests(signed).reduce(
      (text, digest, index) => text.replace(digest, digests(other)[index] ?? ''),
      signed.replace(/<S:Body.*<\/S:Body>/, /<S:Body.*<\/S:Body>/.exec(other)?.[0] ?? ''),
    );
    expect(codeOf(forged)).toBe('FailedCheck');
  });

  it('survives what does not change the meaning', () => {
    const spaced = signed
      .replace('<S:Header>', '<S:Header>\n <!-- comment -->\n')
      .replace('AAAA', '<!-- -->AA<![CDATA[AA]]>')
      .replace(/<ds:SignatureValue>(.{20})/, '<ds:SignatureValue>\n$1\n');
    expect(verify(spaced).body?.localName).toBe('Prepare');
  });

  it.each([
    ['an unknown canonicalization', algorithms.excC14n, `${algorithms.excC14n}WithComments`],
    ['SHA-1', algorithms.sha256, 'http://www.w3.org/2000/09/xmldsig#sha1'],
    ['HMAC', algorithms.ecdsaSha256, 'http://www.w3.org/2000/09/xmldsig#hmac-sha1'],
    ['an algorithm for another kind of key', algorithms.ecdsaSha256, algorithms.rsaSha256],
  ])('is refused with %s', (_, from, to) => {
    expect(codeOf(signed.replace(`Algorithm="${from}"`, `Algorithm="${to}"`))).toBe(
      'UnsupportedAlgorithm',
    );
  });

  it('is refused as a DER signature', () => {
    const info = /<ds:SignedInfo>.*<\/ds:SignedInfo>/.exec(signed)?.[0] ?? '';
    const canonical = info.replace(
      '<ds:SignedInfo>',
      `<ds:SignedInfo xmlns:ds="${namespaces.ds}">`,
    );
    const der = createSign('sha256').update(canonical).sign(alice.privateKey, 'base64');
    const text = signed.replace(/<ds:SignatureValue>[^<]*/, `<ds:SignatureValue>${der}`);
    expect(codeOf(text)).toBe('FailedCheck');
  });
});

describe('the time of a message', () => {
  const at = (timeMs: number, text: string) =>
    testVerifier({ clock: () => timeMs, skewMs: minuteMs }).verify(text);
  const signed = signerOf(alice).sign(prepareMessage());

  it('may be as far off as the clocks', () => {
    for (const offset of [-minuteMs, 0, 2 * minuteMs]) at(testTimeMs + offset, signed);
  });

  it('is refused when it has run out or is still to come', () => {
    for (const offset of [-minuteMs - 1, 2 * minuteMs + 1]) {
      expect(faultOf(() => at(testTimeMs + offset, signed)).code).toBe('MessageExpired');
    }
  });

  it('is refused when it is upside down or no time', () => {
    const wrong = [
      timestampElement(testTimeMs + 1000, testTimeMs),
      ...['z', '+14:01', '+2:00', ' Z', 'Z+00:00', '.Z'].map((zone) =>
        timestampElement(testTimeMs, testTimeMs + minuteMs).replaceAll('Z<', `${zone}<`),
      ),
    ];
    for (const timestamp of wrong) expect(codeOf(foreign({ timestamp }))).toBe('InvalidSecurity');
  });

  it.each([
    ['an offset', (text: string) => text.replaceAll('Z<', '+00:00<')],
    ['no offset, which is UTC', (text: string) => text.replaceAll('Z<', '<')],
    ['seven digits', (text: string) => text.replaceAll('Z<', '0000Z<')],
    ['no fraction', (text: string) => text.replaceAll(/\.\d+Z/g, 'Z')],
    ['no Expires', (text: string) => text.replace(/<wsu:Expires>.*?<\/wsu:Expires>/, '')],
  ])('is read with %s', (_, change) => {
    const timestamp = change(timestampElement(testTimeMs, testTimeMs + minuteMs));
    expect(verify(foreign({ timestamp })).principal.name).toBe('alice');
  });

  it('is cut to what replays are remembered for', () => {
    const timestamp = timestampElement(testTimeMs, testTimeMs + 24 * 60 * minuteMs);
    at(testTimeMs + 10 * minuteMs, foreign({ timestamp }));
    expect(faultOf(() => at(testTimeMs + 12 * minuteMs, foreign({ timestamp }))).code).toBe(
      'MessageExpired',
    );
  });

  it('must be signed', () => {
    expect(codeOf(foreign({ references: leastReferences.slice(0, 1) }))).toBe('FailedCheck');
  });
});

describe('a certificate', () => {
  it('is refused when nobody is known by it', () => {
    const verifier = testVerifier({ trust: () => undefined });
    const text = signerOf(alice).sign(prepareMessage());
    expect(faultOf(() => verifier.verify(text)).code).toBe('FailedAuthentication');
  });

  it('is refused before and after its time, also when it is remembered', () => {
    let timeMs = testTimeMs;
    const verifier = testVerifier({ clock: () => timeMs });
    verifier.verify(signerOf(rosa).sign(prepareMessage()));
    for (const offset of [-2 * minuteMs, 2 * 86_400_000]) {
      timeMs = testTimeMs + offset;
      const text = signerOf(rosa, timeMs).sign(prepareMessage());
      expect(faultOf(() => verifier.verify(text)).code).toBe('FailedAuthentication');
    }
  });

  it('is refused when another key has signed', () => {
    const text = signerOf(alice).sign(prepareMessage());
    const own = text.replace(/>[^<]*<\/wsse:BinarySecurityToken>/, () => {
      const [, token] = />([^<]*)</.exec(tokenElement(rosa)) ?? [];
      return `>${token}</wsse:BinarySecurityToken>`;
    });
    expect(codeOf(own)).toBe('UnsupportedAlgorithm');
  });

  it('is refused when it is none, or not there', () => {
    expect(codeOf(foreign({ token: tokenElement(alice).replace(/>[^<]+</, '>AAAA<') }))).toBe(
      'InvalidSecurityToken',
    );
    expect(codeOf(foreign({ token: tokenElement(alice, 'other') }))).toBe(
      'SecurityTokenUnavailable',
    );
  });

  it('may be one of several', () => {
    const token = tokenElement(rosa, 'other') + tokenElement(alice);
    expect(verify(foreign({ token })).principal.name).toBe('alice');
  });
});

describe('a replay', () => {
  it('is refused, also with another signature under the same message id', () => {
    const verifier = testVerifier();
    const message = prepareMessage('1.2', 'urn:uuid:7');
    const text = signerOf(alice).sign(message);
    verifier.verify(text);
    for (const again of [text, signerOf(alice, testTimeMs + 1).sign(message)]) {
      expect(faultOf(() => verifier.verify(again)).message).toContain('replayed');
    }
    verifier.verify(signerOf(alice).sign(prepareMessage('1.2', 'urn:uuid:8')));
  });

  it('is refused without a message id by what was signed, whatever form the signature has', () => {
    const verifier = testVerifier();
    const text = signerOf(alice).sign({ ...prepareMessage(), addressing: { action: 'urn:a' } });
    verifier.verify(text);
    const mirrored = text.replace(/(?<=<ds:SignatureValue>)[^<]*/, negated);
    expect(mirrored).not.toBe(text);
    testVerifier().verify(mirrored);
    expect(faultOf(() => verifier.verify(mirrored)).message).toContain('replayed');
  });

  it('is refused for as long as the message is good by any clock that may be right', () => {
    let timeMs = testTimeMs;
    const verifier = testVerifier({ clock: () => timeMs });
    const text = signerOf(alice).sign(prepareMessage());
    verifier.verify(text);
    for (const minutes of [1, 2, 5, 6]) {
      timeMs = testTimeMs + minutes * minuteMs;
      expect(faultOf(() => verifier.verify(text)).message).toContain('replayed');
    }
    timeMs += 1;
    expect(faultOf(() => verifier.verify(text)).code).toBe('MessageExpired');
  });

  it('is found before any digest is computed', () => {
    const verifier = testVerifier();
    const text = signerOf(alice).sign(prepareMessage('1.2', 'urn:uuid:7'));
    verifier.verify(text);
    const spoilt = text.replace('AAAA', 'AAAB');
    expect(faultOf(() => verifier.verify(spoilt)).message).toContain('replayed');
  });

  it('does not fill the memory with messages that fail', () => {
    const verifier = testVerifier({ replays: new ReplayCache({ share: 1 }) });
    const text = signerOf(alice).sign(prepareMessage());
    expect(() => verifier.verify(text.replace('D-1', 'D-2'))).toThrow('digest');
    verifier.verify(text);
  });
});

describe('a signed fault', () => {
  it('is read by the prefixes that were signed', () => {
    const fault = transactionFaults.unknownTransaction();
    const text = signerOf(alice).sign({ ...prepareMessage(), body: faultBody('1.2', fault) });
    expect(readFault(verify(text))?.is(namespaces.wsat, 'UnknownTransaction')).toBe(true);
    const rebound = text.replace(`xmlns:wsat="${namespaces.wsat}"`, `xmlns:wsat="urn:evil"`);
    expect(codeOf(rebound)).toBe('FailedCheck');
  });

  it('takes no prefix from outside of what was signed', () => {
    const fault = `<soapenv:Fault><soapenv:Code><soapenv:Value>soapenv:Sender</soapenv:Value><soapenv:Subcode><soapenv:Value>x:Code</soapenv:Value></soapenv:Subcode></soapenv:Code><soapenv:Reason><soapenv:Text xml:lang="en">no</soapenv:Text></soapenv:Reason></soapenv:Fault>`;
    const plain = readFault(verify(foreign({ body: fault })));
    expect(plain).toMatchObject({ code: 'Code', data: { namespace: '', reason: 'no' } });
    const references = leastReferences.map((reference) => ({ ...reference, prefixList: ['x'] }));
    expect(readFault(verify(foreign({ body: fault, references })))?.data.namespace).toBe('urn:x');
  });
});

describe('headers', () => {
  it('that are mandatory must be understood', () => {
    const blocks = '<x:a soapenv:mustUnderstand="1"/>';
    expect(codeOf(foreign({ blocks }))).toBe('MustUnderstand');
    const verifier = testVerifier({ understood: () => true });
    expect(verifier.verify(foreign({ blocks })).headers).toEqual([]);
  });

  it('that are signed are returned, others left out', () => {
    const blocks = '<x:a>1</x:a><x:b>2</x:b>';
    const references = [...leastReferences, { xpath: "//*[local-name(.)='b']" }];
    const { headers } = verify(foreign({ blocks, references }));
    expect(headers.map(textOf)).toEqual(['2']);
  });
});

/** The other signature value that ECDSA accepts for the same text: s turned into n - s. */
function negated(value: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const bytes = Buffer.from(value, 'base64');
  const s = BigInt(`0x${bytes.toString('hex', 32)}`);
  const other = (order - s).toString(16).padStart(64, '0');
  return Buffer.concat([bytes.subarray(0, 32), Buffer.from(other, 'hex')]).toString('base64');
}

describe('the canonical form', () => {
  it('of a message may not be out of proportion to it', () => {
    const bindings = Array.from({ length: 40 }, (_, i) => ` xmlns:p${i}="${`u${i}`.repeat(150)}"`);
    const uses = Array.from({ length: 40 }, (_, i) => ` p${i}:a=""`).join('');
    const bomb = (leaves: number) =>
      foreign({ body: `<r${bindings.join('')}>${`<l${uses}/>`.repeat(leaves)}</r>` });
    expect(verify(bomb(20)).body?.childNodes).toHaveLength(20);
    expect(codeOf(bomb(400))).toBe('InvalidSecurity');
  });
});
