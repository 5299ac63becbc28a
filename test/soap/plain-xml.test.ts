import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize } from '../../src/soap/canonical.js';
import { newMessageId } from '../../src/soap/client.js';
import { defaultXmlLimits, parseXml, XmlError } from '../../src/soap/parse-xml.js';
import { parsePlain } from '../../src/soap/plain-xml.js';
import type { XmlElement, XmlLimits } from '../../src/soap/xml.js';
import { signerOf } from '../support/soap-parties.js';
import { body, signed } from './harness.js';

/** What the general parser makes of it: a comment is for that one only. */
function general(text: string, limits: XmlLimits = defaultXmlLimits): XmlElement | 'refused' {
  try {
    return parseXml(`${text}<!---->`, limits);
  } catch (error) {
    if (error instanceof XmlError) return 'refused';
    throw error;
  }
}

/** What `parsePlain` makes of it, with all that it leaves unread until somebody looks. */
function plain(text: string, limits: XmlLimits = defaultXmlLimits): XmlElement | undefined {
  const root = parsePlain(text, limits);
  if (root !== undefined) canonicalize(root);
  return root;
}

const message = signed(
  signerOf('a'),
  { to: 'http://b/port', action: 'urn:test/Ask', messageId: newMessageId() },
  body('Ask', 'hello'),
);

describe('parsePlain', () => {
  it('reads a signed message, and makes the tree of the general parser', () => {
    const read = plain(message);
    expect(read).toBeDefined();
    expect(read).toEqual(general(message));
    // The tags are remembered by now.
    expect(plain(message)).toEqual(general(message));
  });

  it.each([
    '<a/>',
    '<a></a>\n',
    '<a xmlns="u" b="1"><c xmlns=""/><d xmlns:p="v" p:e="2" e=\'"\' /></a>',
    '<p:a xmlns:p="1"><p:a xmlns:p="2" p:b="x"/><p:a p:b="x">t\n</p:a></p:a>',
    '<a\n\tb = "1"\n><c  /></a>',
    '<constructor __proto__="1"><toString xmlns:constructor="u" constructor:a="1"/></constructor>',
  ])('reads %s', (text) => {
    const read = plain(text);
    expect(read).toBeDefined();
    expect(read).toEqual(general(text));
  });

  it('reads a tag anew where its prefix is bound to something else', () => {
    for (const uri of ['u', 'v', 'u']) {
      const text = `<a xmlns:p="${uri}"><p:b p:c="1"/></a>`;
      expect(plain(text)).toEqual(general(text));
    }
  });

  it.each([
    '<a>&amp;</a>',
    '<a b="&lt;"/>',
    '<a>\u00e4</a>',
    '<a>\r</a>',
    '<a b="1\n2"/>',
    '<a>]]></a>',
    '<a b=">"/>',
    '<a xml:lang="en"/>',
    '<!-- --><a/>',
    '<a><![CDATA[]]></a>',
    '<?xml version="1.0"?><a/>',
    '<a><?x?></a>',
    ' <a/>',
    '<a/>x',
    '<a/><a/>',
    '<a></b>',
    '<a></a >',
    '<a></a b="1">',
    `<a b="${'x'.repeat(1024)}"/>`,
    '<a><b></a></b>',
    '<a>',
    '</a>',
    '<a b="1" b="2"/>',
    '<a b="1"c="2"/>',
    '<a b=1/>',
    '<a b="<"/>',
    '<a b/>',
    '<a / >',
    '<a:/>',
    '<:a/>',
    '<a:b:c xmlns:a="u"/>',
    '<1/>',
    '< a/>',
    '<p:a/>',
    '<a p:b="1"/>',
    '<a xmlns:p=""/>',
    '<a xmlns:p=" u"/>',
    '<a xmlns:xml="u"/>',
    '<a xmlns:xmlns="u"/>',
    '<xmlns:a/>',
    '<a xmlns="http://www.w3.org/2000/xmlns/"/>',
    '<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>',
    '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>',
    '',
    'text',
  ])('leaves %j to the general parser', (text) => {
    expect(plain(text)).toBeUndefined();
  });

  it.each([
    ['elements', '<a><a/><a/><a/></a>', { elements: 3 }],
    ['depth', '<a><a><a></a></a></a>', { depth: 2 }],
    ['depth of what is empty', '<a><a><a/></a></a>', { depth: 2 }],
    ['attributes', '<a b="" c="" d=""/>', { attributes: 2 }],
    ['bindings', '<a xmlns:b="u"><a xmlns:c="u"/></a>', { bindings: 1 }],
    ['a namespace', '<a xmlns="uuuu"/>', { namespace: 3 }],
  ])('reads no more than the limit of %s', (_, text, less) => {
    expect(plain(text)).toEqual(general(text));
    const limits = { ...defaultXmlLimits, ...less };
    expect(plain(text, limits)).toBeUndefined();
    expect(() => parseXml(text, limits)).toThrow(XmlError);
  });

  it('never differs from the general parser', () => {
    const pieces = fc.constantFrom(
      ...['<', '>', '</', '/>', '"', "'", '=', ':', ' ', '\n', '\t', '&', '&lt;', '<!--', '-->'],
      ...['xmlns', 'xmlns:p', 'p:', 'q:', '="u"', '="v"', 'xml:', ' a="1"', ' p:a="2"', '<p:b>'],
      ...['</p:b>', '<b/>', ']]>', '<![CDATA[', '\u00e4', '\ud800', '\u0001', '\r', '/', '?>'],
    );
    const change = fc.record({ at: fc.nat(), cut: fc.nat(12), piece: pieces });
    const documents = fc.constantFrom(
      message,
      '<a xmlns="u" xmlns:p="v"><p:b p:c="1" d="2">x</p:b><b><q:c xmlns:q="v"/></b></a>',
    );
    fc.assert(
      fc.property(documents, fc.array(change, { minLength: 1, maxLength: 3 }), (text, changes) => {
        let changed = text;
        for (const { at, cut, piece } of changes) {
          const from = at % (changed.length + 1);
          changed = changed.slice(0, from) + piece + changed.slice(from + cut);
        }
        const read = plain(changed);
        if (read !== undefined) expect(read).toEqual(general(changed));
      }),
      { numRuns: 2000 },
    );
  });
});
