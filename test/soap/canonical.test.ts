import { spawnSync } from 'node:child_process';
import { DOMParser } from '@xmldom/xmldom';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExclusiveCanonicalization } from 'xml-crypto';
import {
  canonicalize,
  compareCodePoints,
  serialize,
  writeWithin,
} from '../../src/soap/canonical.js';
import { parseXml } from '../../src/soap/parse-xml.js';
import { childElements } from '../../src/soap/xml.js';

describe('canonicalize', () => {
  it.each([
    ['an empty element', '<a/>', '<a></a>'],
    ['text', '<a>&lt;&gt;&amp;"\'&#13;\t\n</a>', '<a>&lt;&gt;&amp;"\'&#xD;\t\n</a>'],
    [
      'attribute values',
      '<a b="&lt;>&amp;&quot;\'&#9;&#10;&#13;"/>',
      '<a b="&lt;>&amp;&quot;\'&#x9;&#xA;&#xD;"></a>',
    ],
    ['CDATA and comments', '<a><![CDATA[<b>]]><!-- c --></a>', '<a>&lt;b&gt;</a>'],
    [
      'attributes in order of namespace and name',
      '<a xmlns:y="urn:1" xmlns:x="urn:2" x:b="1" y:c="2" y:a="3" z="4" b="5"/>',
      '<a xmlns:x="urn:2" xmlns:y="urn:1" b="5" z="4" y:a="3" y:c="2" x:b="1"></a>',
    ],
    [
      'attributes whose namespaces begin alike',
      '<a xmlns:x="urn:b" xmlns:y="urn:bc" x:d="1" y:a="2"/>',
      '<a xmlns:x="urn:b" xmlns:y="urn:bc" x:d="1" y:a="2"></a>',
    ],
    ['an attribute whose name begins with xmlns', '<a xmlnsx="1"/>', '<a xmlnsx="1"></a>'],
    [
      'prefixes by code point',
      '<B:a xmlns:a="1" xmlns:B="2" a:c=""/>',
      '<B:a xmlns:B="2" xmlns:a="1" a:c=""></B:a>',
    ],
    [
      'a namespace with special characters',
      '<p:a xmlns:p="u&quot; x=&quot;y&lt;&amp;"/>',
      '<p:a xmlns:p="u&quot; x=&quot;y&lt;&amp;"></p:a>',
    ],
    [
      'unused namespaces',
      '<a xmlns:p="u"><p:b/><p:c/></a>',
      '<a><p:b xmlns:p="u"></p:b><p:c xmlns:p="u"></p:c></a>',
    ],
    [
      'a prefix bound anew and back',
      '<p:a xmlns:p="1"><p:a xmlns:p="2"><p:a xmlns:p="1"/></p:a></p:a>',
      '<p:a xmlns:p="1"><p:a xmlns:p="2"><p:a xmlns:p="1"></p:a></p:a></p:a>',
    ],
    [
      'the default namespace taken back',
      '<a xmlns="u"><b xmlns=""><c xmlns="u"/></b></a>',
      '<a xmlns="u"><b xmlns=""><c xmlns="u"></c></b></a>',
    ],
    [
      'the default namespace across a prefixed element',
      '<a xmlns="u"><p:b xmlns:p="v" xmlns=""><c/></p:b></a>',
      '<a xmlns="u"><p:b xmlns:p="v"><c xmlns=""></c></p:b></a>',
    ],
    ['xml:lang', '<a xml:lang="en" b="1"/>', '<a b="1" xml:lang="en"></a>'],
  ])('writes %s', (_, text, canonical) => {
    expect(canonicalize(parseXml(text))).toBe(canonical);
  });

  it('writes the namespaces of a prefix list where they are bound', () => {
    const root = parseXml(
      '<a xmlns:p="1" xmlns:q="2" xmlns="3"><b><c xmlns:p="4"/><d xmlns:p="1"/></b></a>',
    );
    const [b] = childElements(root);
    const of = (...prefixes: string[]) => b && canonicalize(b, prefixes);
    expect(of('p')).toBe('<b xmlns="3" xmlns:p="1"><c xmlns:p="4"></c><d></d></b>');
    expect(of('q', 'unbound')).toBe('<b xmlns="3" xmlns:q="2"><c></c><d></d></b>');
    const prefixed = parseXml('<a xmlns="3"><p:b xmlns:p="1" p:q="x"/></a>');
    const [inner] = childElements(prefixed);
    expect(inner && canonicalize(inner, ['#default', 'q'])).toBe(
      '<p:b xmlns="3" xmlns:p="1" p:q="x"></p:b>',
    );
  });

  it('leaves the tree as it is', () => {
    const root = parseXml('<a xmlns:p="1"><b p:c="2" a="1"/></a>');
    const before = JSON.stringify(root);
    for (const part of [root, ...childElements(root)]) canonicalize(part, ['p', '#default']);
    expect(JSON.stringify(root)).toBe(before);
  });

  it('agrees with xml-crypto, whole and in part, with and without a prefix list', () => {
    fc.assert(
      fc.property(documents, fc.subarray(['p', 'q', 'r']), (text, prefixes) => {
        const root = parseXml(text);
        expect(canonicalize(root, prefixes)).toBe(theirs(text, [], prefixes));
        childElements(root).forEach((part, index) => {
          expect(canonicalize(part, prefixes)).toBe(theirs(text, [index], prefixes));
        });
      }),
    );
  });

  it.skipIf(spawnSync('xmllint', ['--version']).status !== 0)('agrees with libxml2', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const { stdout } = spawnSync('xmllint', ['--exc-c14n', '-'], { input: text });
        expect(canonicalize(parseXml(text))).toBe(stdout.toString());
      }),
      { numRuns: 40 },
    );
  });

  it('writes what parses to the same and is canonical already', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const canonical = canonicalize(parseXml(text));
        expect(canonicalize(parseXml(canonical))).toBe(canonical);
      }),
    );
  });
});

describe('writeWithin', () => {
  it('writes what has the same canonical form where it stands', () => {
    fc.assert(
      fc.property(fragments, fc.subarray(['p', 'q', 'r']), (fragment, prefixes) => {
        const place = (text: string) => parseXml(`<s ${bindings}>${text}</s>`);
        const around = place('').scope;
        const [part] = childElements(place(fragment));
        const [copy] = part ? childElements(place(writeWithin(around, part, prefixes))) : [];
        expect(copy && canonicalize(copy, prefixes)).toBe(part && canonicalize(part, prefixes));
      }),
    );
  });

  it('does not repeat what is bound around', () => {
    const [part] = childElements(parseXml('<s xmlns:p="1"><p:a><q:b xmlns:q="2"/></p:a></s>'));
    const around = { prefix: 'p', uri: '1', outer: undefined };
    expect(part && writeWithin(around, part)).toBe('<p:a><q:b xmlns:q="2"></q:b></p:a>');
    expect(part && writeWithin({ ...around, uri: '3' }, part)).toMatch(/^<p:a xmlns:p="1">/);
  });
});

describe('serialize', () => {
  it('keeps the declarations that content needs', () => {
    const text = '<a xmlns:p="u"><b xmlns:q="v">q:x</b></a>';
    expect(serialize(parseXml(text))).toBe(text);
  });
});

describe('compareCodePoints', () => {
  it('orders like the code points', () => {
    const points = (text: string) => Array.from(text, (c) => c.codePointAt(0) ?? 0);
    const order = (a: number[], b: number[]): number => {
      for (const [i, left] of a.entries()) {
        const right = b[i];
        if (right === undefined) return 1;
        if (left !== right) return left - right;
      }
      return a.length - b.length;
    };
    const text = fc.string({ unit: 'binary', maxLength: 5 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(order(points(a), points(b))));
      }),
    );
    expect(compareCodePoints('\ufffd', '😀')).toBeLessThan(0);
  });
});

/** What xml-crypto makes of the element at the path, over a DOM of its own. */
function theirs(text: string, path: readonly number[], prefixes: string[]): string {
  let node: Element = new DOMParser().parseFromString(text, 'text/xml').documentElement;
  const ancestors: { prefix: string; namespaceURI: string }[] = [];
  for (const index of path) {
    for (const { name, value } of Array.from(node.attributes)) {
      if (name.startsWith('xmlns:')) ancestors.push({ prefix: name.slice(6), namespaceURI: value });
    }
    const [...children] = Array.from(node.childNodes).filter(({ nodeType }) => nodeType === 1);
    node = children[index] as Element;
  }
  const own = Array.from(node.attributes).map(({ name }) => name);
  return new ExclusiveCanonicalization().process(node, {
    inclusiveNamespacesPrefixList: prefixes,
    ancestorNamespaces: ancestors.filter(({ prefix }) => !own.includes(`xmlns:${prefix}`)),
  });
}

/** Text and values as they are written in a document. */
const written = fc
  .array(
    fc.constantFrom('a', 'b ', '&lt;', '&gt;', '&amp;', '&quot;', '&#13;', '&#x9;', 'ä', '😀'),
    {
      maxLength: 4,
    },
  )
  .map((parts) => parts.join(''));
const uris = fc.constantFrom('urn:p', 'urn:q', 'urn:r', 'urn:s');
const localNames = fc.constantFrom('a', 'b', 'c', 'B');

interface Node {
  readonly prefix: string;
  readonly name: string;
  readonly declared: Readonly<Record<string, string>>;
  readonly attributes: readonly (readonly [prefix: string, name: string, value: string])[];
  readonly content: readonly (string | Node)[];
}

const { node: nodes } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.record({
    prefix: fc.constantFrom('', 'p', 'q', 'r'),
    name: localNames,
    declared: fc.dictionary(fc.constantFrom('xmlns', 'xmlns:p', 'xmlns:q', 'xmlns:r'), uris, {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    attributes: fc.uniqueArray(fc.tuple(fc.constantFrom('', 'p', 'q'), localNames, written), {
      maxLength: 3,
      selector: ([, name]) => name,
    }),
    content: fc.array(fc.oneof({ depthSize: 'small' }, written, tie('node')), { maxLength: 3 }),
  }),
}));

const bindings = 'xmlns:p="urn:p" xmlns:q="urn:q" xmlns:r="urn:r"';

/** Elements with text, attributes, and prefixes bound anew at any place. */
const fragments = nodes.map(write);
const documents = nodes.map((root) =>
  write({
    ...root,
    declared: { 'xmlns:p': 'urn:p', 'xmlns:q': 'urn:q', 'xmlns:r': 'urn:r', ...root.declared },
  }),
);

function write({ prefix, name, declared, attributes, content }: Node): string {
  const tag = prefix === '' ? name : `${prefix}:${name}`;
  const pairs = [
    ...Object.entries(declared),
    ...attributes.map(([p, n, value]) => [p === '' ? n : `${p}:${n}`, value] as const),
  ];
  const inner = content.map((part) => (typeof part === 'string' ? part : write(part))).join('');
  return `<${tag}${pairs.map(([key, value]) => ` ${key}="${value}"`).join('')}>${inner}</${tag}>`;
}
