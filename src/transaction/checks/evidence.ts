import type { Resilience } from '../../kernel/ids.js';
import type { SoapMessage } from '../../soap/envelope.js';
import { namespaces } from '../../soap/vocabulary.js';
import { isElement, isNamed, parseBase64, textOf, type XmlElement } from '../../soap/xml.js';
import type { Evidence } from './job.js';

/**
 * The statements and certificates in the body of a message, no more of them than who reads it takes: one certificate, and as
 * many statements as there are coordinators. What is no base64 is left out.
 */
export function evidenceIn({ body }: SoapMessage, resilience: Resilience): Evidence {
  const parts = body?.childNodes.filter(isElement) ?? [];
  return {
    statements: bytesOf(parts, 'Statement', resilience.n),
    certificates: bytesOf(parts, 'Proof', 1),
  };
}

function bytesOf(parts: readonly XmlElement[], name: string, max: number): Uint8Array[] {
  return parts
    .filter((part) => isNamed(part, namespaces.concordat, name))
    .slice(0, max)
    .flatMap((part) => {
      try {
        return [parseBase64(textOf(part))];
      } catch {
        return [];
      }
    });
}
