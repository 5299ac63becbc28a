import { remembered } from '../kernel/remembered.js';
import {
  declare,
  lookUp,
  type NamespaceScope,
  XML_NAMESPACE,
  XMLNS_NAMESPACE,
  type XmlAttribute,
  XmlElement,
  type XmlLimits,
  type XmlNode,
  XmlText,
} from './xml.js';

/** Anything but printable ASCII, line feeds and tabs; and references. */
const strange = /[^\t\n\x20-\x25\x27-\x7e]/;

/**
 * Reads a document as programs write most of them: a root element of printable ASCII, without comments, sections,
 * references, or `>` in any value. Returns the tree that the general parser makes of it. `undefined` says nothing of
 * the document: it is for the general parser to read or to refuse.
 */
export function parsePlain(text: string, limits: XmlLimits): XmlElement | undefined {
  if (strange.test(text)) return undefined;
  const builder = new PlainBuilder(limits);
  for (let at = 0; text[at] === '<'; ) {
    const end = text.indexOf('>', at);
    if (end < 0) return undefined;
    const isRead =
      text[at + 1] === '/' ? builder.close(text, at + 2, end) : builder.open(text, at + 1, end);
    if (!isRead) return undefined;
    if (builder.isWhole) return text.slice(end + 1).trim() === '' ? builder.root : undefined;
    at = text.indexOf('<', end);
    if (at > end + 1 && !builder.text(text.slice(end + 1, at))) return undefined;
  }
  return undefined;
}

interface OpenElement {
  readonly tagName: string;
  readonly children: XmlNode[];
  readonly scope: NamespaceScope | undefined;
  /** Declarations on it and around it. */
  readonly bindings: number;
}

/** Makes the tree. Its methods return whether they could read what they were given. */
class PlainBuilder {
  root: XmlElement | undefined;
  readonly #limits: XmlLimits;
  readonly #open: OpenElement[] = [];
  #elements = 0;

  constructor(limits: XmlLimits) {
    this.#limits = limits;
  }

  /** Whether the root is closed. */
  get isWhole(): boolean {
    return this.root !== undefined && this.#open.length === 0;
  }

  open(text: string, from: number, to: number): boolean {
    const tag = to - from > tagLengthMax ? undefined : startTag(text.slice(from, to));
    if (tag === undefined || !this.#hasRoom(tag)) return false;
    const parent = this.#open.at(-1);
    const bindings = (parent?.bindings ?? 0) + tag.declarations;
    if (bindings > this.#limits.bindings) return false;
    const scope = tag.declarations > 0 ? declare(tag.attributes, parent?.scope) : parent?.scope;
    const uri = lookUp(scope, tag.prefix);
    const attributes = tag.qualified === 0 ? tag.attributes : qualify(tag, scope);
    if (uri === undefined || attributes === undefined) return false;
    const { tagName, prefix, localName } = tag;
    const children: XmlNode[] = [];
    const made = new XmlElement(uri, prefix, localName, attributes, children, scope, tagName);
    if (parent === undefined) this.root = made;
    else parent.children.push(made);
    if (!tag.isEmpty) this.#open.push({ tagName, children, scope, bindings });
    return true;
  }

  close(text: string, from: number, to: number): boolean {
    const tagName = this.#open.pop()?.tagName;
    return tagName?.length === to - from && text.startsWith(tagName, from);
  }

  text(data: string): boolean {
    // Together with "]]" it has no place in text.
    if (data.includes('>')) return false;
    this.#open.at(-1)?.children.push(new XmlText(data));
    return true;
  }

  #hasRoom({ attributes, namespaceLength }: StartTag): boolean {
    this.#elements += 1;
    return (
      this.#elements <= this.#limits.elements &&
      this.#open.length < this.#limits.depth &&
      attributes.length <= this.#limits.attributes &&
      namespaceLength <= this.#limits.namespace
    );
  }
}

/** A start tag by itself. Most of a message's tags are those of the messages before it. */
interface StartTag {
  readonly tagName: string;
  readonly prefix: string;
  readonly localName: string;
  readonly isEmpty: boolean;
  /** The namespace of a qualified attribute is none yet. */
  readonly attributes: readonly XmlAttribute[];
  /** How many of the attributes declare a namespace. */
  readonly declarations: number;
  /** How many of the others have a prefix. */
  readonly qualified: number;
  /** Of the longest namespace that is declared. */
  readonly namespaceLength: number;
  /** What `qualify` has made last. */
  last?: readonly XmlAttribute[];
}

/** Start tags that are remembered. */
const tagsMax = 1024;
/** A longer one is for the general parser. */
const tagLengthMax = 1024;
const startTag = remembered(tagsMax, readStartTag);

const nameForm = /(?:([A-Za-z_][A-Za-z0-9._-]*):)?([A-Za-z_][A-Za-z0-9._-]*)/y;
/** Tabs and line feeds in a value would become spaces. */
const attributeForm =
  /[ \t\n]+((?:([A-Za-z_][A-Za-z0-9._-]*):)?([A-Za-z_][A-Za-z0-9._-]*))[ \t\n]*=[ \t\n]*(?:"([^"<\t\n]*)"|'([^'<\t\n]*)')/y;
const endForm = /[ \t\n]*(\/?)$/y;

function readStartTag(source: string): StartTag | undefined {
  nameForm.lastIndex = 0;
  const [tagName, prefix = '', localName = ''] = nameForm.exec(source) ?? [];
  if (tagName === undefined) return undefined;
  const attributes: XmlAttribute[] = [];
  let at = nameForm.lastIndex;
  for (let found = attributeAt(source, at); found; found = attributeAt(source, at)) {
    if (attributes.some(({ name }) => name === found?.name) || isReserved(found)) return undefined;
    attributes.push(found);
    at = attributeForm.lastIndex;
  }
  endForm.lastIndex = at;
  const [, slash] = endForm.exec(source) ?? [];
  if (slash === undefined) return undefined;
  const declared = attributes.filter(({ namespaceURI }) => namespaceURI === XMLNS_NAMESPACE);
  const namespaceLength = Math.max(0, ...declared.map(({ value }) => value.length));
  return {
    tagName,
    prefix,
    localName,
    isEmpty: slash === '/',
    attributes,
    declarations: declared.length,
    qualified: attributes.filter(isQualified).length,
    namespaceLength,
  };
}

function attributeAt(source: string, at: number): XmlAttribute | undefined {
  attributeForm.lastIndex = at;
  const [, name = '', prefix = '', localName = '', double, single] =
    attributeForm.exec(source) ?? [];
  const value = double ?? single;
  if (value === undefined) return undefined;
  const isDeclaration = prefix === 'xmlns' || name === 'xmlns';
  return { name, prefix, localName, namespaceURI: isDeclaration ? XMLNS_NAMESPACE : '', value };
}

/** Whether it declares what may not be declared so, or what only the general parser judges. */
function isReserved({ prefix, localName, namespaceURI, value }: XmlAttribute): boolean {
  if (namespaceURI !== XMLNS_NAMESPACE) return false;
  return (
    localName === 'xml' ||
    (prefix === 'xmlns' && (localName === 'xmlns' || value === '')) ||
    value.trim() !== value ||
    value === XML_NAMESPACE ||
    value === XMLNS_NAMESPACE
  );
}

function isQualified({ prefix, namespaceURI }: XmlAttribute): boolean {
  return prefix !== '' && namespaceURI !== XMLNS_NAMESPACE;
}

/** The attributes with their namespaces. `undefined` where a prefix is not bound, or one is there twice. */
function qualify(
  tag: StartTag,
  scope: NamespaceScope | undefined,
): readonly XmlAttribute[] | undefined {
  if (
    tag.last?.every((one) => !isQualified(one) || lookUp(scope, one.prefix) === one.namespaceURI)
  ) {
    return tag.last;
  }
  const made: XmlAttribute[] = [];
  for (const one of tag.attributes) {
    const namespaceURI = isQualified(one) ? lookUp(scope, one.prefix) : one.namespaceURI;
    if (namespaceURI === undefined) return undefined;
    const isDouble = made.some(
      (other) => other.localName === one.localName && other.namespaceURI === namespaceURI,
    );
    if (isDouble) return undefined;
    made.push({ ...one, namespaceURI });
  }
  tag.last = made;
  return made;
}
