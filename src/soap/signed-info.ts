import { algorithms, namespaces } from './vocabulary.js';
import type { XmlElement } from './xml.js';

/** A reference of a signature. */
export interface SignatureReference {
  readonly id: string;
  /** Whether the id is that of a reference to the security token, and the token is what is signed. */
  readonly isOfToken: boolean;
  readonly inclusivePrefixes: readonly string[];
  /** SHA-256 in base64. */
  readonly digest: string;
}

/** What a `ds:SignedInfo` says. */
export interface SignedInfo {
  readonly method: string;
  readonly references: readonly SignatureReference[];
  /** Its canonical form, where that is known from reading it. */
  readonly canonical: string | undefined;
  /** InclusiveNamespaces PrefixList for its canonical form. */
  readonly inclusivePrefixes: readonly string[];
}

const open = `<ds:SignedInfo xmlns:ds="${namespaces.ds}">`;
const close = '</ds:SignedInfo>';
const referenceOpen = '<ds:Reference URI="#';
const transformOpen = `"><ds:Transforms><ds:Transform Algorithm="${algorithms.excC14n}">`;
const digestOpen =
  '</ds:Transform></ds:Transforms>' +
  `<ds:DigestMethod Algorithm="${algorithms.sha256}"></ds:DigestMethod><ds:DigestValue>`;
const referenceClose = '</ds:DigestValue></ds:Reference>';

const methodsText = (method: string): string =>
  `<ds:CanonicalizationMethod Algorithm="${algorithms.excC14n}"></ds:CanonicalizationMethod>` +
  `<ds:SignatureMethod Algorithm="${method}"></ds:SignatureMethod>`;

/** What a `ds:SignedInfo` holds, in canonical form. */
export function writeSignedInfo(method: string, references: readonly SignatureReference[]): string {
  return methodsText(method) + references.map(writeReference).join('');
}

/** The canonical form of a `ds:SignedInfo` that holds what `writeSignedInfo` returns. */
export function canonicalSignedInfo(content: string): string {
  return open + content + close;
}

function writeReference({ id, digest, inclusivePrefixes }: SignatureReference): string {
  const inclusive =
    inclusivePrefixes.length === 0
      ? ''
      : `<ec:InclusiveNamespaces xmlns:ec="${namespaces.excC14n}"` +
        ` PrefixList="${inclusivePrefixes.join(' ')}"></ec:InclusiveNamespaces>`;
  return referenceOpen + id + transformOpen + inclusive + digestOpen + digest + referenceClose;
}

/** A `ds:SignedInfo` in the form in which nodes write it, as it stands in a text. */
export interface OwnSignedInfo {
  readonly info: SignedInfo;
  /** Elements in it. */
  readonly elements: number;
  /** Where its end tag begins. */
  readonly end: number;
}

const methods = [algorithms.ecdsaSha256, algorithms.rsaSha256].map((method) => ({
  method,
  text: methodsText(method),
}));
/** With more of them it is not read as a whole. */
const ownReferencesMax = 64;
const digestLength = 44;
const digestForm = /^[A-Za-z0-9+/]{43}=$/;
const idLengthMax = 256;
const idForm = /^[A-Za-z_][A-Za-z0-9._-]*$/;

/**
 * Reads what `writeSignedInfo` has written at this place of a text, where no reference has a prefix list, up to the end
 * tag. `undefined` where anything else stands there. The prefix `ds` must be bound as it should be.
 */
export function readOwnSignedInfo(text: string, from: number): OwnSignedInfo | undefined {
  const found = methods.find((candidate) => text.startsWith(candidate.text, from));
  if (found === undefined) return undefined;
  const references: SignatureReference[] = [];
  let at = from + found.text.length;
  while (text.startsWith(referenceOpen, at)) {
    const reference = readReference(text, at + referenceOpen.length);
    if (reference === undefined || references.length >= ownReferencesMax) return undefined;
    references.push(reference);
    at += referenceLength + reference.id.length;
  }
  if (references.length === 0 || !text.startsWith(close, at)) return undefined;
  const canonical = canonicalSignedInfo(text.slice(from, at));
  const elements = elementsOfMethods + references.length * elementsOfReference;
  const info = { method: found.method, references, canonical, inclusivePrefixes: [] };
  return { info, elements, end: at };
}

const elementsOfMethods = 2;
const elementsOfReference = 5;
/** Levels of elements in it. */
export const signedInfoDepth = 3;
const referenceLength =
  referenceOpen.length +
  transformOpen.length +
  digestOpen.length +
  digestLength +
  referenceClose.length;

function readReference(text: string, from: number): SignatureReference | undefined {
  const idEnd = text.indexOf('"', from);
  if (idEnd < 0 || idEnd - from > idLengthMax) return undefined;
  const id = text.slice(from, idEnd);
  const digestFrom = idEnd + transformOpen.length + digestOpen.length;
  const digest = text.slice(digestFrom, digestFrom + digestLength);
  const isOwn =
    idForm.test(id) &&
    text.startsWith(transformOpen, idEnd) &&
    text.startsWith(digestOpen, idEnd + transformOpen.length) &&
    digestForm.test(digest) &&
    text.startsWith(referenceClose, digestFrom + digestLength);
  return isOwn ? { id, isOfToken: false, inclusivePrefixes: [], digest } : undefined;
}

const known = new WeakMap<XmlElement, SignedInfo>();

/** The parser has found that this is what the element says, in the own form. */
export function rememberOwn(element: XmlElement, info: SignedInfo): void {
  known.set(element, info);
}

/** What the element says, where the parser has found it to be of the own form. */
export function ownSignedInfo(element: XmlElement): SignedInfo | undefined {
  return known.get(element);
}
