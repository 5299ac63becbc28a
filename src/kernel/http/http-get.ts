/** What a node answered; `undefined` where it did not answer in time. */
export interface HttpResult {
  readonly status: number;
  readonly body: Uint8Array;
}

interface Bounds {
  readonly timeoutMs: number;
  /** A longer answer counts as none. */
  readonly maxBytes: number;
}

/** Asks a node. */
export function httpGet(url: string, bounds: Bounds): Promise<HttpResult | undefined> {
  return exchange(url, {}, bounds);
}

/** Sends bytes to a node. */
export function httpPost(
  url: string,
  bytes: Uint8Array,
  bounds: Bounds,
): Promise<HttpResult | undefined> {
  const headers = { 'content-type': 'application/octet-stream' };
  return exchange(url, { method: 'POST', headers, body: Buffer.from(bytes) }, bounds);
}

async function exchange(
  url: string,
  init: RequestInit,
  { timeoutMs, maxBytes }: Bounds,
): Promise<HttpResult | undefined> {
  try {
    const response = await fetch(url, {
      ...init,
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
    });
    const body = await readBody(response, maxBytes);
    return body && { status: response.status, body };
  } catch {
    return undefined;
  }
}

/** Whether the node at this base address says that it is well. */
export async function isHealthy(url: string, timeoutMs = 1000): Promise<boolean> {
  const answer = await httpGet(`${url}/healthz`, { timeoutMs, maxBytes: 65_536 });
  return answer?.status === 200;
}

async function readBody(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    length += part.value.length;
    if (length > maxBytes) {
      await reader?.cancel();
      return undefined;
    }
    parts.push(part.value);
  }
  return Buffer.concat(parts);
}
