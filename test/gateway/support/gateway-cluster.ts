import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestCluster } from '../../../src/api/test-cluster.js';
import type { GatewayNode } from '../../../src/kernel/config/node-file.js';
import { startParticipant } from '../../../src/service/participant/participant-node.js';
import { Table } from '../../../src/service/participant/table.js';
import type { Endpoint } from './plain-messages.js';
import { type PartySignatures, type PartyTls, PlainParty, type Received } from './plain-party.js';

/** What differs from a gateway that speaks HTTP. */
export interface PlainSide {
  readonly party?: PartyTls;
  readonly signatures?: PartySignatures;
  /** Fields of `plain` in the gateway's file; paths are relative to the folder `nodes`. */
  readonly fields: (directory: string, origin: string) => Promise<Partial<GatewayNode['plain']>>;
}

/** A cluster with a gateway, a participant of the cluster, and plain software that knows only the gateway. */
export class GatewayCluster {
  readonly all: TestCluster;
  readonly party: PlainParty;
  /** Of the participant `hotel`. */
  readonly rooms: Table;
  readonly url: string;

  private constructor(all: TestCluster, party: PlainParty, rooms: Table, url: string) {
    this.all = all;
    this.party = party;
    this.rooms = rooms;
    this.url = url;
  }

  static async start(version: '1.1' | '1.2' = '1.1', side?: PlainSide): Promise<GatewayCluster> {
    const rooms = new Table({ free: 12 });
    const party = await PlainParty.start(version, 0, side?.party);
    party.signatures = side?.signatures;
    const all = await TestCluster.start({
      gateways: ['gw'],
      // Some tests wait for it.
      timing: { voteTimeoutMs: 10_000 },
      services: {
        hotel: (node) =>
          startParticipant({
            ...node,
            resource: rooms,
            operations: {
              reserve: async (table, { payload }) => {
                const free = Number(await table.get('free'));
                await table.set('free', free - Number(payload));
                return { left: free - Number(payload) };
              },
            },
          }),
      },
    });
    await all.stopNode('gw');
    const file = join(all.directory, 'nodes', 'gw.json');
    const node = JSON.parse(await readFile(file, 'utf8')) as GatewayNode;
    const url = side?.party ? node.plain.url.replace('http:', 'https:') : node.plain.url;
    const plain = { ...node.plain, url, allowedOrigins: [party.origin], isLoopbackOne: true };
    const fields = await side?.fields(join(all.directory, 'nodes'), party.origin);
    await writeFile(file, JSON.stringify({ ...node, plain: { ...plain, ...fields } }));
    await all.startNode('gw');
    return new GatewayCluster(all, party, rooms, url);
  }

  async stop(): Promise<void> {
    await this.all.stop();
    await this.party.stop();
  }

  /** A participant of plain software, that answers what it is sent as the table says unless told else. */
  participant(
    instance: string,
    answers: Readonly<Record<string, string | undefined>> = {},
  ): Endpoint {
    const own = this.party.endpoint(instance);
    const usual: Readonly<Record<string, string>> = {
      Prepare: 'Prepared',
      Commit: 'Committed',
      Rollback: 'Aborted',
    };
    this.party.participants.set(instance, async ({ name, from }: Received) => {
      const answer = name in answers ? answers[name] : usual[name];
      if (answer !== undefined && from) await this.party.notify(answer, from, own);
    });
    return own;
  }
}
