/** Base64 in its one canonical form, but for line breaks. Throws `RangeError` for anything else. */
export function parseBase64(text: string): Uint8Array {
  const packed = text.replaceAll(/[ \t\r\n]/g, '');
  const decoded = Buffer.from(packed, 'base64');
  if (decoded.length === 0 || decoded.toString('base64') !== packed) {
    throw new RangeError('not base64');
  }
  return decoded;
}
/**
 * An XML tree of elements and text, as light as signatures and SOAP allow.
 *
 * Nodes have the DOM's own names for what they hold (`nodeType`, `tagName`, `childNodes`, ...), so
 * that libraries which walk a DOM can walk them. They are never changed once made.
 */

export const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/';
export const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';

/** What a document may hold at the most. */
export interface XmlLimits {
  /** Length of the text, in UTF-16 code units. */
  readonly length: number;
  readonly depth: number;
  readonly elements: number;
  /** Of one element, namespace declarations included. */
  readonly attributes: number;
  /** Namespace declarations of an element and of all around it; looking up a prefix may take so many steps. */
  readonly bindings: number;
  /** Length of one namespace. Canonical forms repeat it wherever it is used. */
  readonly namespace: number;
}

/** The name of an element or attribute, and the prefix it is written with (empty for none). */
export interface QName {
  readonly ns: string;
  readonly prefix: string;
  readonly name: string;
}

/** Names of one namespace: `const wsa = names('http://...', 'wsa'); wsa('To')`. */
export function names(ns: string, prefix: string): (name: string) => QName {
  return (name) => ({ ns, prefix, name });
}

/** An attribute; a namespace declaration is one too, in the namespace `XMLNS_NAMESPACE`. */
export interface XmlAttribute {
  readonly name: string;
  readonly prefix: string;
  readonly localName: string;
  /** Empty where the attribute has no namespace. */
  readonly namespaceURI: string;
  readonly value: string;
}

/** The namespace bindings in scope, innermost first. */
export interface NamespaceScope {
  /** Empty for the default namespace. */
  readonly prefix: string;
  readonly uri: string;
  readonly outer: NamespaceScope | undefined;
}

/** A run of text, never empty and never beside another one. */
export class XmlText {
  readonly nodeType = 3;
  constructor(readonly data: string) {}
}

export class XmlElement {
  readonly nodeType = 1;
  /** `content`: the child nodes, or what returns them when somebody asks first. */
  constructor(
    /** Empty where the element has no namespace. */
    readonly namespaceURI: string,
    readonly prefix: string,
    readonly localName: string,
    readonly attributes: readonly XmlAttribute[],
    private content: readonly XmlNode[] | (() => readonly XmlNode[]),
    /** Bindings declared on this element and those outside it; read names in content by them. */
    readonly scope: NamespaceScope | undefined,
    readonly tagName: string = prefix === '' ? localName : `${prefix}:${localName}`,
  ) {}

  get childNodes(): readonly XmlNode[] {
    if (typeof this.content === 'function') this.content = this.content();
    return this.content;
  }
}

export type XmlNode = XmlElement | XmlText;

/** Makes an attribute; one without a namespace has an empty prefix too, any other may not. */
export function attribute({ ns, prefix, name }: QName, value: string): XmlAttribute {
  return {
    name: prefix === '' ? name : `${prefix}:${name}`,
    prefix,
    localName: name,
    namespaceURI: ns,
    value,
  };
}

/**
 * Declares a prefix that only content uses, such as the QName in a fault code. Prefixes of elements
 * and attributes need no declaration: they are written where they are needed.
 */
export function declaration(prefix: string, ns: string): XmlAttribute {
  return attribute({ ns: XMLNS_NAMESPACE, prefix: 'xmlns', name: prefix }, ns);
}

/** Makes an element. Empty strings and `undefined` among the children are left out. */
export function element(
  { ns, prefix, name }: QName,
  attributes: readonly XmlAttribute[] = [],
  ...children: readonly (XmlNode | string | undefined)[]
): XmlElement {
  const nodes: XmlNode[] = [];
  for (const child of children) {
    if (typeof child !== 'string') {
      if (child !== undefined) nodes.push(child);
    } else if (child !== '') {
      nodes.push(new XmlText(child));
    }
  }
  return new XmlElement(ns, prefix, name, attributes, nodes, declare(attributes, undefined));
}

/**
 * A copy with the attribute set, in place of one of the same name. Its prefix is changed where the
 * element has bound it to something else, as an element of another author may.
 */
export function withAttribute(original: XmlElement, { ns, prefix, name }: QName, value: string) {
  const kept = original.attributes.filter(
    ({ localName, namespaceURI }) => localName !== name || namespaceURI !== ns,
  );
  let free = prefix;
  while (bindsElsewhere(original, free, ns)) free += '_';
  const attributes = [...kept, attribute({ ns, prefix: free, name }, value)];
  const { namespaceURI, localName, childNodes, scope } = original;
  return new XmlElement(namespaceURI, original.prefix, localName, attributes, childNodes, scope);
}

function bindsElsewhere(owner: XmlElement, prefix: string, ns: string): boolean {
  if (prefix === '') return false;
  if (owner.prefix === prefix && owner.namespaceURI !== ns) return true;
  return owner.attributes.some(({ prefix: used, localName, namespaceURI, value }) =>
    namespaceURI === XMLNS_NAMESPACE
      ? localName === prefix && value !== ns
      : used === prefix && namespaceURI !== ns,
  );
}

/** The scope inside an element with these attributes. */
export function declare(
  attributes: readonly XmlAttribute[],
  outer: NamespaceScope | undefined,
): NamespaceScope | undefined {
  let scope = outer;
  for (const { namespaceURI, prefix, localName, value } of attributes) {
    if (namespaceURI !== XMLNS_NAMESPACE) continue;
    scope = { prefix: prefix === '' ? '' : localName, uri: value, outer: scope };
  }
  return scope;
}

/** What a prefix is bound to, or `undefined`. The empty prefix is always bound. */
export function lookUp(scope: NamespaceScope | undefined, prefix: string): string | undefined {
  for (let frame = scope; frame !== undefined; frame = frame.outer) {
    if (frame.prefix === prefix) return frame.uri;
  }
  return prefix === '' ? '' : undefined;
}

export function isElement(node: XmlNode): node is XmlElement {
  return node.nodeType === 1;
}

export function isNamed(candidate: XmlElement, ns: string, name: string): boolean {
  return candidate.localName === name && candidate.namespaceURI === ns;
}

export function childElements(parent: XmlElement): XmlElement[] {
  return parent.childNodes.filter(isElement);
}

/** The first child element of that name. */
export function child(parent: XmlElement, ns: string, name: string): XmlElement | undefined {
  for (const node of parent.childNodes) {
    if (isElement(node) && isNamed(node, ns, name)) return node;
  }
  return undefined;
}

/** The text directly in an element, without white space at its ends; of children it takes none. */
export function textOf(parent: XmlElement): string {
  let text = '';
  for (const node of parent.childNodes) if (!isElement(node)) text += node.data;
  return text.trim();
}

export function attributeOf(owner: XmlElement, ns: string, name: string): string | undefined {
  for (const { localName, namespaceURI, value } of owner.attributes) {
    if (localName === name && namespaceURI === ns) return value;
  }
  return undefined;
}

/** Turns what is wrong with a message into the exception to throw. */
export type MakeError = (reason: string) => Error;

/**
 * Reads an element's children strictly in their order, as an `xsd:sequence` does. Whatever is not
 * as asked for throws the complaint, which names the element.
 */
export class Sequence {
  readonly #parent: XmlElement;
  readonly #complain: MakeError;
  readonly #children: readonly XmlElement[];
  #next = 0;

  constructor(parent: XmlElement, complain: MakeError) {
    this.#parent = parent;
    this.#complain = complain;
    const text = parent.childNodes.find((node) => !isElement(node) && node.data.trim() !== '');
    if (text !== undefined) throw this.fault('holds text where it may only hold elements');
    this.#children = parent.childNodes.filter(isElement);
  }

  /** The exception for something wrong in this element. */
  fault(reason: string): Error {
    return this.#complain(`${this.#parent.localName}: ${reason}`);
  }

  optional(ns: string, name: string): XmlElement | undefined {
    const candidate = this.#children[this.#next];
    if (candidate === undefined || !isNamed(candidate, ns, name)) return undefined;
    this.#next += 1;
    return candidate;
  }

  required(ns: string, name: string): XmlElement {
    const found = this.optional(ns, name);
    if (found !== undefined) return found;
    const instead = this.#children[this.#next]?.localName ?? 'nothing';
    throw this.fault(`expected ${name}, found ${instead}`);
  }

  /** All that follow of this name, one at the least. */
  repeated(ns: string, name: string, countMax: number): XmlElement[] {
    const found = [this.required(ns, name)];
    for (let more = this.optional(ns, name); more; more = this.optional(ns, name)) {
      found.push(more);
      if (found.length > countMax) throw this.fault(`more than ${countMax} ${name}`);
    }
    return found;
  }

  /** The next child read as text by `parse`; a `RangeError` of it becomes the complaint. */
  value<Value>(ns: string, name: string, parse: (text: string) => Value): Value {
    return parseValue(this.required(ns, name), parse, this.#complain);
  }

  /** As `value`, where the child may be missing. */
  optionalValue<Value>(
    ns: string,
    name: string,
    parse: (text: string) => Value,
  ): Value | undefined {
    const found = this.optional(ns, name);
    return found && parseValue(found, parse, this.#complain);
  }

  /** What is left, all of it in namespaces other than this one. */
  extensions(ownNamespace: string): XmlElement[] {
    const rest = this.#children.slice(this.#next);
    const stranger = rest.find((candidate) => candidate.namespaceURI === ownNamespace);
    if (stranger) throw this.fault(`unexpected ${stranger.localName}`);
    this.#next = this.#children.length;
    return rest;
  }

  end(): void {
    const stranger = this.#children[this.#next];
    if (stranger !== undefined) throw this.fault(`unexpected ${stranger.localName}`);
  }
}

/** An element's text read by `parse`; a child element or a `RangeError` becomes the complaint. */
export function parseValue<Value>(
  from: XmlElement,
  parse: (text: string) => Value,
  complain: MakeError,
): Value {
  if (from.childNodes.some(isElement)) {
    throw complain(`${from.localName}: holds elements where it may only hold text`);
  }
  try {
    return parse(textOf(from));
  } catch (error) {
    if (error instanceof RangeError) throw complain(`${from.localName}: ${error.message}`);
    throw error;
  }
}

/** A number within bounds in a lexical form of `xsd:long`, so with sign and zeros at will; else `RangeError`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new RangeError(`not a whole number from ${min} to ${max}`);
    }
    // Minus zero is zero.
    return value + 0;
  };
}
