import { sha256 } from '../../../src/kernel/digest.js';
import { clientId } from '../../../src/kernel/ids.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';

/** What stands for a client's signature: nobody but the clients makes these. */
function sealOf(client: string, number: number, text: string): string {
  return sha256(new TextEncoder().encode(`seal ${client} ${number} ${text}`)).slice(0, 16);
}

/** A request as its client made it. */
export function genuineRequest(client: string, number: number, text: string): OrderingRequest {
  const payload = new TextEncoder().encode(`${sealOf(client, number, text)} ${text}`);
  return { client: clientId(client), number, payload };
}

/** A request that its client never made. */
export function forgedRequest(client: string, number: number): OrderingRequest {
  const payload = new TextEncoder().encode('0123456789abcdef forged');
  return { client: clientId(client), number, payload };
}

/** What the application checks of every request. */
export function isGenuine({ client, number, payload }: OrderingRequest): boolean {
  const text = new TextDecoder().decode(payload);
  return text.slice(0, 16) === sealOf(client, number, text.slice(17));
}
