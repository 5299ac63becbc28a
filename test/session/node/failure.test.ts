import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpServer } from '../../../src/kernel/http/http-server.js';
import { createLogger } from '../../../src/kernel/http/logger.js';
import { Keyring } from '../../../src/kernel/keys.js';
import { PeerNetwork } from '../../../src/kernel/links/peer-network.js';
import { openStore } from '../../../src/kernel/store/store.js';
import { newSessionMember } from '../../../src/session/node/session-member.js';
import { Sessions } from '../../../src/session/node/sessions.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { OwnerWorld } from './support/owner.js';

const notes = fileURLToPath(new URL('../../support/notes/application.mjs', import.meta.url));

/** The sessions of one coordinator with a core that fails at its first input. */
async function failing(records = newSessionMember) {
  const { setting } = await OwnerWorld.make();
  const dataDir = await temporaryDirectory();
  const store = await openStore(join(dataDir, 'sessions'));
  await store.write(records);
  await store.close();
  const node = setting.node('coordinator-0');
  const [self] = setting.cluster.coordinators;
  if (node.role !== 'coordinator' || self === undefined) throw new Error('no coordinator');
  const events: unknown[] = [];
  const log = createLogger(
    { name: 'test', level: 'error' },
    { write: (line) => events.push(JSON.parse(line).msg) },
  );
  const network = new PeerNetwork({
    cluster: setting.cluster,
    self: self.id,
    listen: node.peerListen,
    credential: node,
    log,
  });
  const sessions = await Sessions.open({
    setting: { engine: 'antipaxos', applications: ['notes'] },
    self,
    node: { ...node, dataDir, applications: { notes } },
    keyring: Keyring.of(setting.cluster),
    network,
    orders: { run: () => undefined, watch: () => undefined, stop: async () => undefined },
    log,
    createCore: () => ({
      metrics: {},
      isLost: records.length === 0,
      valueOf: () => undefined,
      needs: () => true,
      restore: () => [],
      handle: () => {
        throw new Error('a bug');
      },
    }),
  });
  const app = createHttpServer({ log });
  sessions.register(app);
  await sessions.start();
  onTestFinished(async () => {
    sessions.dismissCallers();
    await app.close();
    await sessions.stop();
  });
  const get = (url: string) => app.inject({ url });
  return { sessions, get, events };
}

const id = 'a'.repeat(64);

describe('sessions', () => {
  it('that fail say so and let the rest of the node be', async () => {
    const { sessions, get, events } = await failing();
    expect(sessions.state).toBe('running');
    expect((await get(`/sessions/${id}`)).statusCode).toBe(503);
    expect(sessions.state).toBe('failed');
    expect(events).toContain('driver-failed');
    const later = await get(`/sessions/${id}`);
    expect(later.json()).toMatchObject({
      error: 'unavailable',
      message: expect.stringContaining('failed'),
    });
    expect((await get('/sessions')).json()).toMatchObject({ state: 'failed' });
    expect((await get('/state/notes/x')).statusCode).toBe(503);
    expect((await get('/notes/')).statusCode).toBe(200);
  });

  it('whose store is not the one that they began with are out of service until they are back', async () => {
    const { sessions, get, events } = await failing([]);
    expect(sessions.state).toBe('returning');
    expect(events).toEqual(['sessions-store-lost']);
    const answer = await get(`/sessions/${id}`);
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ message: expect.stringContaining('lost its store') });
    expect((await get('/sessions')).json()).toMatchObject({ state: 'returning' });
  });
});
