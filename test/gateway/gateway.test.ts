import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { DialogueClient } from '../../src/service/client/dialogue-client.js';
import { eventually } from '../system/support/eventually.js';
import { GatewayCluster } from './support/gateway-cluster.js';
import { type Endpoint, registerBody, wscoor } from './support/plain-messages.js';
import type { Context, PlainParty, Received } from './support/plain-party.js';

const timeoutMs = 20_000;

describe.each(['1.1', '1.2'] as const)('plain software of SOAP %s', (version) => {
  let cluster: GatewayCluster;
  let party: PlainParty;
  let client: Endpoint;
  let tests = 0;

  beforeAll(async () => {
    cluster = await GatewayCluster.start(version);
    party = cluster.party;
  }, 60_000);
  afterAll(() => cluster.stop());
  beforeEach(() => {
    party.received.splice(0);
    party.participants.clear();
    tests += 1;
    client = party.endpoint(`client-${tests}`);
  });

  const begin = async (): Promise<{ context: Context; completion: Endpoint }> => {
    const context = await party.create(`${cluster.url}/activation`);
    return { context, completion: await party.register(context, 'Completion', client) };
  };

  it('commits with two participants of its own and one of the cluster', async () => {
    const { context, completion } = await begin();
    await party.register(context, 'Durable2PC', cluster.participant('a'));
    await party.register(context, 'Durable2PC', cluster.participant('b'));
    const booked = await party.call(
      context,
      `${cluster.url}/participants/hotel`,
      0,
      'reserve',
      '2',
    );
    expect(booked.text).toContain('{"left":10}');
    expect((await party.notify('Commit', completion, client, 'urn:commit:1')).status).toBe(202);
    await eventually('the client is told', async () => party.of(client.instance).length > 0);
    expect(party.of(client.instance)).toEqual(['Committed']);
    expect(party.of('a')).toEqual(['Prepare', 'Commit']);
    expect(party.of('b')).toEqual(['Prepare', 'Commit']);
    const told = party.received.find(({ instance }) => instance === client.instance);
    expect(told).toMatchObject({ relatesTo: 'urn:commit:1', version });
    for (const { from, replyTo } of party.received.filter(({ instance }) => instance === 'a')) {
      expect(replyTo).toMatch(/none$/);
      expect(from?.address).toBe(`${cluster.url}/coordinator`);
    }
    await eventually('the rooms are taken', async () => cluster.rooms.peek('free') === 10);
  });

  it('takes the same call for one, and another of that number for another', async () => {
    const { context, completion } = await begin();
    const hotel = `${cluster.url}/participants/hotel`;
    const left = async (rooms: string) => {
      const { text } = await party.call(context, hotel, 0, 'reserve', rooms);
      return Number(/"left":(\d+)/.exec(text)?.[1]);
    };
    const after = await left('1');
    expect(await left('1'), 'the same again').toBe(after);
    const other = await party.call(context, hotel, 0, 'reserve', '"two"');
    expect(other.text, 'not the answer to the first').not.toContain(`"left":${after}`);
    await party.notify('Rollback', completion, client, 'urn:rollback:same');
    await eventually('the client is told', async () => party.of(client.instance).length > 0);
  });

  it('rolls back when its client says so', async () => {
    const { context, completion } = await begin();
    await party.register(context, 'Durable2PC', cluster.participant('a'));
    await party.call(context, `${cluster.url}/participants/hotel`, 0, 'reserve', '2');
    await party.notify('Rollback', completion, client);
    await eventually('the client is told', async () => party.of(client.instance).length > 0);
    expect(party.of(client.instance)).toEqual(['Aborted']);
    expect(party.of('a')).toEqual(['Rollback']);
    expect(cluster.rooms.peek('free')).toBe(10);
  });

  it('aborts where one participant votes so', async () => {
    const { context, completion } = await begin();
    await party.register(context, 'Durable2PC', cluster.participant('a'));
    await party.register(context, 'Durable2PC', cluster.participant('b', { Prepare: 'Aborted' }));
    await party.call(context, `${cluster.url}/participants/hotel`, 0, 'reserve', '2');
    await party.notify('Commit', completion, client);
    await eventually('the client is told', async () => party.of(client.instance).length > 0);
    expect(party.of(client.instance)).toEqual(['Aborted']);
    expect(party.of('a')).toContain('Rollback');
    expect(party.of('b')).toEqual(['Prepare']);
    expect(cluster.rooms.peek('free')).toBe(10);
  });

  it('commits past a participant that was only read', async () => {
    const { context, completion } = await begin();
    await party.register(context, 'Durable2PC', cluster.participant('a', { Prepare: 'ReadOnly' }));
    await party.register(context, 'Durable2PC', cluster.participant('b'));
    await party.notify('Commit', completion, client);
    await eventually('the client is told', async () => party.of(client.instance).length > 0);
    expect(party.of(client.instance)).toEqual(['Committed']);
    expect(party.of('a')).toEqual(['Prepare']);
    expect(party.of('b')).toEqual(['Prepare', 'Commit']);
  });

  it('prepares volatile participants first', async () => {
    const { context, completion } = await begin();
    await party.register(context, 'Durable2PC', cluster.participant('d'));
    await party.register(context, 'Volatile2PC', cluster.participant('v'));
    await party.notify('Commit', completion, client);
    await eventually('the client is told', async () => party.of(client.instance).length > 0);
    const prepared = party.received.filter(({ name }) => name === 'Prepare');
    expect(prepared.map(({ instance }) => instance)).toEqual(['v', 'd']);
    expect(party.of('v')).toEqual(['Prepare', 'Commit']);
  });

  it('refuses what it cannot answer for, with its action and what it relates to', async () => {
    const { context, completion } = await begin();
    const stranger = { registration: { ...context.registration, instance: 'R-unknown' } };
    const refused = party.register(stranger, 'Durable2PC', party.endpoint('x'), 'urn:x:1');
    await expect(refused).rejects.toThrow(/CannotRegisterParticipant/);
    await expect(refused).rejects.toThrow(/wscoor\/2006\/06\/fault.*urn:x:1/s);
    const elsewhere = { address: 'http://192.0.2.1:9/x', instance: 'x' };
    await expect(party.register(context, 'Durable2PC', elsewhere)).rejects.toThrow(
      /InvalidParameters/,
    );
    await expect(party.register(context, 'Completion', client)).rejects.toThrow(
      /CannotRegisterParticipant/,
    );
    await party.notify('Commit', { ...completion, instance: 'C-unknown' }, client);
    await eventually('the client has the fault', async () => party.of(client.instance).length > 0);
    const fault = party.received.find(({ instance }) => instance === client.instance);
    expect(fault?.text).toContain('UnknownTransaction');
    await party.notify('Rollback', completion, client);
  });

  it('enlists for its own client alone', async () => {
    const node = await loadNode(join(cluster.all.directory, 'nodes', 'alice.json'));
    const alice = new DialogueClient({ cluster: cluster.all.cluster, node });
    const dialogue = await alice.begin({ timeoutMs });
    const answer = await dialogue.call('gw', 'enlist', '0'.repeat(64), { timeoutMs });
    expect(answer).toEqual({ kind: 'refused', reason: 'NotTheGateway' });
    await dialogue.rollback({ timeoutMs });
    await alice.close();
  });

  it('answers a Register by a message of its own where that is asked for', async () => {
    const { context, completion } = await begin();
    const { address, instance } = cluster.participant('later');
    const answer = await party.request(
      context.registration.address,
      `${wscoor}/Register`,
      registerBody('Durable2PC', { address, instance }),
      { instance: context.registration.instance, messageId: 'urn:later:1', replyTo: address },
    );
    expect([answer.status, answer.text]).toEqual([202, '']);
    const isThere = ({ name, relatesTo }: Received) =>
      name === 'RegisterResponse' && relatesTo === 'urn:later:1';
    await eventually('the answer is there', async () => party.received.some(isThere));
    await party.notify('Rollback', completion, client);
    await eventually('the client is told', async () => party.of(client.instance).length > 0);
  });

  it('has subordinates, and is none', async () => {
    const { context, completion } = await begin();
    const own = await party.create(`${cluster.url}/activation`, 20_000, context.xml);
    expect(own.registration).toEqual(context.registration);
    const foreign = context.xml.replaceAll(cluster.url, party.origin);
    const refused = party.create(`${cluster.url}/activation`, 20_000, foreign);
    await expect(refused).rejects.toThrow(/CannotCreateContext/);
    await party.notify('Rollback', completion, client);
  });

  it('registers once what is sent twice', async () => {
    const { context, completion } = await begin();
    const own = cluster.participant('a');
    const first = await party.register(context, 'Durable2PC', own, 'urn:twice:1');
    expect(await party.register(context, 'Durable2PC', own, 'urn:twice:1')).toEqual(first);
    await party.notify('Commit', completion, client);
    await eventually('the client is told', async () => party.of(client.instance).length > 0);
    expect(party.of('a')).toEqual(['Prepare', 'Commit']);
  });

  it('counts the time of those that mean seconds in seconds', async () => {
    const context = await party.create(`${cluster.url}/activation-in-seconds`, 20);
    expect(context.expires).toBe(20);
    const longer = await party.create(`${cluster.url}/activation`, 90_000);
    expect(longer.expires).toBe(30_000);
  });
});
