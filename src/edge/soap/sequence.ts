import { isElement, isNamed, textOf, type XmlElement } from './xml.js';

/** Turns what is wrong with a message into the exception to throw. */
export type Complaint = (reason: string) => Error;

/**
 * Reads an element's children strictly in their order, as an `xsd:sequence` does. Whatever is not
 * as asked for throws the complaint, which names the element.
 */
export class Sequence {
  readonly #parent: XmlElement;
  readonly #complain: Complaint;
  readonly #children: readonly XmlElement[];
  #next = 0;

  constructor(parent: XmlElement, complain: Complaint) {
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
  complain: Complaint,
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
