import type { Logger } from '../http/logger.js';
import type { Members } from './members.js';

/** Milliseconds that a node has to take a record. */
const timeoutMs = 10_000;

/**
 * Passes a record on that this node has just admitted, once: a coordinator to all nodes, another node to the coordinators.
 * So no bringer can have some nodes know a participant for long, and others not. A node that does not answer is left out.
 */
export async function passOn(
  { cluster }: Members,
  self: { readonly name: string },
  record: Uint8Array,
  log: Logger,
): Promise<void> {
  const { coordinators, initiators, participants, fronts } = cluster;
  const isCoordinator = coordinators.some(({ name }) => name === self.name);
  const others = isCoordinator ? [...initiators, ...participants, ...fronts] : [];
  const nodes = [...coordinators, ...others].filter(({ name }) => name !== self.name);
  await Promise.all(
    nodes.map(async ({ name, url }) => {
      try {
        await post(`${url}/members`, record);
      } catch (error) {
        log.info({ err: error, to: name }, 'member-not-passed-on');
      }
    }),
  );
}

async function post(address: string, record: Uint8Array): Promise<void> {
  const { body } = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from(record),
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  await body?.cancel();
}
