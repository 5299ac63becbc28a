import type { Random } from '../support/random.js';
import { replaceRange, type Span, spansOf, textOfSpan } from './markup.js';

/** Where the signed part is put, so that its signature still finds it. */
const places = [
  { name: 'in a header block', tag: 'S:Header', wrap: (part: string) => `<w>${part}</w>` },
  { name: 'as a header block', tag: 'S:Header', wrap: (part: string) => part },
  {
    name: 'in a block for another role',
    tag: 'S:Header',
    wrap: (part: string) => `<w S:role="urn:other" S:actor="urn:other">${part}</w>`,
  },
  { name: 'in the security header', tag: 'wsse:Security', wrap: (part: string) => part },
  {
    name: 'in an Object of the signature',
    tag: 'ds:Signature',
    wrap: (part: string) => `<ds:Object>${part}</ds:Object>`,
  },
  { name: 'in the signed information', tag: 'ds:SignedInfo', wrap: (part: string) => part },
  { name: 'in the key information', tag: 'ds:KeyInfo', wrap: (part: string) => part },
  { name: 'in the body', tag: 'S:Body', wrap: (part: string) => part },
  { name: 'beside the body', tag: 'S:Envelope', wrap: (part: string) => part },
] as const;

/** What becomes of the id of the part that takes the place. */
const identities = [
  { name: 'the same id', make: (start: string) => start },
  { name: 'no id', make: (start: string) => start.replace(/ wsu:Id="[^"]*"/, '') },
  {
    name: 'another id',
    make: (start: string) => start.replace(/ wsu:Id="[^"]*"/, ' wsu:Id="evil"'),
  },
  { name: 'an id of another kind', make: (start: string) => start.replace(/ wsu:Id=/, ' Id=') },
  { name: 'an xml:id', make: (start: string) => start.replace(/ wsu:Id=/, ' xml:id=') },
  {
    name: 'an id with spaces',
    make: (start: string) => start.replace(/ wsu:Id="([^"]*)"/, ' wsu:Id=" $1 "'),
  },
] as const;

/** A whole message carried by another one, whose signature is meant to speak for both. */
const envelopes: readonly ((text: string, evil: string) => string)[] = [
  (text, evil) => evil.replace('</S:Header>', `<w>${text}</w></S:Header>`),
  (text, evil) => evil.replace('</S:Body>', `${text}</S:Body>`),
  (text, evil) => text.replace('</S:Envelope>', `${evil}</S:Envelope>`),
  (text, evil) => text + evil,
];

/**
 * Signature wrapping (McIntosh and Austel, 2005): a signed part of the message is put elsewhere, and a
 * changed one takes its place. No receiver may take what comes of it.
 */
export function wrapSignature(random: Random, signed: string): string {
  if (random.oneIn(10))
    return random.pick(envelopes)(signed, withoutSecurity(evilOf(random, signed)));
  const parts = spansOf(signed).filter((span) =>
    signed.slice(span.start, span.contentStart).includes(' wsu:Id="'),
  );
  const part = random.pick(parts);
  const original = textOfSpan(signed, part);
  const evil = evilPart(random, signed, part);
  const replaced = replaceRange(signed, part.start, part.end, evil);
  const place = random.pick(places);
  const target = spansOf(replaced).find(({ name }) => name === place.tag);
  if (target === undefined) return replaced;
  const at = random.oneIn(2) ? target.contentEnd : target.contentStart;
  return replaceRange(replaced, at, at, place.wrap(original));
}

/** The part with other content, under an id or none. */
function evilPart(random: Random, signed: string, part: Span): string {
  const start = random.pick(identities).make(signed.slice(part.start, part.contentStart));
  const content = signed.slice(part.contentStart, part.contentEnd);
  return `${start}${evilContent(random, content)}${signed.slice(part.contentEnd, part.end)}`;
}

function evilContent(random: Random, content: string): string {
  const value = /[A-Za-z0-9+/=.:-]{4,}(?=<|$)/.exec(content);
  if (value === null || random.oneIn(4)) return `${content}<x/>`;
  const [text] = value;
  return replaceRange(content, value.index, value.index + text.length, evilValue(random, text));
}

function evilValue(random: Random, text: string): string {
  if (/^\d+$/.test(text)) return String(Number(text) + 1);
  if (text.startsWith('http')) return 'http://127.0.0.1:1/evil';
  return `${random.hex(2)}${text}`;
}

function evilOf(random: Random, signed: string): string {
  const body = spansOf(signed).find(({ name }) => name === 'S:Body');
  return body === undefined
    ? signed
    : replaceRange(signed, body.start, body.end, evilPart(random, signed, body));
}

function withoutSecurity(text: string): string {
  const security = spansOf(text).find(({ name }) => name === 'wsse:Security');
  return security === undefined ? text : replaceRange(text, security.start, security.end, '');
}
