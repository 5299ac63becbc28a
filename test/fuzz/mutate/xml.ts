import type { Random } from '../support/random.js';
import { replaceRange, type Span, spansOf, textOfSpan } from './markup.js';

type Mutator = (random: Random, text: string, spans: readonly Span[]) => string;

/** Values that the messages have no room for, and some that they do. */
const values = [
  '',
  ' ',
  '0',
  '1',
  '-1',
  '2147483648',
  '9007199254740993',
  '1e308',
  'NaN',
  'true',
  'urn:uuid:00000000-0000-0000-0000-000000000000',
  '00000000-0000-8000-8000-000000000000',
  '../../etc/passwd',
  'nobody',
  '\u202e\u0000'.replace('\u0000', ''),
  '&#0;',
  '&#x10FFFF;',
  '&lt;Envelope/&gt;',
  '&undefined;',
  '<![CDATA[<x>]]>',
  'AAAA',
  '%00%0a',
  "' or '1'='1",
];

const mutators: readonly Mutator[] = [
  function remove(random, text, spans) {
    const { start, end } = random.pick(spans);
    return replaceRange(text, start, end, '');
  },
  function double(random, text, spans) {
    const span = random.pick(spans);
    return replaceRange(text, span.end, span.end, textOfSpan(text, span));
  },
  function exchange(random, text, spans) {
    const [a, b] = [random.pick(spans), random.pick(spans)].sort((x, y) => x.start - y.start);
    if (a === undefined || b === undefined || a.end > b.start) return text;
    const between = text.slice(a.end, b.start);
    const turned = textOfSpan(text, b) + between + textOfSpan(text, a);
    return replaceRange(text, a.start, b.end, turned);
  },
  function move(random, text, spans) {
    const [moved, into] = [random.pick(spans), random.pick(spans)];
    const copy = replaceRange(text, into.contentStart, into.contentStart, textOfSpan(text, moved));
    if (into.contentStart > moved.start) return copy;
    const shift = moved.end - moved.start;
    return replaceRange(copy, moved.start + shift, moved.end + shift, '');
  },
  function rename(random, text, spans) {
    const { start, name } = random.pick(spans);
    const other = random.pick(['x', 'S:Body', 'wsa:To', 'ds:Object', 'wsse:Security', 'a:b:c', '']);
    return replaceRange(text, start + 1, start + 1 + name.length, other);
  },
  function otherContent(random, text, spans) {
    const leaf = random.pick(spans.filter(({ depth }) => depth > 1).concat(spans));
    return replaceRange(text, leaf.contentStart, leaf.contentEnd, random.pick(values));
  },
  function longContent(random, text, spans) {
    const { contentStart } = random.pick(spans);
    const unit = random.pick(['A', ' ', '\u00e9', '&amp;', '<x/>']);
    return replaceRange(text, contentStart, contentStart, unit.repeat(random.between(100, 5000)));
  },
  function addedMarkup(random, text, spans) {
    const { contentStart } = random.pick(spans);
    const added = random.pick([
      '<!-- x -->',
      '<?x y?>',
      '<![CDATA[x]]>',
      '<x>',
      '</x>',
      '&x;',
      ']]>',
      '<!ENTITY x "y">',
    ]);
    return replaceRange(text, contentStart, contentStart, added);
  },
  function addedAttribute(random, text, spans) {
    const { start, name } = random.pick(spans);
    const added = random.pick([
      ' wsu:Id="body"',
      ' Id="token"',
      ' xml:id="body"',
      ' S:mustUnderstand="1"',
      ' S:role="urn:other"',
      ' wsa:IsReferenceParameter="true"',
      ' xmlns="urn:evil"',
      ' xmlns:wsa="urn:evil"',
      ' xmlns:x=""',
      ' a="1" a="2"',
      ' q:a="1"',
      ' xml:base="http://127.0.0.1/"',
    ]);
    const at = start + 1 + name.length;
    return replaceRange(text, at, at, added);
  },
  function otherAttribute(random, text) {
    const found = [...text.matchAll(/="([^"]*)"/g)];
    if (found.length === 0) return text;
    const { index, 1: value = '' } = random.pick(found);
    return replaceRange(
      text,
      index + 2,
      index + 2 + value.length,
      random.pick(values.slice(0, 15)),
    );
  },
  function lostAttribute(random, text) {
    const found = [...text.matchAll(/ [\w:]+="[^"]*"/g)];
    if (found.length === 0) return text;
    const match = random.pick(found);
    return replaceRange(text, match.index, match.index + match[0].length, '');
  },
  function nextNumber(random, text) {
    const found = [...text.matchAll(/>(\d{1,16})</g)];
    if (found.length === 0) return text;
    const { index, 1: digits = '0' } = random.pick(found);
    const next = String(Number(digits) + random.pick([1, -1, 1_000_000]));
    return replaceRange(text, index + 1, index + 1 + digits.length, next);
  },
];

/** Other markup, made by one to three changes of structure, names or values. */
export function mutateXml(random: Random, original: string): string {
  let text = original;
  for (let left = random.oneIn(2) ? 1 : random.between(1, 3); left > 0; left -= 1) {
    const spans = spansOf(text);
    if (spans.length === 0) break;
    text = random.pick(mutators)(random, text, spans);
  }
  return text === original ? `${original}<x/>` : text;
}
