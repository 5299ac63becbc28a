import { SaxesParser, type SaxesTagNS } from 'saxes';
import { ConcordatError, type NoData, noData } from '../kernel/error.js';
import { securityFaults } from './faults.js';
import { parsePlain } from './plain-xml.js';
import { namespaces } from './vocabulary.js';
import {
  attributeOf,
  declare,
  isElement,
  isNamed,
  type NamespaceScope,
  textOf,
  XMLNS_NAMESPACE,
  type XmlAttribute,
  XmlElement,
  type XmlLimits,
  type XmlNode,
  XmlText,
} from './xml.js';

/**
 * The child elements, where there is no text beside them and no unqualified attribute but the named
 * ones. Of qualified attributes only `wsu:Id` and WS-Security's own are let pass.
 */
export function allChildren(parent: XmlElement, attributes: readonly string[]): XmlElement[] {
  checkAttributes(parent, attributes);
  const children: XmlElement[] = [];
  for (const node of parent.childNodes) {
    if (isElement(node)) children.push(node);
    else if (node.data.trim() !== '') throw refusal(parent, 'holds text');
  }
  return children;
}

/** The text, where there is nothing else; attributes as for `allChildren`. */
export function leafText(leaf: XmlElement, attributes: readonly string[]): string {
  checkAttributes(leaf, attributes);
  if (leaf.childNodes.some(isElement)) throw refusal(leaf, 'holds elements');
  return textOf(leaf);
}

/** The element, where it is there and of that name. */
export function required(
  candidate: XmlElement | undefined,
  namespace: string,
  name: string,
): XmlElement {
  if (candidate === undefined || !isNamed(candidate, namespace, name)) {
    throw securityFaults.invalidSecurity(`${name} expected`);
  }
  return candidate;
}

/** Throws a `wsse` fault where an element is left that has no place there. */
export function none(elements: readonly XmlElement[]): void {
  const [first] = elements;
  if (first !== undefined) {
    throw securityFaults.invalidSecurity(`${first.localName} has no place there`);
  }
}

const idForm = /^#([A-Za-z_][A-Za-z0-9._-]{0,255})$/;

/** The id of the part of the message that the `URI` names. Throws a `wsse` fault where it names anything else. */
export function idIn(source: XmlElement): string {
  const id = idForm.exec(attributeOf(source, '', 'URI') ?? '')?.[1];
  if (id === undefined) throw securityFaults.invalidSecurity('a reference that is not by id');
  return id;
}

export function algorithmOf(source: XmlElement): string {
  return attributeOf(source, '', 'Algorithm') ?? '';
}

const qualifiedAttributes: ReadonlySet<string> = new Set([
  XMLNS_NAMESPACE,
  namespaces.wsu,
  'http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd',
  namespaces.wsse,
]);

function checkAttributes(owner: XmlElement, allowed: readonly string[]): void {
  for (const { namespaceURI, localName } of owner.attributes) {
    const known =
      namespaceURI === '' ? allowed.includes(localName) : qualifiedAttributes.has(namespaceURI);
    if (!known) throw refusal(owner, `has an attribute ${localName}`);
  }
}

function refusal(owner: XmlElement, what: string): Error {
  return securityFaults.invalidSecurity(`${owner.localName} ${what}`);
}

/** What a document may hold at the most, unless the reader says otherwise. */
export const defaultXmlLimits: XmlLimits = {
  length: 1_048_576,
  depth: 64,
  elements: 8192,
  attributes: 64,
  bindings: 128,
  namespace: 512,
};

const declarationForm =
  /^\uFEFF?<\?xml\s+version\s*=\s*["']1\.0["'](?:\s+encoding\s*=\s*["'][a-z][a-z0-9._-]*["'])?(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>/i;
const loneSurrogate = /\p{Surrogate}/u;

/** The text is not XML, not XML that we accept, or too much of it. */
export class XmlError extends ConcordatError<'bad-xml', NoData> {
  override readonly name = 'XmlError';
  readonly code = 'bad-xml';
  readonly data = noData;
}

/**
 * Parses a document (XML 1.0 with namespaces) and returns its root element.
 *
 * There is no document type declaration and so no entity but the predefined five, and no processing
 * instruction. Comments are dropped, CDATA sections become text, and neighbouring text is one node.
 * Throws `XmlError` otherwise, as soon as a limit is passed.
 */
export function parseXml(text: string, limits: XmlLimits = defaultXmlLimits): XmlElement {
  if (text.length > limits.length) throw new XmlError(`longer than ${limits.length} characters`);
  try {
    return parse(text, limits);
  } catch (error) {
    if (error instanceof XmlError) throw error;
    throw new XmlError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * The root element of a document up to the first child of that local name, to look at what comes before it at
 * little cost. `undefined` where there is no root. What is found may be no XML that `parseXml` accepts. Never
 * throws.
 */
export function readHead(
  text: string,
  upTo: string,
  limits: XmlLimits = defaultXmlLimits,
): XmlElement | undefined {
  const builder = new TreeBuilder(limits, upTo);
  try {
    feed(builder, text.slice(0, limits.length));
  } catch {
    // It was read as far as it goes.
  }
  return builder.root;
}

function parse(text: string, limits: XmlLimits): XmlElement {
  const plain = parsePlain(text, limits);
  if (plain !== undefined) return plain;
  if (loneSurrogate.test(text)) refuse('not well-formed Unicode');
  const builder = new TreeBuilder(limits);
  feed(builder, withoutDeclaration(text));
  return builder.root ?? refuse('no element');
}

function feed(builder: TreeBuilder, text: string): void {
  const parser = new SaxesParser({
    xmlns: true,
    position: false,
    defaultXMLVersion: '1.0',
    forceXMLVersion: true,
  });
  // Six handlers and no more: with a seventh, V8 makes the parser a slow object, four times slower.
  parser.on('doctype', () => refuse('document type declaration'));
  parser.on('attribute', () => builder.countAttribute());
  parser.on('opentag', (tag) => builder.open(tag));
  parser.on('closetag', () => builder.close());
  parser.on('text', (data) => builder.text(data));
  parser.on('cdata', (data) => builder.text(data));
  parser.write(text).close();
}

/** What comes after the XML declaration, which must be for XML 1.0; the text was decoded already. */
function withoutDeclaration(text: string): string {
  const length = declarationForm.exec(text)?.[0].length ?? 0;
  const rest = text.slice(length);
  if (hasInstruction(rest)) refuse('processing instruction, or another XML declaration');
  return rest;
}

/** Whether there is a `<?` that is not in a comment or CDATA section. Takes linear time. */
function hasInstruction(text: string): boolean {
  if (!text.includes('<?')) return false;
  for (let at = text.indexOf('<'); at >= 0; ) {
    if (text.startsWith('<?', at)) return true;
    const end = endOfSection(text, at);
    // The parser refuses a section without an end.
    if (end < 0) return false;
    at = text.indexOf('<', end);
  }
  return false;
}

/** The end of the comment or CDATA section that begins here, or of this "<". */
function endOfSection(text: string, at: number): number {
  for (const [open, close] of sections) {
    if (text.startsWith(open, at)) return text.indexOf(close, at + open.length);
  }
  return at + 1;
}

const sections = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
] as const;

function refuse(what: string): never {
  throw new XmlError(what);
}

function readAttributes(tag: SaxesTagNS): readonly XmlAttribute[] {
  const attributes: XmlAttribute[] = [];
  for (const key in tag.attributes) {
    const found = tag.attributes[key];
    if (found === undefined) continue;
    const { name, prefix, local, uri, value } = found;
    // saxes binds the trimmed URI, where canonicalization would sign the other one.
    if (uri === XMLNS_NAMESPACE && value.trim() !== value) refuse('white space around a namespace');
    attributes.push({ name, prefix, localName: local, namespaceURI: uri, value });
  }
  return attributes;
}

interface OpenElement {
  readonly children: XmlNode[];
  readonly scope: NamespaceScope | undefined;
  /** Declarations on it and around it. */
  readonly bindings: number;
}

/** Makes the tree of a parser's events. */
class TreeBuilder {
  root: XmlElement | undefined;
  readonly #limits: XmlLimits;
  readonly #open: OpenElement[] = [];
  #elements = 0;
  #attributes = 0;
  #text = '';

  readonly #upTo: string | undefined;

  /** Stops at a child of the root with the local name `upTo`. */
  constructor(limits: XmlLimits, upTo?: string) {
    this.#limits = limits;
    this.#upTo = upTo;
  }

  countAttribute(): void {
    if (++this.#attributes > this.#limits.attributes) refuse('too many attributes');
  }

  open(tag: SaxesTagNS): void {
    this.#flush();
    this.#attributes = 0;
    if (this.#open.length === 1 && tag.local === this.#upTo) refuse('no more is read');
    if (++this.#elements > this.#limits.elements) refuse('too many elements');
    if (this.#open.length >= this.#limits.depth) refuse('elements nested too deep');
    const parent = this.#open.at(-1);
    const attributes = readAttributes(tag);
    const scope = declare(attributes, parent?.scope);
    const bindings = (parent?.bindings ?? 0) + this.#countDeclarations(attributes);
    if (bindings > this.#limits.bindings) refuse('too many namespace declarations');
    const children: XmlNode[] = [];
    const made = new XmlElement(tag.uri, tag.prefix, tag.local, attributes, children, scope);
    if (parent === undefined) this.root = made;
    else parent.children.push(made);
    this.#open.push({ children, scope, bindings });
  }

  #countDeclarations(attributes: readonly XmlAttribute[]): number {
    let count = 0;
    for (const { namespaceURI, value } of attributes) {
      if (namespaceURI !== XMLNS_NAMESPACE) continue;
      if (value.length > this.#limits.namespace) refuse('a namespace that is too long');
      count += 1;
    }
    return count;
  }

  close(): void {
    this.#flush();
    this.#open.pop();
  }

  /** White space around the root is not part of the tree. */
  text(data: string): void {
    if (this.#open.length > 0) this.#text += data;
  }

  #flush(): void {
    if (this.#text === '') return;
    this.#open.at(-1)?.children.push(new XmlText(this.#text));
    this.#text = '';
  }
}
