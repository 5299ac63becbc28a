import { remembered } from '../kernel/remembered.js';
import {
  type OwnSignedInfo,
  readOwnSignedInfo,
  rememberOwn,
  signedInfoDepth,
} from './signed-info.js';
import { namespaces } from './vocabulary.js';
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
  const reader = new PlainReader(text, limits, []);
  const end = reader.read(0);
  return end > 0 && text.slice(end).trim() === '' ? reader.root : undefined;
}

interface OpenElement {
  readonly tagName: string;
  readonly children: XmlNode[];
  readonly scope: NamespaceScope | undefined;
  /** Declarations on it and around it. */
  readonly bindings: number;
}

/** Makes the tree. */
class PlainReader {
  root: XmlElement | undefined;
  readonly #text: string;
  readonly #limits: XmlLimits;
  readonly #open: OpenElement[];
  #elements = 0;

  constructor(text: string, limits: XmlLimits, open: OpenElement[]) {
    this.#text = text;
    this.#limits = limits;
    this.#open = open;
  }

  /** Reads from a tag on until all elements are closed, and returns where that is; 0 where it cannot. */
  read(from: number): number {
    const text = this.#text;
    for (let at = from; text[at] === '<'; ) {
      const end = text.indexOf('>', at);
      if (end < 0) return 0;
      const next = text[at + 1] === '/' ? this.#close(at + 2, end) : this.#start(at + 1, end);
      if (next === 0 || this.#open.length === 0) return next;
      at = text.indexOf('<', next);
      if (at > next && !this.#addText(text.slice(next, at))) return 0;
    }
    return 0;
  }

  /** Returns where to read on, 0 where it could not read the tag; as `#close` does. */
  #start(from: number, to: number): number {
    const tag = to - from > tagLengthMax ? undefined : startTag(this.#text.slice(from, to));
    if (tag === undefined || !this.#hasRoom(tag)) return 0;
    const parent = this.#open.at(-1);
    const bindings = (parent?.bindings ?? 0) + tag.declarations;
    if (bindings > this.#limits.bindings) return 0;
    const scope = tag.declarations > 0 ? declare(tag.attributes, parent?.scope) : parent?.scope;
    const uri = lookUp(scope, tag.prefix);
    const attributes = tag.qualified === 0 ? tag.attributes : qualify(tag, scope);
    if (uri === undefined || attributes === undefined) return 0;
    const { tagName, prefix, localName } = tag;
    const children: XmlNode[] = [];
    const opened = { tagName, children, scope, bindings };
    const info = isSignedInfo(tag, uri) ? readOwnSignedInfo(this.#text, to + 1) : undefined;
    const content = info === undefined ? children : this.#contentOf(opened, to + 1);
    const made = new XmlElement(uri, prefix, localName, attributes, content, scope, tagName);
    if (parent === undefined) this.root = made;
    else parent.children.push(made);
    if (!tag.isEmpty) this.#open.push(opened);
    return info === undefined ? to + 1 : this.#leap(made, info);
  }

  /** The content of an element, which is read where somebody looks. It has been found to be plain. */
  #contentOf(opened: OpenElement, from: number): () => readonly XmlNode[] {
    const [text, limits] = [this.#text, this.#limits];
    return () => {
      new PlainReader(text, limits, [opened]).read(from);
      return opened.children;
    };
  }

  /** To the end tag of what is read as a whole. */
  #leap(made: XmlElement, { info, elements, end }: OwnSignedInfo): number {
    this.#elements += elements;
    const hasRoom =
      this.#elements <= this.#limits.elements &&
      this.#open.length + signedInfoDepth <= this.#limits.depth &&
      this.#limits.attributes > 0;
    if (!hasRoom) return 0;
    rememberOwn(made, info);
    return end;
  }

  #close(from: number, to: number): number {
    const tagName = this.#open.pop()?.tagName;
    const isSame = tagName?.length === to - from && this.#text.startsWith(tagName, from);
    return isSame ? to + 1 : 0;
  }

  #addText(data: string): boolean {
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

/** What a node writes there is most of a message, and is read as a whole. */
function isSignedInfo({ tagName, attributes, isEmpty }: StartTag, uri: string): boolean {
  return (
    tagName === 'ds:SignedInfo' && uri === namespaces.ds && attributes.length === 0 && !isEmpty
  );
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
