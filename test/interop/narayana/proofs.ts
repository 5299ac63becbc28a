import { decisionProofBytesMax } from '../../../src/agreement/sizes.js';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { httpGet } from '../../../src/kernel/http/http-get.js';
import type { TransactionId } from '../../../src/kernel/ids.js';
import { checkProof } from '../../../src/service/client/proof-check.js';
import type { Scene } from './scene.js';

/** What the coordinators prove of one transfer. */
export interface Proved {
  readonly transfer: string;
  /** Of each coordinator: the outcome that it proves, `absent`, or what is wrong with its proof. */
  readonly findings: readonly string[];
}

const timeoutMs = 10_000;
const atATime = 8;

/** Fetches the proof of each transaction from every coordinator, and checks it with the cluster's public file alone. */
export async function proofsOf(
  { cluster: { cluster } }: Scene,
  transactions: ReadonlyMap<string, TransactionId>,
): Promise<Proved[]> {
  const rest = [...transactions];
  const proved: Proved[] = [];
  const worker = async (): Promise<void> => {
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      const [transfer, tid] = next;
      const findings = cluster.coordinators.map(({ url }) => findingAt(url, cluster, tid));
      proved.push({ transfer, findings: await Promise.all(findings) });
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return proved;
}

async function findingAt(url: string, cluster: Cluster, tid: TransactionId): Promise<string> {
  const limits = { timeoutMs, maxBytes: decisionProofBytesMax };
  const answer = await httpGet(`${url}/proof/${tid}`, limits);
  if (answer === undefined) return 'no answer';
  if (answer.status === 404) return 'absent';
  if (answer.status !== 200) return `status ${answer.status}`;
  const checked = checkProof(cluster, answer.body);
  if (!checked.ok) return checked.error;
  const { value } = checked.value;
  return value.kind === 'outcome' && value.tid === tid ? value.outcome : 'of something else';
}
