import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type WsdlName =
  | 'account'
  | 'activation'
  | 'completion'
  | 'completion-initiator'
  | 'coordinator'
  | 'order'
  | 'participant'
  | 'registration'
  | 'session'
  | 'transfer';

/** Concordat's own schemas. */
export type SchemaName = 'banking' | 'concordat' | 'session';

const schemaNames: readonly SchemaName[] = ['banking', 'concordat', 'session'];

/** The document's text with Concordat's own schemas put in place of their imports. */
class WsdlDocument {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The document for a service at this address (`http://host:port/path`). */
  at(address: string): string {
    const escaped = address
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('"', '&quot;');
    return this.#text.replaceAll(/ location="[^"]*"/g, () => ` location="${escaped}"`);
  }
}

/** Reads a WSDL of this package. */
export function loadWsdl(name: WsdlName): WsdlDocument {
  const text = readFileSync(new URL(`${name}.wsdl`, folder()), 'utf8');
  return new WsdlDocument(text.replaceAll(ownImport, (_, schema) => inlineSchema(schema)));
}

/** The text of a schema of this package, or `undefined` where there is none of that name. */
export function loadSchema(name: string): string | undefined {
  const known = schemaNames.find((schema) => schema === name);
  return known && readFileSync(new URL(`${known}.xsd`, folder()), 'utf8');
}

/** The OpenAPI description of sessions, as JSON. */
export function loadOpenApi(): string {
  return readFileSync(new URL('sessions.openapi.json', folder()), 'utf8');
}

/** A `types` entry that does nothing but import one of our schemas, which lie beside the WSDL. */
const ownImport =
  /<xsd:schema>\s*<xsd:import namespace="[^"]*" schemaLocation="([a-z]+)\.xsd"\/>\s*<\/xsd:schema>/g;

function inlineSchema(name: string): string {
  const text = loadSchema(name);
  if (text === undefined) throw new Error(`no schema of this name: ${name}`);
  return text.replace(/^<\?xml[^>]*\?>\s*/, '').trimEnd();
}

/** The package's `wsdl` folder, found from the sources as well as from the compiled output. */
function folder(): URL {
  const candidates = ['../../wsdl/', '../../../wsdl/'];
  const found = candidates
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(fileURLToPath(url)));
  if (found === undefined) throw new Error('the wsdl folder of the package is missing');
  return found;
}
