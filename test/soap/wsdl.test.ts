import { describe, expect, it } from 'vitest';
import { loadSchema, loadWsdl } from '../../src/soap/wsdl.js';
import { standardsPresent, validateWsdl } from '../support/schemas.js';
import { wsdlNames } from '../support/wsdl-names.js';

const documents = wsdlNames.map((name) => loadWsdl(name).at('https://node.example:8443/x'));

describe('the WSDL documents', () => {
  it.skipIf(!standardsPresent)('are valid', async () => {
    const single = wsdlNames.map((name) => loadWsdl(name).at('https://node.example/x', 'single'));
    expect(await validateWsdl([...documents, ...single])).toEqual([]);
  });

  it.skipIf(!standardsPresent)('would not pass the check with a wrong element', async () => {
    const wrong = loadWsdl('account').at('urn:x').replace('<wsdl:service ', '<wsdl:servise ');
    expect(await validateWsdl([wrong])).not.toEqual([]);
  });

  it('carry the address they were asked for', () => {
    for (const document of documents) {
      expect(document).not.toContain('concordat.invalid');
      expect(document.match(/location="https:\/\/node\.example:8443\/x"/g)).toHaveLength(2);
    }
  });

  it('hold our own schemas inline', () => {
    for (const document of documents) {
      expect(document).not.toMatch(/schemaLocation="(banking|concordat|session)/);
      expect(document).toMatch(
        /<xsd:schema [^>]*targetNamespace="urn:concordat:(bank|session|2026)"/s,
      );
    }
  });

  it('escape the address', () => {
    expect(loadWsdl('transfer').at('http://a/"><x>&$&')).toContain(
      'location="http://a/&quot;>&lt;x>&amp;$&amp;"',
    );
  });

  it('name an action for every message', () => {
    for (const document of documents) {
      const messages = document.match(/<wsdl:(input|output|fault)[^>]* message="[^>]*>/g) ?? [];
      expect(messages.length).toBeGreaterThan(0);
      for (const message of messages) expect(message).toContain('wsam:Action=');
    }
  });

  it('find no schema but those of the package', () => {
    expect(loadSchema('banking')).toContain('urn:concordat:bank');
    expect(loadSchema('../package')).toBeUndefined();
  });
});
