import { type Reader, WireError, type Writer } from '../../kernel/codec/bytes.js';
import { remembered } from '../../kernel/remembered.js';
import type { Addressing, EndpointReference } from '../addressing.js';
import type { SoapMessage } from '../envelope.js';
import { defaultXmlLimits } from '../parse-xml.js';
import type { SoapVersion } from '../vocabulary.js';
import { soap } from '../vocabulary.js';
import {
  attribute,
  declare,
  isElement,
  lookUp,
  type NamespaceScope,
  XML_NAMESPACE,
  XMLNS_NAMESPACE,
  type XmlAttribute,
  XmlElement,
  type XmlNode,
  XmlText,
} from '../xml.js';

/**
 * A SOAP message as binary fields: what the envelope says (its infoset), without the text of XML. Names, actions and
 * addresses come again and again on a link, so each is written once and has a number from then on; writer and
 * reader of one direction of one link count alike. Pure.
 */

/** Strings that have a number, on one direction of a link. */
const stringsMax = 1024;
/** Longer strings have none. */
const stringBytesMax = 256;
/** A message as a whole has at most so many bytes. */
export const messageBytesMax = 1_048_576;

const withoutNumber = 0xffff;
const shortTextBytes = 0xffff;

const nodeKinds = ['element', 'text', 'long-text'] as const;
const versions: readonly SoapVersion[] = ['1.1', '1.2'];

const texts = ['to', 'messageId', 'relatesTo'] as const;
const references = ['replyTo', 'from', 'faultTo'] as const;

/** Writes the messages of one direction of a link, in their order. */
export class MessageWriter {
  readonly #numbers = new Map<string, number>();

  /** Throws `WireError` where a field holds more than a reader takes: the link cannot be used any more. */
  write(writer: Writer, { version, addressing, headers, body }: SoapMessage): void {
    writer.u8(versions.indexOf(version));
    this.#addressing(writer, addressing);
    writer.list(headers, defaultXmlLimits.elements, (header) => this.#element(writer, header));
    writer.flag(body !== undefined);
    if (body !== undefined) this.#element(writer, body);
  }

  #addressing(writer: Writer, addressing: Addressing): void {
    this.#string(writer, addressing.action);
    for (const name of texts) {
      const text = addressing[name];
      writer.flag(text !== undefined);
      if (text === undefined) continue;
      if (name === 'to') this.#string(writer, text);
      else writer.text(text, shortTextBytes);
    }
    for (const name of references) {
      const reference = addressing[name];
      writer.flag(reference !== undefined);
      if (reference !== undefined) this.#reference(writer, reference);
    }
  }

  #reference(writer: Writer, { address, referenceParameters }: EndpointReference): void {
    this.#string(writer, address);
    writer.list(referenceParameters, defaultXmlLimits.elements, (parameter) =>
      this.#element(writer, parameter),
    );
  }

  #element(writer: Writer, element: XmlElement): void {
    const { namespaceURI, prefix, localName, attributes, childNodes } = element;
    this.#name(writer, namespaceURI, prefix, localName);
    writer.list(attributes, defaultXmlLimits.attributes, (one) => {
      this.#name(writer, one.namespaceURI, one.prefix, one.localName);
      writer.text(one.value, shortTextBytes);
    });
    writer.list(childNodes, shortTextBytes, (node) => this.#node(writer, node));
  }

  #node(writer: Writer, node: XmlNode): void {
    if (isElement(node)) {
      writer.u8(nodeKinds.indexOf('element'));
      return this.#element(writer, node);
    }
    if (node.data.length * 3 <= shortTextBytes) {
      writer.u8(nodeKinds.indexOf('text'));
      return writer.text(node.data, shortTextBytes);
    }
    writer.u8(nodeKinds.indexOf('long-text'));
    writer.longText(node.data, messageBytesMax);
  }

  #name(writer: Writer, namespace: string, prefix: string, localName: string): void {
    this.#string(writer, namespace);
    this.#string(writer, prefix);
    this.#string(writer, localName);
  }

  #string(writer: Writer, text: string): void {
    const known = this.#numbers.get(text);
    if (known !== undefined) return writer.u16(known);
    const number = this.#numbers.size;
    if (number < stringsMax && text.length * 3 <= stringBytesMax) {
      this.#numbers.set(text, number);
      writer.u16(number);
      return writer.text(text, stringBytesMax);
    }
    writer.u16(withoutNumber);
    writer.text(text, shortTextBytes);
  }
}

/** What XML has no character for (XML 1.0 §2.2); half a surrogate pair is no UTF-8 in the first place. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const noXmlText = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
/** A name without a colon, of letters as Unicode has them now: within what Namespaces in XML 1.0 §3 allows. */
const nameForm = /^[\p{L}_][\p{L}\p{Nd}\p{Mn}\p{Mc}._-]*$/u;

/** Reads the messages of one direction of a link, in their order. */
export class MessageReader {
  readonly #strings: string[] = [];

  /** Throws `WireError` where the bytes are not what `MessageWriter` writes, or beyond XML's limits. */
  read(reader: Reader): SoapMessage {
    const version = versions[reader.u8()];
    if (version === undefined) throw new WireError('no version of SOAP');
    const { ns, prefix } = soap[version]('Envelope');
    const tree = new TreeReader(reader, () => this.#string(reader), {
      prefix,
      uri: ns,
      outer: undefined,
    });
    return {
      version,
      addressing: this.#addressing(reader, tree),
      headers: reader.list(defaultXmlLimits.elements, () => tree.element()),
      body: reader.flag() ? tree.element() : undefined,
    };
  }

  #addressing(reader: Reader, tree: TreeReader): Addressing {
    const action = this.#string(reader);
    const to = reader.flag() ? this.#string(reader) : undefined;
    const text = () => (reader.flag() ? checkedText(reader.text(shortTextBytes)) : undefined);
    const [messageId, relatesTo] = [text(), text()];
    const reference = () => (reader.flag() ? this.#reference(reader, tree) : undefined);
    const [replyTo, from, faultTo] = [reference(), reference(), reference()];
    return { action, to, messageId, relatesTo, replyTo, from, faultTo };
  }

  #reference(reader: Reader, tree: TreeReader): EndpointReference {
    return {
      address: this.#string(reader),
      referenceParameters: reader.list(defaultXmlLimits.elements, () => tree.element()),
    };
  }

  #string(reader: Reader): string {
    const number = reader.u16();
    if (number === withoutNumber) return checkedText(reader.text(shortTextBytes));
    const known = this.#strings[number];
    if (known !== undefined) return known;
    if (number !== this.#strings.length || number >= stringsMax) {
      throw new WireError('a string with a number that is not the next');
    }
    const text = checkedText(reader.text(stringBytesMax));
    this.#strings.push(text);
    return text;
  }
}

/** Reads the elements of one message, within the limits of XML. */
class TreeReader {
  readonly #reader: Reader;
  readonly #string: () => string;
  readonly #scope: NamespaceScope;
  #elements = 0;

  constructor(reader: Reader, string: () => string, scope: NamespaceScope) {
    this.#reader = reader;
    this.#string = string;
    this.#scope = scope;
  }

  /** `bindings`: namespace declarations around it, through which each prefix is looked up. */
  element(outer: NamespaceScope = this.#scope, depth = 1, bindings = 0): XmlElement {
    this.#elements += 1;
    if (this.#elements > defaultXmlLimits.elements) throw new WireError('too many elements');
    if (depth > defaultXmlLimits.depth) throw new WireError('elements nested too deep');
    const [uri, prefix, name] = this.#name();
    if (!mayBind(prefix, uri)) throw new WireError('a prefix that XML does not bind so');
    const attributes = this.#reader.list(defaultXmlLimits.attributes, () => this.#attribute());
    if (attributes.length > 0) requireOneBindingEach(prefix, uri, attributes);
    const within = bindings + declarationsIn(attributes);
    if (within > defaultXmlLimits.bindings) throw new WireError('too many namespace declarations');
    const scope = withPrefix(declare(attributes, outer), prefix, uri);
    const children = this.#reader.list(shortTextBytes, () => this.#node(scope, depth, within));
    return new XmlElement(uri, prefix, name, attributes, children, scope);
  }

  #node(scope: NamespaceScope | undefined, depth: number, bindings: number): XmlNode {
    const kind = nodeKinds[this.#reader.u8()];
    switch (kind) {
      case 'element':
        return this.element(scope, depth + 1, bindings);
      case 'text':
        return new XmlText(checkedText(this.#reader.text(shortTextBytes)));
      case 'long-text':
        return new XmlText(checkedText(this.#reader.longText(messageBytesMax)));
      default:
        throw new WireError('no kind of node');
    }
  }

  #attribute(): XmlAttribute {
    const [ns, prefix, name] = this.#name();
    const isBound =
      (prefix || name) === 'xmlns'
        ? ns === XMLNS_NAMESPACE
        : mayBind(prefix, ns) && (prefix !== '' || ns === '');
    if (!isBound) throw new WireError('a prefix that XML does not bind so');
    return attribute({ ns, prefix, name }, checkedText(this.#reader.text(shortTextBytes)));
  }

  #name(): readonly [uri: string, prefix: string, localName: string] {
    const [uri, prefix, localName] = [this.#string(), this.#string(), this.#string()];
    if (!isName(localName) || (prefix !== '' && !isName(prefix))) {
      throw new WireError('no name of XML');
    }
    checkNamespace(uri);
    return [uri, prefix, localName];
  }
}

/** What Namespaces in XML 1.0 §3 lets an element or attribute have that declares nothing. */
function mayBind(prefix: string, uri: string): boolean {
  if (prefix === 'xmlns' || uri === XMLNS_NAMESPACE) return false;
  if ((prefix === 'xml') !== (uri === XML_NAMESPACE)) return false;
  return prefix === '' || uri !== '';
}

function checkNamespace(uri: string): void {
  if (uri.length > defaultXmlLimits.namespace) throw new WireError('a namespace that is too long');
  // Readers of XML may differ about it.
  if (uri.trim() !== uri) throw new WireError('white space around a namespace');
}

/** One tag binds a prefix once, and has an attribute once. */
function requireOneBindingEach(
  prefix: string,
  uri: string,
  attributes: readonly XmlAttribute[],
): void {
  const bound = new Map([[prefix, uri]]);
  const names = new Set<string>();
  for (const { namespaceURI, prefix: own, localName, value } of attributes) {
    const isDeclaration = namespaceURI === XMLNS_NAMESPACE;
    const declared = own === '' ? '' : localName;
    const [binds, to] = isDeclaration ? [declared, value] : [own, namespaceURI];
    const isBinding = isDeclaration || own !== '';
    const isOther = isBinding && (bound.get(binds) ?? to) !== to;
    const name = `${namespaceURI} ${localName}`;
    if (isOther || names.has(name)) throw new WireError('a tag that XML does not have');
    if (isBinding) bound.set(binds, to);
    names.add(name);
  }
}

function declarationsIn(attributes: readonly XmlAttribute[]): number {
  let count = 0;
  for (const { namespaceURI, value } of attributes) {
    if (namespaceURI !== XMLNS_NAMESPACE) continue;
    checkNamespace(value);
    count += 1;
  }
  return count;
}

/** An element's own prefix is bound in it, as its tag would declare it. */
function withPrefix(
  scope: NamespaceScope | undefined,
  prefix: string,
  uri: string,
): NamespaceScope | undefined {
  return lookUp(scope, prefix) === uri ? scope : { prefix, uri, outer: scope };
}

/** Names that are known to be such. */
const namesMax = 1024;
const longName = 64;
const isShortName = remembered(namesMax, (text) => nameForm.test(text));

function isName(text: string): boolean {
  return text.length > longName ? nameForm.test(text) : isShortName(text);
}

function checkedText(text: string): string {
  if (noXmlText.test(text)) throw new WireError('a character that XML does not have');
  return text;
}
