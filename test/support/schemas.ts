import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { validateXML, type XMLFileInfo } from 'xmllint-wasm';

const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '../..');
const standards = join(projectRoot, '../shared/standards');

/** Whether the standards' schemas are at hand. They are not part of the project. */
export const standardsPresent = existsSync(join(standards, 'all.xsd'));

/**
 * Validates whole SOAP envelopes against the schemas of SOAP, WS-Addressing, WS-Security,
 * WS-Coordination, WS-AtomicTransaction and Concordat. Returns what is wrong, one line an error, with
 * the message's index; nothing where all is well, or where the schemas are not at hand.
 */
export async function validateAgainstStandards(xmlTexts: string[]): Promise<string[]> {
  if (!standardsPresent || xmlTexts.length === 0) return [];
  const driver = withOwnSchemas(flat(readFileSync(join(standards, 'all.xsd'), 'utf8')));
  return validate(xmlTexts, driver, envelopeSchemas());
}

/** Validates WSDL documents against the WSDL 1.1 schema and its SOAP bindings'. */
export async function validateWsdl(xmlTexts: string[]): Promise<string[]> {
  if (!standardsPresent) return [];
  const driver = flat(readFileSync(join(standards, 'wsdl/wsdl-all.xsd'), 'utf8'));
  return validate(xmlTexts, driver, schemasIn('wsdl'));
}

async function validate(
  xmlTexts: readonly string[],
  driver: string,
  preload: readonly XMLFileInfo[],
): Promise<string[]> {
  const errors: string[] = [];
  for (let start = 0; start < xmlTexts.length; start += batchSize) {
    const batch = xmlTexts.slice(start, start + batchSize);
    const result = await validateXML({
      xml: batch.map((contents, index) => ({ fileName: `${start + index}.xml`, contents })),
      schema: { fileName: 'driver-schema.xsd', contents: driver },
      preload,
      initialMemoryPages: 1024,
      maxMemoryPages: 4096,
    });
    errors.push(...result.errors.map((error) => error.rawMessage));
  }
  return errors;
}

/** Messages per run of the WebAssembly checker, to stay within its memory. */
const batchSize = 200;

function envelopeSchemas(): XMLFileInfo[] {
  const folders = readdirSync(standards, { withFileTypes: true }).filter((e) => e.isDirectory());
  return [...folders.flatMap((folder) => schemasIn(folder.name)), ...ownSchemas()];
}

function schemasIn(folder: string): XMLFileInfo[] {
  return readdirSync(join(standards, folder))
    .filter((name) => name.endsWith('.xsd'))
    .map((name) => ({
      fileName: name,
      contents: readFileSync(join(standards, folder, name), 'utf8'),
    }));
}

function ownSchemas(): XMLFileInfo[] {
  return ['concordat.xsd', 'banking.xsd', 'session.xsd'].map((fileName) => ({
    fileName,
    contents: readFileSync(join(projectRoot, 'wsdl', fileName), 'utf8'),
  }));
}

/** The checker's file system has no folders. */
function flat(driver: string): string {
  return driver.replaceAll(/schemaLocation="[^"]*\/([^"/]+)"/g, 'schemaLocation="$1"');
}

function withOwnSchemas(driver: string): string {
  const imports = `<xs:import namespace="urn:concordat:2026" schemaLocation="concordat.xsd"/>
  <xs:import namespace="urn:concordat:bank" schemaLocation="banking.xsd"/>
  <xs:import namespace="urn:concordat:session" schemaLocation="session.xsd"/>`;
  return driver.replace('</xs:schema>', `${imports}\n</xs:schema>`);
}
