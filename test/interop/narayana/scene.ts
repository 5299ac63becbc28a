import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { accountId } from '../../../src/banking/soap.js';
import { loadClient } from '../../../src/cli/client.js';
import { newClusterOf } from '../../../src/cli/cluster-options.js';
import { claimPorts, type PortRange } from '../../../src/cli/local/port-range.js';
import { LocalCluster } from '../../../src/cli/local-cluster.js';
import type { GatewayNode } from '../../../src/kernel/config/node-file.js';
import { participantId } from '../../../src/kernel/ids.js';
import { type Downloads, Wildfly } from './wildfly.js';

const gateway = 'gw';
const payee = { bank: participantId('bank-b'), account: accountId('bob') };
/** The machine may have a lot to do. */
const startTimeoutMs = 120_000;

export interface SceneOptions {
  readonly downloads: Downloads;
  /** First of the ports of WildFly; free ones where it is undefined. */
  readonly port: number | undefined;
  readonly progress: (line: string) => void;
}

/** A cluster on this machine with a gateway, and WildFly with Narayana, which knows only the gateway. */
export class Scene {
  readonly directory: string;
  readonly cluster: LocalCluster;
  readonly wildfly: Wildfly;
  /** Names of nodes of the cluster: the gateway, and the bank that mixed transfers credit. */
  readonly gateway = gateway;
  readonly payee = payee.bank;
  readonly #gatewayUrl: string;
  readonly #client: TransferClient;
  readonly #range: PortRange | undefined;

  private constructor(
    directory: string,
    cluster: LocalCluster,
    wildfly: Wildfly,
    gatewayUrl: string,
    client: TransferClient,
    range: PortRange | undefined,
  ) {
    this.directory = directory;
    this.cluster = cluster;
    this.wildfly = wildfly;
    this.#gatewayUrl = gatewayUrl;
    this.#client = client;
    this.#range = range;
  }

  static async start({ downloads, port: asked, progress }: SceneOptions): Promise<Scene> {
    const range = asked === undefined ? await claimPorts() : undefined;
    const port = asked ?? range?.basePort ?? 0;
    const directory = await mkdtemp(join(tmpdir(), 'concordat-narayana-'));
    const create = newClusterOf({ gateways: [gateway], clients: ['alice', 'bob'] });
    progress(`a cluster in ${directory}`);
    const cluster = await LocalCluster.start({
      ...{ directory: join(directory, 'cluster'), create, startTimeoutMs },
    });
    try {
      const url = await allowPlain(cluster, `http://127.0.0.1:${port}`);
      const wildfly = await Wildfly.make({
        ...{ downloads, port, directory: join(directory, 'wildfly') },
        activation: `${url}/activation-in-seconds`,
      });
      const { node, cluster: file } = await loadClient(cluster.nodeFile('bob'));
      const client = new TransferClient({ node, cluster: file });
      const scene = new Scene(directory, cluster, wildfly, url, client, range);
      progress('WildFly starts');
      await wildfly.start();
      return scene;
    } catch (error) {
      await cluster.stop();
      await range?.release();
      throw error;
    }
  }

  /** What a transfer has for a credit at a bank of the cluster besides those of plain software. */
  mixed(amountMinor: number): Readonly<Record<string, string>> {
    const payload = JSON.stringify({ account: payee.account, amountMinor, currency: 'EUR' });
    return { participant: `${this.#gatewayUrl}/participants/${payee.bank}`, payload };
  }

  /** Of the account of the cluster's bank that is credited. */
  async balance(): Promise<number> {
    return (await this.#client.getBalance(payee.bank, payee.account)).amountMinor;
  }

  /** `keep`: for a look at the logs. */
  async stop({ keep }: { keep: boolean }): Promise<void> {
    await this.wildfly.end('SIGKILL');
    await this.#client.close();
    await this.cluster.stop();
    await this.#range?.release();
    if (!keep) await rm(this.directory, { recursive: true, force: true });
  }
}

/** Gives the address that plain software calls the gateway by. */
async function allowPlain(cluster: LocalCluster, origin: string): Promise<string> {
  const file = cluster.nodeFile(gateway);
  const node = JSON.parse(await readFile(file, 'utf8')) as GatewayNode;
  // XTS writes localhost into the addresses of its endpoints.
  const plain = { ...node.plain, allowedOrigins: [origin], isLoopbackOne: true };
  await writeFile(file, JSON.stringify({ ...node, plain }, null, 2));
  await cluster.restart(gateway);
  return node.plain.url;
}
