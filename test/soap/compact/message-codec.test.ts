import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAll, WireError, Writer } from '../../../src/kernel/codec/bytes.js';
import { endpoint } from '../../../src/soap/addressing.js';
import { canonicalize } from '../../../src/soap/canonical.js';
import { MessageReader, MessageWriter } from '../../../src/soap/compact/message-codec.js';
import { readEnvelope, type SoapMessage, writeEnvelope } from '../../../src/soap/envelope.js';
import { faultBody, readFault } from '../../../src/soap/fault-body.js';
import { addressingFaults } from '../../../src/soap/faults.js';
import { parseXml } from '../../../src/soap/parse-xml.js';
import {
  attribute,
  childElements,
  declaration,
  element,
  lookUp,
  type XmlElement,
} from '../../../src/soap/xml.js';
import { mutateBytes } from '../../fuzz/mutate/bytes.js';
import { Random } from '../../fuzz/support/random.js';

function encoded(message: SoapMessage, messages = new MessageWriter()): Uint8Array {
  const writer = new Writer();
  messages.write(writer, message);
  return writer.finish();
}

function decoded(bytes: Uint8Array, messages = new MessageReader()): SoapMessage {
  return readAll(bytes, (reader) => messages.read(reader));
}

const xmlText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map((text) => {
  const kept = text.replaceAll(/[^\t\n\u0020-\ud7ff\ue000-\ufffd]/g, '');
  return kept === '' ? 'x' : kept;
});
const name = fc.record({
  ns: fc.constantFrom('urn:a', 'urn:b'),
  prefix: fc.constantFrom('a', 'b', 'c'),
  name: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,8}$/),
});
const tree: fc.Arbitrary<XmlElement> = fc.letrec<{ element: XmlElement }>((tie) => ({
  element: fc
    .tuple(
      name,
      fc.option(xmlText),
      fc.oneof({ maxDepth: 4 }, xmlText, fc.array(tie('element'), { maxLength: 3 })),
    )
    .map(([own, value, content]) =>
      element(
        own,
        value === null ? [] : [attribute({ ns: '', prefix: '', name: 'v' }, value)],
        ...(typeof content === 'string' ? [content] : content),
      ),
    ),
})).element;
const address = fc.webUrl().filter((url) => url.length < 200);
const reference = fc
  .tuple(address, fc.array(tree, { maxLength: 2 }))
  .map(([to, parameters]) => endpoint(to, ...parameters));
const optional = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const message: fc.Arbitrary<SoapMessage> = fc.record({
  version: fc.constantFrom('1.1', '1.2'),
  addressing: fc.record({
    action: fc.webUrl(),
    to: optional(address),
    messageId: optional(fc.uuid()),
    relatesTo: optional(fc.uuid()),
    replyTo: optional(reference),
    from: optional(reference),
    faultTo: optional(reference),
  }),
  headers: fc.array(tree, { maxLength: 3 }),
  body: optional(tree),
});

describe('the messages of a link', () => {
  it('say what the same envelopes say as XML', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), (messages) => {
        const [writer, reader] = [new MessageWriter(), new MessageReader()];
        for (const one of messages) {
          const received = decoded(encoded(one, writer), reader);
          expect(writeEnvelope(received)).toBe(writeEnvelope(one));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('have names in content understood as XML binds them', () => {
    const fault = addressingFaults.actionNotSupported('urn:what');
    for (const version of ['1.1', '1.2'] as const) {
      const sent = { version, addressing: { action: fault.action }, headers: [] };
      const message = { ...sent, body: faultBody(version, fault) };
      const asXml = readFault(readEnvelope(writeEnvelope(message)));
      const onLink = readFault(decoded(encoded(message)));
      expect(onLink).toMatchObject({ code: asXml?.code, data: asXml?.data });
    }
  });

  it('bind the prefix of an element in it, as its tag does', () => {
    const name = element({ ns: 'urn:a', prefix: 'a', name: 'Name' }, [], 'a:Value');
    const body = element({ ns: 'urn:b', prefix: 'b', name: 'Body' }, [], name);
    const message: SoapMessage = { version: '1.2', addressing: { action: '' }, headers: [], body };
    for (const received of [decoded(encoded(message)), readEnvelope(writeEnvelope(message))]) {
      const [inner] = childElements(received.body ?? body);
      expect(lookUp(inner?.scope, 'a')).toBe('urn:a');
      expect(lookUp(inner?.scope, 'b')).toBe('urn:b');
      expect(lookUp(received.body?.scope, 'a')).toBeUndefined();
    }
  });

  it('are shorter from the second on, as names have numbers then', () => {
    const body = element({ ns: 'urn:concordat:long-namespace', prefix: 'l', name: 'Posting' });
    const one: SoapMessage = {
      version: '1.2',
      addressing: { action: 'urn:concordat:action', to: 'http://127.0.0.1:1/account' },
      headers: [],
      body,
    };
    const writer = new MessageWriter();
    const [first, second] = [encoded(one, writer), encoded(one, writer)];
    expect(second.length).toBeLessThan(first.length / 3);
  });

  const emptyMessage = { version: '1.2', addressing: { action: '' }, headers: [] } as const;

  it('hold no more strings with numbers than they may', () => {
    const [writer, reader] = [new MessageWriter(), new MessageReader()];
    for (let number = 0; number < 3000; number += 1) {
      const to = `http://127.0.0.1/${number}`;
      const sent = { ...emptyMessage, addressing: { action: `a${number}`, to }, body: undefined };
      expect(decoded(encoded(sent, writer), reader).addressing).toMatchObject(sent.addressing);
    }
  });

  it('are refused where they are cut, have more behind them, or are no messages', () => {
    fc.assert(
      fc.property(message, fc.nat(), (one, at) => {
        const bytes = encoded(one);
        expect(() => decoded(bytes.slice(0, at % bytes.length))).toThrow(WireError);
        expect(() => decoded(Uint8Array.of(...bytes, 0))).toThrow(WireError);
      }),
    );
  });

  it('are refused with what XML has not', () => {
    const name = (text: string) => ({
      ...emptyMessage,
      body: element({ ns: '', prefix: '', name: text }),
    });
    for (const bad of ['a b', '<a>', '', 'a:b', '1', '!--', '?x', 'a/']) {
      expect(() => decoded(encoded(name(bad)))).toThrow('no name of XML');
    }
    const body = (text: string) => ({
      ...emptyMessage,
      body: element({ ns: '', prefix: '', name: 'a' }, [], text),
    });
    for (const bad of ['\u0000', 'a\u001b[31m', '\uffff', `${'x'.repeat(70_000)}\u0001`]) {
      expect(() => decoded(encoded(body(bad)))).toThrow('a character that XML does not have');
    }
    expect(decoded(encoded(body('x'.repeat(70_000)))).body?.childNodes).toHaveLength(1);
  });

  it('are refused deeper, or with more elements, than XML may have', () => {
    const name = { ns: '', prefix: '', name: 'a' };
    let deep = element(name);
    for (let depth = 1; depth <= 64; depth += 1) deep = element(name, [], deep);
    expect(() => decoded(encoded({ ...emptyMessage, body: deep }))).toThrow('nested too deep');
    const many = element(name, [], ...Array.from({ length: 8192 }, () => element(name)));
    expect(() => decoded(encoded({ ...emptyMessage, body: many }))).toThrow('too many elements');
  });

  it('are refused with more namespace declarations around an element, or longer ones, than XML may have', () => {
    const declared = (count: number) =>
      Array.from({ length: count }, (_, index) => declaration(`p${index}`, 'urn:u'));
    const name = { ns: 'urn:a', prefix: 'a', name: 'a' };
    const nested = (...counts: number[]) =>
      counts.reduceRight((inner, count) => element(name, declared(count), inner), element(name));
    const within = { ...emptyMessage, body: nested(64, 63, 1) };
    expect(decoded(encoded(within)).body).toBeDefined();
    const beyond = { ...emptyMessage, body: nested(64, 63, 2) };
    expect(() => decoded(encoded(beyond))).toThrow('too many namespace declarations');
    const long = 'u'.repeat(513);
    for (const body of [element({ ...name, ns: long }), element(name, [declaration('p', long)])]) {
      expect(() => decoded(encoded({ ...emptyMessage, body }))).toThrow(
        'a namespace that is too long',
      );
    }
  });

  it('are refused where a tag binds a prefix as XML does not, so that what is sent on is what was read', () => {
    const xmlns = 'http://www.w3.org/2000/xmlns/';
    const xml = 'http://www.w3.org/XML/1998/namespace';
    const own = { ns: 'urn:a', prefix: 'a', name: 'a' };
    const plain = (name: string) => attribute({ ns: '', prefix: '', name }, 'v');
    const good = [
      element(own, [attribute({ ns: xml, prefix: 'xml', name: 'lang' }, 'en'), plain('b')]),
      element(own, [declaration('a', 'urn:a'), attribute({ ...own, name: 'b' }, 'v')]),
      element({ ns: '', prefix: '', name: 'xmlns' }, [plain('xml')]),
    ];
    for (const body of good) expect(decoded(encoded({ ...emptyMessage, body })).body).toBeDefined();
    const bad = [
      element({ ns: 'urn:a', prefix: 'xmlns', name: 'a' }),
      element({ ns: xmlns, prefix: 'a', name: 'a' }),
      element({ ns: 'urn:a', prefix: 'xml', name: 'a' }),
      element({ ns: xml, prefix: 'a', name: 'a' }),
      element({ ns: '', prefix: 'a', name: 'a' }),
      element(own, [plain('xmlns')]),
      element(own, [attribute({ ns: 'urn:b', prefix: 'xmlns', name: 'a' }, 'urn:b')]),
      element(own, [attribute({ ns: xmlns, prefix: 'b', name: 'a' }, 'urn:b')]),
      element(own, [attribute({ ns: 'urn:b', prefix: '', name: 'b' }, 'v')]),
      element(own, [attribute({ ns: '', prefix: 'b', name: 'b' }, 'v')]),
      element(own, [declaration('a', 'urn:b')]),
      element(own, [attribute({ ns: 'urn:b', prefix: 'a', name: 'b' }, 'v')]),
      element(own, [plain('b'), plain('b')]),
      element(own, [declaration('b', 'urn:b'), declaration('b', 'urn:b')]),
      element({ ...own, ns: 'urn:a ' }),
      element(own, [declaration('b', ' urn:b')]),
    ];
    for (const body of bad) {
      expect(() => decoded(encoded({ ...emptyMessage, body }))).toThrow(
        /prefix that XML does not bind so|tag that XML does not have|white space around/,
      );
    }
  });

  it('are refused, or XML that says the same, whatever was changed in their bytes', () => {
    const whole = encoded(everything());
    let read = 0;
    for (let stream = 0; stream < 12_000; stream += 1) {
      const changed = readOrRefused(mutateBytes(new Random(7, stream), whole));
      for (const part of changed === undefined ? [] : elementsOf(changed)) {
        const text = canonicalize(part);
        expect(canonicalize(parseXml(text))).toBe(text);
        read += 1;
      }
    }
    expect(read).toBeGreaterThan(300);
  });
});

/** A message with attributes, namespaces and text of all kinds. */
function everything(): SoapMessage {
  const text =
    '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:k="urn:k">' +
    '<S:Header><w:Action xmlns:w="http://www.w3.org/2005/08/addressing">urn:a</w:Action>' +
    '<k:H k:a="1" xml:lang="en">x</k:H></S:Header><S:Body><k:Ask a="1" k:b="2">' +
    '<k:B xmlns:z="urn:z" z:q="k:n">text \u00e9 &amp; more</k:B><C xmlns="urn:d"/></k:Ask></S:Body></S:Envelope>';
  return readEnvelope(text, () => true);
}

function readOrRefused(bytes: Uint8Array): SoapMessage | undefined {
  try {
    return decoded(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function elementsOf({ headers, body }: SoapMessage): readonly XmlElement[] {
  return body === undefined ? headers : [...headers, body];
}
