import { setTimeout as sleep } from 'node:timers/promises';
import { httpGet } from '../../../src/kernel/http/http-get.js';
import { gatewayDisk, preparedAt, preparedInXts } from './disks.js';
import { inDoubtIn } from './judge.js';
import type { Scene } from './scene.js';

export interface Settled {
  /** Until nothing was open, or the limit; milliseconds. */
  readonly tookMs: number;
  /** What still was. */
  readonly open: readonly string[];
}

const settledWithinMs = 600_000;
const pollMs = 1000;

/** Waits until nothing is open anywhere: in no bank, not in XTS, not at the gateway or in the cluster. */
export async function settled(scene: Scene, progress: (line: string) => void): Promise<Settled> {
  const begun = performance.now();
  let said = '';
  for (;;) {
    const open = await openIn(scene);
    const tookMs = Math.round(performance.now() - begun);
    if (open.length === 0 || tookMs > settledWithinMs) return { tookMs, open };
    const line = `${open.length} open: ${open.slice(0, 4).join(', ')}`;
    if (line !== said) progress(line);
    said = line;
    await sleep(pollMs);
  }
}

async function openIn(scene: Scene): Promise<string[]> {
  const books = inDoubtIn(await scene.wildfly.books());
  const open = [
    ...named('a bank of plain software', books),
    ...named('XTS', await preparedInXts(scene)),
    ...(await openSlots(scene)),
  ];
  // To look at a store its node is stopped for a moment.
  if (open.length > 0) return open;
  const at = async (name: string) => named(name, await preparedAt(scene, name));
  const participants = [scene.payee, scene.gateway].map(at);
  const gateway = named('the gateway', (await gatewayDisk(scene)).open);
  return [...(await Promise.all(participants)).flat(), ...gateway];
}

const named = (where: string, what: readonly string[]) => what.map((each) => `${each} at ${where}`);

async function openSlots({ cluster: { cluster } }: Scene): Promise<string[]> {
  const limits = { timeoutMs: 5000, maxBytes: 65_536 };
  const said = cluster.coordinators.map(async ({ name, url }) => {
    const answer = await httpGet(`${url}/status`, limits);
    if (answer === undefined) return [`${name} that does not answer`];
    const { openSlots: slots } = JSON.parse(Buffer.from(answer.body).toString());
    return slots === 0 ? [] : [`${slots} slots at ${name}`];
  });
  return (await Promise.all(said)).flat();
}
