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
import type { Downloads } from './downloads.js';
import { Stage, stagePorts } from './sc007/stage.js';
import { wildflyPorts } from './server.js';
import { Wildfly } from './wildfly.js';

const gateway = 'gw';
const payee = { bank: participantId('bank-b'), account: accountId('bob') };
/** The machine may have a lot to do. */
const startTimeoutMs = 120_000;

/** Of WildFly, and of what stands between it and the gateway. */
export const portsUsed = wildflyPorts + stagePorts;

export interface SceneOptions {
  readonly downloads: Downloads;
  /** First of the ports; free ones where it is undefined. */
  readonly port: number | undefined;
  /** Whether the scenarios of the interoperability rounds are to be run. */
  readonly hasStage: boolean;
  readonly progress: (line: string) => void;
}

interface SceneParts {
  readonly directory: string;
  readonly cluster: LocalCluster;
  readonly wildfly: Wildfly;
  readonly stage: Stage | undefined;
  readonly gatewayUrl: string;
  readonly client: TransferClient;
  readonly range: PortRange | undefined;
}

/** A cluster on this machine with a gateway, and WildFly with Narayana, which knows only the gateway. */
export class Scene {
  readonly directory: string;
  readonly cluster: LocalCluster;
  readonly wildfly: Wildfly;
  /** Names of nodes of the cluster: the gateway, and the bank that mixed transfers credit. */
  readonly gateway = gateway;
  readonly payee = payee.bank;
  readonly stage: Stage | undefined;
  readonly #gatewayUrl: string;
  readonly #client: TransferClient;
  readonly #range: PortRange | undefined;

  private constructor(parts: SceneParts) {
    this.directory = parts.directory;
    this.cluster = parts.cluster;
    this.wildfly = parts.wildfly;
    this.stage = parts.stage;
    this.#gatewayUrl = parts.gatewayUrl;
    this.#client = parts.client;
    this.#range = parts.range;
  }

  static async start({ downloads, port: asked, hasStage, progress }: SceneOptions): Promise<Scene> {
    const range = asked === undefined ? await claimPorts() : undefined;
    const port = asked ?? range?.basePort ?? 0;
    const directory = await mkdtemp(join(tmpdir(), 'concordat-narayana-'));
    const create = newClusterOf({ gateways: [gateway], clients: ['alice', 'bob'] });
    progress(`a cluster in ${directory}`);
    const cluster = await LocalCluster.start({
      ...{ directory: join(directory, 'cluster'), create, startTimeoutMs },
    });
    let stage: Stage | undefined;
    try {
      const { plain } = await gatewayNode(cluster);
      const own = { gateway: plain.url, wildfly: `http://127.0.0.1:${port}` };
      if (hasStage) stage = await Stage.open({ ...own, port: port + wildflyPorts });
      const seen = stage ?? own;
      await allowPlain(cluster, seen);
      const wildfly = await Wildfly.make({
        ...{ downloads, port, directory: join(directory, 'wildfly') },
        origin: seen.wildfly,
        activation: `${seen.gateway}/activation-in-seconds`,
      });
      const { node, cluster: file } = await loadClient(cluster.nodeFile('bob'));
      const client = new TransferClient({ node, cluster: file });
      const parts = { directory, cluster, wildfly, stage, client, range };
      const scene = new Scene({ ...parts, gatewayUrl: seen.gateway });
      progress('WildFly starts');
      await wildfly.start();
      return scene;
    } catch (error) {
      await stage?.close();
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
    await this.stage?.close();
    await this.#client.close();
    await this.cluster.stop();
    await this.#range?.release();
    if (!keep) await rm(this.directory, { recursive: true, force: true });
  }
}

/** Both sides' origins as the other knows them. */
type Origins = Readonly<Record<'gateway' | 'wildfly', string>>;

async function gatewayNode(cluster: LocalCluster): Promise<GatewayNode> {
  return JSON.parse(await readFile(cluster.nodeFile(gateway), 'utf8')) as GatewayNode;
}

async function allowPlain(cluster: LocalCluster, origins: Origins): Promise<void> {
  const node = await gatewayNode(cluster);
  const plain = {
    ...{ ...node.plain, url: origins.gateway, allowedOrigins: [origins.wildfly] },
    // XTS writes localhost into the addresses of its endpoints.
    isLoopbackOne: true,
  };
  await writeFile(cluster.nodeFile(gateway), JSON.stringify({ ...node, plain }, null, 2));
  await cluster.restart(gateway);
}
