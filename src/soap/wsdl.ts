import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type WsdlName =
  | 'account'
  | 'activation'
  | 'completion'
  | 'completion-initiator'
  | 'coordinator'
  | 'dialogue'
  | 'order'
  | 'participant'
  | 'registration'
  | 'run'
  | 'service'
  | 'session'
  | 'transfer';

/** Concordat's own schemas, which every WSDL holds inline. */
const ownSchemas = ['banking', 'concordat', 'session'] as const;

/** The standards' schemas, as their committees published them: the files on disk are not changed. */
const standardSchemas = [
  'ws-addr',
  'wstx-wsat-1.1-schema-200701',
  'wstx-wscoor-1.1-schema-200701',
] as const;

const schemaNames = [...ownSchemas, ...standardSchemas];

/** A schema that a port serves; the name of its file without `.xsd`. */
export type SchemaName = (typeof schemaNames)[number];

/** `linked` imports the standards' schemas from the same port, `single` imports nothing. */
export type WsdlForm = 'linked' | 'single';

/** A service description that needs no other server. */
class WsdlDocument {
  readonly #forms: Readonly<Record<WsdlForm, string>>;

  constructor(text: string) {
    this.#forms = {
      linked: text.replaceAll(schemaEntry, (entry, file: string) =>
        isOwn(schemaNamed(file)) ? inlined(schemaNamed(file)) : entry,
      ),
      single: withSchemasInside(text),
    };
  }

  /** The document for a service at this address (`http://host:port/path`). */
  at(address: string, form: WsdlForm = 'linked'): string {
    const location = escaped(address);
    return linkedAt(address, this.#forms[form]).replaceAll(
      / location="[^"]*"/g,
      () => ` location="${location}"`,
    );
  }
}

/** Reads a WSDL of this package. */
export function loadWsdl(name: WsdlName): WsdlDocument {
  return new WsdlDocument(readFileSync(new URL(`${name}.wsdl`, folder()), 'utf8'));
}

/** The text of a schema of this package, or `undefined` where there is none of that name. */
export function loadSchema(name: string): string | undefined {
  const known = schemaNames.find((schema) => schema === name);
  return known && readFileSync(new URL(`${known}.xsd`, folder()), 'utf8');
}

/** The schema as a port with this path serves it: what it imports is served there, too. */
export function loadSchemaAt(path: string, name: string): string | undefined {
  const text = loadSchema(name);
  return text && linkedAt(path, text);
}

/** An OpenAPI description of this package, as JSON: of coordinators' sessions, or of a front door. */
export function loadOpenApi(name: 'sessions' | 'front'): string {
  return readFileSync(new URL(`${name}.openapi.json`, folder()), 'utf8');
}

/** A `types` entry that does nothing but import a schema, which lies beside the WSDL. */
const schemaEntry =
  /<xsd:schema>\s*<xsd:import namespace="[^"]*" schemaLocation="([^"]+)"\/>\s*<\/xsd:schema>/g;

/** Of any import; the location is a web address or the name of a file. */
const schemaLocation = / schemaLocation="(?:[^"]*\/)?([^"/]+\.xsd)"/g;

/**
 * The text with every import led to the port. The location begins with the last segment of the port's path,
 * although `?xsd=` alone would do: gSOAP and `java.net.URI` resolve a query against the folder.
 */
function linkedAt(address: string, text: string): string {
  const segment = escaped(address.slice(address.lastIndexOf('/') + 1));
  return text.replaceAll(
    schemaLocation,
    (_, file: string) => ` schemaLocation="${segment}?xsd=${schemaNamed(file)}"`,
  );
}

function withSchemasInside(text: string): string {
  const inside = new Set<SchemaName>();
  return text.replaceAll(schemaEntry, (_, file: string) => {
    const missing = withImports(schemaNamed(file)).filter((name) => !inside.has(name));
    for (const name of missing) inside.add(name);
    return missing.map((name) => inlined(name).replaceAll(schemaLocation, '')).join('\n');
  });
}

/** The schema after those that it imports, which import it nowhere. */
function withImports(name: SchemaName): SchemaName[] {
  const imported = [...(loadSchema(name) ?? '').matchAll(schemaLocation)];
  return [...imported.flatMap(([, file = '']) => withImports(schemaNamed(file))), name];
}

/** With its notice, which stands before its root element. */
function inlined(name: SchemaName): string {
  return (loadSchema(name) ?? '').replace(/^<\?xml[^>]*\?>\s*/, '').trimEnd();
}

function schemaNamed(file: string): SchemaName {
  const name = schemaNames.find((schema) => `${schema}.xsd` === file);
  if (name === undefined) throw new Error(`no schema of this name: ${file}`);
  return name;
}

function isOwn(name: SchemaName): boolean {
  return ownSchemas.some((own) => own === name);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
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
