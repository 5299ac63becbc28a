import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../system/support/eventually.js';
import { GatewayCluster } from './support/gateway-cluster.js';
import type { Endpoint } from './support/plain-messages.js';
import type { Context, PlainParty, Received } from './support/plain-party.js';

const main = join(import.meta.dirname, '../../dist/src/cli/main.js');

let cluster: GatewayCluster;
let party: PlainParty;
let child: ChildProcess;
let client: Endpoint;
let completion: Endpoint;
let context: Context;
let runs = 0;

beforeAll(async () => {
  cluster = await GatewayCluster.start();
  party = cluster.party;
  await cluster.all.stopNode('gw');
}, 60_000);
afterAll(() => cluster.stop());

/** The gateway in a process of its own. */
async function run(): Promise<void> {
  const file = join(cluster.all.directory, 'nodes', 'gw.json');
  child = spawn(process.execPath, [main, 'run', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  let written = '';
  child.stdout?.on('data', (data) => {
    written += String(data);
  });
  await eventually('the gateway runs', () => written.includes('"msg":"started"'));
}

async function kill(): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

beforeEach(async () => {
  runs += 1;
  await run();
  client = party.endpoint(`client-${runs}`);
  context = await party.create(`${cluster.url}/activation`);
  completion = await party.register(context, 'Completion', client);
}, 60_000);
afterEach(kill);

/** Names of participants are of one test. */
const named = (name: string) => `${name}-${runs}`;
const told = () => party.of(client.instance);

/** A participant at whose first message of that name the gateway is killed, and which answers only then. */
function killer(name: string, at: string): Endpoint {
  const own = cluster.participant(named(name));
  const usual = party.participants.get(named(name));
  let isKilled = false;
  party.participants.set(named(name), async (message: Received) => {
    if (message.name === at && !isKilled) {
      isKilled = true;
      await kill();
      await run();
      return;
    }
    await usual?.(message);
  });
  return own;
}

describe('a gateway that is killed', () => {
  it('before it is asked to commit: it rolls back, and says so when it is asked', async () => {
    await party.register(context, 'Durable2PC', cluster.participant(named('a')));
    await kill();
    await run();
    await party.notify('Commit', completion, client);
    await eventually('the client is told', () => told().length > 0);
    expect(told()).toEqual(['Aborted']);
    expect(party.of(named('a'))).toEqual(['Rollback']);
  });

  it('once it has taken the Commit: it goes on, and its client is told', async () => {
    await party.call(context, `${cluster.url}/participants/hotel`, 0, 'reserve', '1');
    const { status } = await party.notify('Commit', completion, client);
    expect(status).toBe(202);
    await kill();
    await run();
    await eventually('the client is told', () => told().length > 0);
    expect(told()).toEqual(['Committed']);
  });

  it('while participants vote: none of them stays in doubt', async () => {
    await party.register(context, 'Durable2PC', cluster.participant(named('a')));
    await party.register(context, 'Durable2PC', killer('b', 'Prepare'));
    await party.notify('Commit', completion, client);
    await eventually('the client is told', () => told().length > 0);
    const outcome = told()[0] === 'Committed' ? 'Commit' : 'Rollback';
    expect(told()).toEqual([outcome === 'Commit' ? 'Committed' : 'Aborted']);
    for (const name of ['a', 'b']) {
      await eventually(`${name} has it`, () => party.of(named(name)).includes(outcome));
      expect(party.of(named(name))).not.toContain(outcome === 'Commit' ? 'Rollback' : 'Commit');
    }
  });

  it('while it delivers the commit: it delivers it to all', async () => {
    await party.register(context, 'Durable2PC', cluster.participant(named('a')));
    await party.register(context, 'Durable2PC', killer('b', 'Commit'));
    await party.notify('Commit', completion, client);
    await eventually('the client is told', () => told().length > 0);
    expect(told()).toEqual(['Committed']);
    expect(party.of(named('a'))).toContain('Commit');
    expect(party.of(named('b')).filter((name) => name === 'Commit').length).toBeGreaterThan(1);
  });

  it('while it delivers the rollback: it delivers it to all', async () => {
    await party.register(context, 'Durable2PC', killer('a', 'Rollback'));
    await party.register(context, 'Durable2PC', cluster.participant(named('b')));
    await party.notify('Rollback', completion, client);
    await eventually('the client is told', () => told().length > 0);
    expect(told()).toEqual(['Aborted']);
    expect(party.of(named('a')).length).toBeGreaterThan(1);
    expect(party.of(named('b'))).toContain('Rollback');
  });
});
