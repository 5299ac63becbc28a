/** What a node answered to a GET; `undefined` where it did not answer in time. */
export interface HttpGetResult {
  readonly status: number;
  readonly body: Uint8Array;
}

/** Reads at most `maxBytes`; a longer answer counts as none. */
export async function httpGet(
  url: string,
  { timeoutMs, maxBytes }: { readonly timeoutMs: number; readonly maxBytes: number },
): Promise<HttpGetResult | undefined> {
  try {
    const response = await fetch(url, {
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
