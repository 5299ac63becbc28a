import type { SoapVersion } from './vocabulary.js';

/**
 * How SOAP messages sit in HTTP: SOAP 1.1 §6 (`text/xml`, `SOAPAction`) and SOAP 1.2 Part 2 §7
 * (`application/soap+xml` with its `action` parameter).
 */

const mediaTypes: Readonly<Record<SoapVersion, string>> = {
  '1.1': 'text/xml',
  '1.2': 'application/soap+xml',
};

export const soapMediaTypes: readonly string[] = Object.values(mediaTypes);

/** The HTTP headers of a message; an empty action is left out. */
export function httpHeaders(version: SoapVersion, action: string): Record<string, string> {
  const contentType = `${mediaTypes[version]}; charset=utf-8`;
  if (version === '1.1') return { 'content-type': contentType, soapaction: `"${action}"` };
  if (action === '') return { 'content-type': contentType };
  return { 'content-type': `${contentType}; action="${action}"` };
}

/** The version that a content type stands for, or `undefined`. */
export function versionOfContentType(contentType: string | undefined): SoapVersion | undefined {
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === mediaTypes['1.1']) return '1.1';
  if (mediaType === mediaTypes['1.2']) return '1.2';
  return undefined;
}

/** The encoding that a content type names, or `undefined`. */
export function charsetOf(contentType: string): string | undefined {
  return parameterOf(contentType, 'charset');
}

/** The action that the HTTP headers name, empty where they name none. */
export function httpAction(
  version: SoapVersion,
  headers: { readonly [name: string]: string | string[] | undefined },
): string {
  if (version === '1.2') return parameterOf(headers['content-type'], 'action') ?? '';
  const { soapaction } = headers;
  return typeof soapaction === 'string' ? soapaction.trim().replace(/^"(.*)"$/, '$1') : '';
}

function parameterOf(contentType: string | string[] | undefined, name: string): string | undefined {
  if (typeof contentType !== 'string') return undefined;
  for (const [, key, quoted, plain] of contentType.matchAll(parameterForm)) {
    if (key?.toLowerCase() === name) return quoted ?? plain;
  }
  return undefined;
}

/** White space around "=" is not HTTP's, but some stacks write it. */
const parameterForm = /;\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s;"]+))/g;
