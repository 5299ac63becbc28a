import type { SoapMessage } from '../../soap/envelope.js';
import { namespaces } from '../../soap/vocabulary.js';
import { isElement, isNamed, parseBase64, textOf, type XmlElement } from '../../soap/xml.js';
import type { Evidence } from './job.js';

/** Statements, or certificates, of one message that are looked at. */
const evidenceMax = 64;

/** The statements and certificates in the body of a message. What is no base64 is left out. */
export function evidenceIn({ body }: SoapMessage): Evidence {
  const parts = body?.childNodes.filter(isElement) ?? [];
  return { statements: bytesOf(parts, 'Statement'), certificates: bytesOf(parts, 'Proof') };
}

function bytesOf(parts: readonly XmlElement[], name: string): Uint8Array[] {
  return parts
    .filter((part) => isNamed(part, namespaces.concordat, name))
    .slice(0, evidenceMax)
    .flatMap((part) => {
      try {
        return [parseBase64(textOf(part))];
      } catch {
        return [];
      }
    });
}
