import { describe, expect, it } from 'vitest';
import { defaultXmlLimits, parseXml, readHead, XmlError } from '../../src/soap/parse-xml.js';
import { attributeOf, child, childElements, lookUp, textOf } from '../../src/soap/xml.js';

/** Elements in one another, each with so many declarations of its own. */
function nested(depth: number, declarations: number): string {
  const names = Array.from({ length: declarations }, (_, i) => ` xmlns:p${i}="u${i}"`).join('');
  return `${`<a${names}>`.repeat(depth)}${'</a>'.repeat(depth)}`;
}

describe('parseXml', () => {
  it('makes a tree of elements, attributes and text with their namespaces', () => {
    const root = parseXml(
      '<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="u" xmlns:p="v"><p:b p:c="1" d="2"> x </p:b>y</a>\n',
    );
    expect(root.tagName).toBe('a');
    expect(root.namespaceURI).toBe('u');
    const b = child(root, 'v', 'b');
    expect(b && attributeOf(b, 'v', 'c')).toBe('1');
    expect(b && attributeOf(b, '', 'd')).toBe('2');
    expect(b && textOf(b)).toBe('x');
    expect(lookUp(b?.scope, 'p')).toBe('v');
    expect(lookUp(b?.scope, '')).toBe('u');
    expect(lookUp(b?.scope, 'q')).toBeUndefined();
  });

  it('makes one text of text, comments and CDATA sections, and none where there is none', () => {
    const root = parseXml('<a>one<!-- <b/> -->two<![CDATA[<c/>]]>&amp;&#x41;<b/><!----></a>');
    expect(root.childNodes.map((node) => (node.nodeType === 3 ? node.data : node.tagName))).toEqual(
      ['onetwo<c/>&A', 'b'],
    );
    expect(textOf(parseXml('<a>user<!---->.evil</a>'))).toBe('user.evil');
  });

  it('takes what looks like a processing instruction as text in comments and CDATA sections', () => {
    const root = parseXml(
      '<a><!-- <?php ?> --><![CDATA[<?php <!-- ?>]]> &lt;?x?&gt;<!--]]>--></a>',
    );
    expect(textOf(root)).toBe('<?php <!-- ?> <?x?>');
  });

  it('normalizes line ends and white space in attributes as XML says', () => {
    const root = parseXml('<a b="1\t2\r\n3&#10;&#13;&#9;">x\ry\r\nz&#13;</a>');
    expect(attributeOf(root, '', 'b')).toBe('1 2 3\n\r\t');
    expect(root.childNodes).toMatchObject([{ data: 'x\ny\nz\r' }]);
  });

  it.each([
    ['a document type', '<!DOCTYPE a><a/>'],
    ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    [
      'an entity bomb',
      '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>',
    ],
    ['an unknown entity', '<a>&x;</a>'],
    ['an entity named like a property', '<a>&constructor;</a>'],
    ['a processing instruction', '<a><?x y?></a>'],
    ['a processing instruction before the root', '<?x y?><a/>'],
    [
      'a processing instruction after a comment with its end',
      '<a><!-- <![CDATA[ --><?x ]]> y?></a>',
    ],
    ['a comment without an end', '<a><!-- <? </a>'],
    ['a second XML declaration', '<?xml version="1.0"?><?xml version="1.0"?><a/>'],
    ['XML 1.1', '<?xml version="1.1"?><a/>'],
    ['a namespace of 513 characters', `<a xmlns:p="${'u'.repeat(513)}"/>`],
    ['129 bindings in scope', nested(3, 43)],
    ['two roots', '<a/><b/>'],
    ['no root', '  '],
    ['text after the root', '<a/>x'],
    ['an unbound prefix', '<p:a/>'],
    ['a prefix named like a property', '<constructor:a/>'],
    ['an undeclared prefix', '<a xmlns:p=""/>'],
    ['white space around a namespace', '<a xmlns:p=" u"/>'],
    ['the same attribute twice', '<a b="1" b="2"/>'],
    ['the same attribute twice by another prefix', '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>'],
    ['an unclosed element', '<a><b></a>'],
    ['a control character', '<a>\u0001</a>'],
    ['a reference to a control character', '<a>&#1;</a>'],
    ['half a surrogate pair', '<a>\ud800x</a>'],
    ['a reference to half a surrogate pair', '<a>&#xd800;</a>'],
  ])('refuses %s', (_, text) => {
    expect(() => parseXml(text)).toThrow(XmlError);
  });

  it('accepts as much as the limits say, and no more', () => {
    const limits = { length: 200, depth: 3, elements: 5, attributes: 2, bindings: 9, namespace: 9 };
    const refused = (text: string) => expect(() => parseXml(text, limits)).toThrow(XmlError);
    expect(childElements(parseXml('<a b="1" c="2"><b><c/></b><b/><b/></a>', limits))).toHaveLength(
      3,
    );
    refused('<a b="1" c="2" d="3"/>');
    refused('<a><b><c><d/></c></b></a>');
    refused('<a><b/><b/><b/><b/><b/></a>');
    refused(`<a>${'x'.repeat(200)}</a>`);
  });

  it('counts bindings in scope, not in the document', () => {
    expect(parseXml(`<r>${nested(2, 60).repeat(50)}</r>`).childNodes).toHaveLength(50);
  });

  it('leaves the encoding to who has the bytes', () => {
    expect(parseXml('<?xml version="1.0" encoding="utf-16"?><a/>').tagName).toBe('a');
  });

  it('stops at a limit before it has read on', () => {
    const deep = `${'<a>'.repeat(100_000)}`;
    expect(() => parseXml(deep)).toThrow(/nested/);
    const many = `<a ${Array.from({ length: 10_000 }, (_, i) => `a${i}="${'x'.repeat(50)}"`).join(' ')}`;
    expect(() => parseXml(many)).toThrow(/attributes/);
    expect(() => parseXml('x'.repeat(defaultXmlLimits.length + 1))).toThrow(/longer/);
  });
});

describe('readHead', () => {
  it.each([
    ['what comes after', '<r><h><x/></h><Body><y/></Body></r>'],
    ['what is no XML after it', '<r><h><x/></h><Body><</r>'],
    ['a Body that is another', '<r><h><Body/><x/></h><Body/></r>'],
  ])('reads no further than the Body: %s', (_, text) => {
    const root = readHead(text, 'Body');
    expect(root && childElements(root).map(({ tagName }) => tagName)).toEqual(['h']);
  });

  it.each(['', 'no XML', '<!DOCTYPE r><r/>'])('reads nothing in %j', (text) => {
    expect(readHead(text, 'Body')).toBeUndefined();
  });
});
