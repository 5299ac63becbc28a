import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DOMParser, XMLSerializer } from '@xmldom/xmldom';
import { pino } from 'pino';
import { createClientAsync } from 'soap';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { validateXML, type XMLValidationResult } from 'xmllint-wasm';
import { createHttpServer } from '../../src/kernel/http/http-server.js';
import { registerPort } from '../../src/soap/server.js';
import { wsdlNames } from '../support/wsdl-names.js';

const forms = ['wsdl', 'singleWsdl'];
const served = wsdlNames.flatMap((name) => forms.map((form) => `/ports/${name}?${form}`));

const app = createHttpServer({ log: pino({ level: 'silent' }) });
let origin: string;

beforeAll(async () => {
  for (const wsdl of wsdlNames) {
    const security = { kind: 'plain' } as const;
    registerPort(app, { path: `/ports/${wsdl}`, wsdl, security, operations: {} });
  }
  origin = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => app.close());

const xsd = 'http://www.w3.org/2001/XMLSchema';

/** Elements of any of the names, in any namespace. */
function elements(root: Element, ...localNames: string[]): Element[] {
  return localNames.flatMap((name) => Array.from(root.getElementsByTagNameNS('*', name)));
}

async function get(url: string): Promise<Element> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  return new DOMParser().parseFromString(await response.text(), 'text/xml').documentElement;
}

/** Where the document's imports lead. Those without a location must name a schema of the same document. */
function importsOf(root: Element): string[] {
  const here = elements(root, 'schema').map((schema) => schema.getAttribute('targetNamespace'));
  return elements(root, 'import', 'include', 'redefine').flatMap((entry) => {
    const location = entry.getAttribute('schemaLocation') || entry.getAttribute('location');
    if (!location) expect(here).toContain(entry.getAttribute('namespace'));
    expect(location).not.toMatch(/^[a-z]+:|^\/\//);
    return location || [];
  });
}

/** The document and all that it imports, each once. */
async function closure(url: string): Promise<Map<string, Element>> {
  const seen = new Map<string, Element>();
  const open = [url];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    const at = next;
    const root = await get(at);
    seen.set(at, root);
    open.push(...importsOf(root).map((location) => new URL(location, at).href));
  }
  return seen;
}

describe.each(served)('%s', (path) => {
  it('imports nothing that this port does not serve', async () => {
    const documents = await closure(origin + path);
    const { pathname } = new URL(path, origin);
    const ports = [...documents.keys()].map((url) => url.split('?')[0]);
    expect(new Set(ports)).toEqual(new Set([origin + pathname]));
    if (path.endsWith('singleWsdl')) expect(documents.size).toBe(1);
  });

  it('holds or imports schemas that are valid together', async () => {
    const documents = [...(await closure(origin + path)).values()];
    const schemas = documents
      .flatMap((root) => (root.localName === 'schema' ? [root] : elements(root, 'schema')))
      .filter((schema) => schema.hasAttribute('targetNamespace'));
    await expect(compile(schemas)).resolves.toMatchObject({ valid: true });
  });
});

/** By libxml2, which takes an import without a location where the namespace has come before. */
async function compile(schemas: readonly Element[]): Promise<XMLValidationResult> {
  const files = schemas.map((schema, index) => ({
    namespace: schema.getAttribute('targetNamespace') ?? '',
    uses: elements(schema, 'import').length,
    fileName: `${index}.xsd`,
    contents: new XMLSerializer()
      .serializeToString(schema)
      .replaceAll(/ schemaLocation="[^"]*"/g, ''),
  }));
  const imports = files
    .sort((one, other) => one.uses - other.uses)
    .map(({ namespace, fileName }) => {
      return `<import namespace="${namespace}" schemaLocation="${fileName}"/>`;
    });
  return validateXML({
    xml: [{ fileName: 'any.xml', contents: '<any xmlns="urn:any"/>' }],
    schema: {
      fileName: 'driver.xsd',
      contents: `<schema xmlns="${xsd}" targetNamespace="urn:any">${imports.join('')}
        <element name="any"/></schema>`,
    },
    preload: files,
  });
}

it('is found out where a schema is missing', async () => {
  const root = await get(`${origin}/ports/registration?singleWsdl`);
  const [, registration] = elements(root, 'schema');
  expect(registration?.getAttribute('targetNamespace')).toContain('wscoor');
  await expect(compile(registration ? [registration] : [])).rejects.toThrow('does not resolve');
});

it('keeps the notices of the standards', async () => {
  for (const query of ['singleWsdl', 'xsd=wstx-wscoor-1.1-schema-200701']) {
    const text = await (await fetch(`${origin}/ports/activation?${query}`)).text();
    expect(text).toContain('Copyright OASIS Open 2006. All Rights Reserved.');
    if (query === 'singleWsdl') expect(text).toContain('W3C® Software License');
  }
});

it.each(served)('soap for Node.js reads %s', async (path) => {
  const client = await createClientAsync(origin + path);
  expect(Object.keys(client.describe())).toHaveLength(1);
});

const python = '/usr/bin/python3';
it('zeep reads all of them, and asks no other server', async ({ skip }) => {
  const run = promisify(execFile);
  const hasZeep = await run(python, ['-c', 'import zeep']).then(
    () => true,
    () => false,
  );
  if (!hasZeep) skip('zeep is not installed');
  const urls = served.map((path) => origin + path);
  const { stdout } = await run(python, ['-c', zeepProgram, origin, ...urls]);
  expect(stdout.trim().split('\n')).toEqual(urls.map((url) => `${url} 2 ports`));
});

const zeepProgram = `
import sys, zeep
origin, *urls = sys.argv[1:]

class Here(zeep.transports.Transport):
    def load(self, url):
        assert url.startswith(origin), url
        return super().load(url)

for url in urls:
    wsdl = zeep.Client(url, transport=Here()).wsdl
    ports = [port for service in wsdl.services.values() for port in service.ports.values()]
    for port in ports:
        for operation in port.binding.all().values():
            operation.input.signature()
    assert list(wsdl.types.elements)
    print(url, len(ports), 'ports')
`;
