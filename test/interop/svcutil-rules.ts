import { parseXml } from '../../src/soap/parse-xml.js';
import {
  attributeOf,
  childElements,
  isNamed,
  lookUp,
  type XmlElement,
} from '../../src/soap/xml.js';

/**
 * Breaches of what .NET's svcutil asks of a WSDL, as far as a document shows it: one part for each message, by
 * element; document style, literal; bindings that match their port type; faults of one name throughout; distinct
 * actions; a schema for each namespace in use; and wrappers that are wrappers. Takes a WSDL with its schemas
 * inside. svcutil itself runs on Windows only; these rules are no substitute for it.
 */
export function svcutilBreaches(wsdlText: string): string[] {
  const document = parseXml(wsdlText);
  return [
    ...messageBreaches(document),
    ...bindingBreaches(document),
    ...wrapperBreaches(document),
    ...schemaBreaches(document),
  ];
}

const wsdl = 'http://schemas.xmlsoap.org/wsdl/';
const xsd = 'http://www.w3.org/2001/XMLSchema';
const soapBindings = [
  'http://schemas.xmlsoap.org/wsdl/soap/',
  'http://schemas.xmlsoap.org/wsdl/soap12/',
];

function messageBreaches(document: XmlElement): string[] {
  return named(document, wsdl, 'message').flatMap((message) => {
    const parts = named(message, wsdl, 'part');
    const elements = parts.filter((part) => value(part, 'element') !== '');
    return parts.length === 1 && elements.length === 1
      ? []
      : [`message ${value(message, 'name')} is not one part with an element`];
  });
}

function bindingBreaches(document: XmlElement): string[] {
  return named(document, wsdl, 'binding').flatMap((binding) => {
    const name = value(binding, 'name');
    const operations = named(binding, wsdl, 'operation');
    const actions = operations.flatMap((each) => soap(each, 'operation', 'soapAction'));
    const portType = named(document, wsdl, 'portType').find(
      (each) => value(each, 'name') === localPart(value(binding, 'type')),
    );
    const declared = portType ? named(portType, wsdl, 'operation') : [];
    return [
      ...(soap(binding, 'binding', 'style').join() === 'document'
        ? []
        : [`${name} is not in document style`]),
      ...(new Set(actions).size === operations.length ? [] : [`actions of ${name} repeat`]),
      ...(shapes(declared).join() === shapes(operations).join()
        ? []
        : [`${name} does not match its port type`]),
      ...operations.flatMap((operation) => contentBreaches(name, operation)),
    ];
  });
}

/** Each operation with its input, output and faults, as a line. */
function shapes(operations: readonly XmlElement[]): string[] {
  return operations.map((operation) =>
    [
      value(operation, 'name'),
      ...['input', 'output'].filter((name) => named(operation, wsdl, name).length > 0),
      ...named(operation, wsdl, 'fault').map((fault) => value(fault, 'name')),
    ].join(' '),
  );
}

function contentBreaches(binding: string, operation: XmlElement): string[] {
  const where = `${binding}, ${value(operation, 'name')}`;
  const bodies = [...named(operation, wsdl, 'input'), ...named(operation, wsdl, 'output')];
  const faults = named(operation, wsdl, 'fault');
  return [
    ...(bodies.every((body) => soap(body, 'body', 'use').join() === 'literal')
      ? []
      : [`${where}: a body is not literal`]),
    ...faults
      .filter((fault) => soap(fault, 'fault', 'name').join() !== value(fault, 'name'))
      .map((fault) => `${where}: fault ${value(fault, 'name')} has another name inside`),
  ];
}

/**
 * A part named `parameters` whose element has the operation's name is a wrapper: a sequence of elements, bare of
 * attributes. The answer to one has no `Result` after its first element: proxies call the first one so.
 */
function wrapperBreaches(document: XmlElement): string[] {
  const operations = named(document, wsdl, 'portType').flatMap((each) =>
    named(each, wsdl, 'operation'),
  );
  return operations.flatMap((operation) => {
    const name = value(operation, 'name');
    const part = partOf(document, operation, 'input');
    if (part === undefined || value(part, 'name') !== 'parameters') return [];
    if (localPart(value(part, 'element')) !== name) return [];
    if (!isWrapper(document, part)) return [`${name} is named like a wrapper and is none`];
    const answer = partOf(document, operation, 'output');
    return answer && contentOf(document, answer).slice(1).includes('Result')
      ? [`${name} is a wrapper whose answer has a second Result`]
      : [];
  });
}

/** The only part of the message that is the operation's input or output. */
function partOf(document: XmlElement, operation: XmlElement, side: 'input' | 'output') {
  const message = named(operation, wsdl, side).map((each) => localPart(value(each, 'message')))[0];
  return named(document, wsdl, 'message')
    .filter((each) => value(each, 'name') === message)
    .flatMap((each) => named(each, wsdl, 'part'))[0];
}

function isWrapper(document: XmlElement, part: XmlElement): boolean {
  const type = typeOf(document, part);
  if (type === undefined) return false;
  return childElements(type).every(
    (each) =>
      isNamed(each, xsd, 'annotation') ||
      (isNamed(each, xsd, 'sequence') &&
        childElements(each).every((inner) => isNamed(inner, xsd, 'element'))),
  );
}

/** Names of the elements in the sequence that a part is. */
function contentOf(document: XmlElement, part: XmlElement): string[] {
  const type = typeOf(document, part);
  const sequences = type ? named(type, xsd, 'sequence') : [];
  return sequences
    .flatMap((each) => named(each, xsd, 'element'))
    .map((each) => value(each, 'name'));
}

/** The complex type of a part's element. */
function typeOf(document: XmlElement, part: XmlElement): XmlElement | undefined {
  const element = global(document, 'element', part, value(part, 'element'));
  return (
    element &&
    (named(element, xsd, 'complexType')[0] ??
      global(document, 'complexType', element, value(element, 'type')))
  );
}

function schemaBreaches(document: XmlElement): string[] {
  const there = schemasOf(document).map((schema) => value(schema, 'targetNamespace'));
  const used = named(document, wsdl, 'message')
    .flatMap((message) => named(message, wsdl, 'part'))
    .map((part) => namespaceOf(part, value(part, 'element')));
  return [
    ...(there.includes('') ? ['a schema has no target namespace'] : []),
    ...(new Set(there).size === there.length ? [] : ['two schemas have one namespace']),
    ...[...new Set(used)]
      .filter((each) => !there.includes(each))
      .map((each) => `no schema of ${each}`),
  ];
}

function schemasOf(document: XmlElement): XmlElement[] {
  return named(document, wsdl, 'types').flatMap((types) => named(types, xsd, 'schema'));
}

/** A global declaration that a name in this element means. */
function global(document: XmlElement, kind: string, at: XmlElement, name: string) {
  const ns = namespaceOf(at, name);
  return schemasOf(document)
    .filter((schema) => value(schema, 'targetNamespace') === ns)
    .flatMap((schema) => named(schema, xsd, kind))
    .find((each) => value(each, 'name') === localPart(name));
}

function named(parent: XmlElement, ns: string, name: string): XmlElement[] {
  return childElements(parent).filter((each) => isNamed(each, ns, name));
}

/** An attribute of the SOAP binding's elements of that name, in either version. */
function soap(parent: XmlElement, name: string, attribute: string): string[] {
  return soapBindings.flatMap((ns) =>
    named(parent, ns, name).map((each) => value(each, attribute)),
  );
}

function value(element: XmlElement, attribute: string): string {
  return attributeOf(element, '', attribute) ?? '';
}

function localPart(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function namespaceOf(at: XmlElement, name: string): string {
  return lookUp(at.scope, name.includes(':') ? name.slice(0, name.indexOf(':')) : '') ?? '';
}
