import { createPrivateKey, randomInt, X509Certificate } from 'node:crypto';
import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { batchSigner } from '../../../src/kernel/batch-signer.js';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { toCluster } from '../../../src/kernel/config/cluster-file.js';
import { makeCluster } from '../../../src/kernel/config/new-cluster.js';
import type { NodeFile, NodeRole } from '../../../src/kernel/config/node-file.js';
import { issueAuthority } from '../../../src/kernel/config/x509.js';
import { createHttpServer } from '../../../src/kernel/http/http-server.js';
import { createLogger } from '../../../src/kernel/http/logger.js';
import { ed25519Signer, Keyring, type Sign } from '../../../src/kernel/keys.js';
import { type SoapIdentity, soapIdentity } from '../../../src/soap/identity.js';
import type { Operations } from '../../../src/soap/port.js';
import { registerPort } from '../../../src/soap/server.js';
import { MessageSigner } from '../../../src/soap/signing.js';
import type { ReceivedMessage } from '../../../src/soap/verification.js';
import type { WsdlName } from '../../../src/soap/wsdl.js';
import { Evidence } from '../evidence.js';
import type { TestCluster } from '../keys.js';

export const log = createLogger({ name: 'test', level: 'silent' });

/** The ports of a stub, by their paths. */
export type Services = Readonly<
  Record<string, { readonly wsdl: WsdlName; readonly operations: Operations<ReceivedMessage> }>
>;

/** A cluster with real certificates and keys whose members have free ports of this machine. */
export class World {
  readonly cluster: Cluster;
  readonly evidence: Evidence;
  readonly #nodes: readonly NodeFile[];

  private constructor(cluster: Cluster, nodes: readonly NodeFile[]) {
    this.cluster = cluster;
    this.#nodes = nodes;
    this.evidence = new Evidence(this.#asTestCluster());
  }

  static async make(timing: Partial<Cluster['timing']> = {}): Promise<World> {
    const made = makeCluster(
      {
        clusterId: 'test',
        f: 1,
        clients: ['alice', 'bob'],
        layout: { kind: 'local', host: '127.0.0.1', basePort: 20_000 },
      },
      issueAuthority('test'),
    );
    const ports = new Map<string, number>();
    for (const { name } of made.nodes) ports.set(name, await freePort());
    const moved = <Entry extends { name: string; url: string }>(members: Entry[]): Entry[] =>
      members.map((entry) => ({ ...entry, url: `http://127.0.0.1:${ports.get(entry.name)}` }));
    const cluster = toCluster({
      ...made.cluster,
      coordinators: moved(made.cluster.coordinators),
      initiators: moved(made.cluster.initiators),
      participants: moved(made.cluster.participants),
      fronts: moved(made.cluster.fronts),
      timing: { ...made.cluster.timing, resendAfterMs: 100, ...timing },
    });
    const nodes = made.nodes.map((node) =>
      node.role === 'client'
        ? node
        : { ...node, listen: { host: '127.0.0.1', port: ports.get(node.name) ?? 0 } },
    );
    return new World(cluster, nodes);
  }

  node<Role extends NodeRole>(role: Role, name: string): Extract<NodeFile, { role: Role }> {
    const found = this.#nodes.find((node) => node.name === name && node.role === role);
    if (found === undefined) throw new RangeError(`no ${role} ${name}`);
    return found as Extract<NodeFile, { role: Role }>;
  }

  /**
   * Serves a stub at the node's own address until the test ends, signing as that node or as `signer`,
   * another one of its role.
   */
  async serve(
    role: Exclude<NodeRole, 'client'>,
    name: string,
    services: (soap: SoapIdentity) => Services,
    signer = name,
  ): Promise<void> {
    const node = this.node(role, name);
    const soap = soapIdentity(this.cluster, this.node(role, signer));
    const app = createHttpServer({ log });
    for (const [path, { wsdl, operations }] of Object.entries(services(soap))) {
      const address = `http://127.0.0.1:${node.listen.port}${path}`;
      const security = {
        kind: 'signed',
        verifier: soap.verifier,
        signer: soap.signer,
        address,
      } as const;
      registerPort(app, { path, wsdl, security, operations, client: soap.client });
    }
    await app.listen(node.listen);
    onTestFinished(async () => {
      await soap.client.close();
      await app.close();
    });
  }

  /** A signing SOAP client in the name of a node, closed when the test ends. */
  soapOf(role: NodeRole, name: string): SoapIdentity {
    const soap = soapIdentity(this.cluster, this.node(role, name));
    onTestFinished(() => soap.client.close());
    return soap;
  }

  /** Signs in the name of a node, by another clock. */
  signerOf(role: NodeRole, name: string, clock: () => number): MessageSigner {
    const { certificate, privateKey } = this.node(role, name);
    return new MessageSigner({
      certificateDer: new X509Certificate(certificate).raw,
      privateKey: createPrivateKey(privateKey),
      clock,
    });
  }

  #asTestCluster(): TestCluster {
    const signers = new Map<string, Sign>();
    for (const node of this.#nodes) {
      if ('statementKey' in node) signers.set(node.name, ed25519Signer(node.statementKey));
    }
    const signer = (name: string): Sign => {
      const sign = signers.get(name);
      if (sign === undefined) throw new RangeError(`no statement key of ${name}`);
      return sign;
    };
    return {
      cluster: this.cluster,
      keyring: Keyring.of(this.cluster),
      replicaSign: (index) => batchSigner(signer(`coordinator-${index}`)),
      initiatorSign: (index) => batchSigner(signer(`initiator-${index}`)),
      participantSign: (name) => batchSigner(signer(name)),
    };
  }
}

/** Below the ports that the system gives to outgoing connections. */
let lastPort = randomInt(10_000, 31_000);

/** A port that nobody listens at now; another one each time. */
async function freePort(): Promise<number> {
  do lastPort += 1;
  while (!(await isFree(lastPort)));
  return lastPort;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
