import { describe, expect, it } from 'vitest';
import { requestBytesMax } from '../../../src/banking/initiator/ports.js';
import { jsonText, payloadBytesMax } from '../../../src/service/json.js';
import { serviceActions } from '../../../src/service/messages.js';
import type { OperationCall } from '../../../src/service/participant/operations.js';
import { Table, type TableWork } from '../../../src/service/participant/table.js';
import { until } from '../../kernel/support/wait.js';
import { type hotel, permitOf, Scene, signedRun, tid } from './service-scene.js';

/** A hotel that notes what its operations received. */
class Hotel {
  readonly seen: OperationCall[] = [];
  readonly rooms = new Table({ free: 12 });
  readonly operations = {
    reserve: async (rooms: TableWork, call: OperationCall) => {
      this.seen.push(call);
      const free = Number(await rooms.get('free'));
      await rooms.set('free', free - 1);
      return free;
    },
    note: async (notes: TableWork, call: OperationCall) => {
      this.seen.push(call);
      await notes.set(`note-${this.seen.length}`, call.payload);
      return call.isPermitted;
    },
  };
}

async function open() {
  const [scene, own] = [await Scene.make(), new Hotel()];
  const node = await scene.start(own.operations, own.rooms);
  return { scene, own, node };
}

const note = (number: number, payload = 'null') => ({
  call: { operation: 'note', number, payload },
});

describe('a call at a participant', () => {
  it('of f + 1 initiators is done once, with what the client signed, and commits', async () => {
    const { scene, own } = await open();
    const payload = '{"nights":2}';
    const run = { application: 'travel', procedure: 'book', payload };
    expect(await scene.calls({ run, call: { payload: '7' } })).toBe('12');
    expect(await scene.call(2, { run, call: { payload: '7' } }), 'a late one').toBe('12');
    expect(own.seen).toHaveLength(1);
    expect(own.seen[0]).toMatchObject({
      ...{ payload: 7, client: 'alice', transactionId: tid(1), isPermitted: false },
      ref: { tid: tid(1) },
      request: { application: 'travel', procedure: 'book', payload: { nights: 2 } },
    });
    await scene.notify('Prepare');
    await scene.heard('Prepared');
    expect(own.rooms.peek('free')).toBe(12);
    await scene.notify('Commit');
    await scene.heard('Committed');
    expect(own.rooms.peek('free')).toBe(11);
    expect(await scene.call(2, { run, call: { payload: '7' } }), 'a later one').toBe('12');
  });

  it('of one initiator alone is not done, nor where they differ in anything', async () => {
    const { scene, own } = await open();
    const ways = [
      {},
      { call: { number: 1 } },
      { call: { payload: '1' } },
      { call: { operation: 'note' } },
      { run: { payload: '1' } },
      { run: { procedure: 'other' } },
      { run: { application: 'other' } },
      { run: { permits: [permitOf('reserve')] } },
      { warrant: signedRun(scene.client.signer, {}, { timestamp: 2 }) },
      { warrant: signedRun(scene.client.signer, {}, { client: 'alice/1' }) },
    ];
    // Each by one initiator, which may be lying; all of them wait for a second.
    const calls = ways.map((parts, at) => scene.call(at % 2, parts).catch(() => 'refused'));
    await scene.calls({ number: 2 });
    expect(own.seen.map(({ transactionId }) => transactionId)).toEqual([tid(2)]);
    expect(scene.registrations.every((one) => one.tid === tid(2))).toBe(true);
    expect(calls).toHaveLength(ways.length);
  }, 20_000);

  it('is taken from initiators only', async () => {
    const { scene, own } = await open();
    for (const [role, name] of [
      ['client', 'alice'],
      ['participant', 'bank-b'],
      ['coordinator', 'coordinator-0'],
      ['front', 'front'],
    ] as const) {
      const soap = scene.world.soapOf(role, name);
      await expect(scene.call(0, { soap }), role).rejects.toMatchObject({
        code: 'FailedAuthentication',
      });
    }
    expect(own.seen).toEqual([]);
  });

  it('needs a context, and the caller’s own invitation of this participant to this transaction', async () => {
    const { scene } = await open();
    const refused = async (parts: Parameters<Scene['call']>[1], code: string) =>
      expect(scene.call(0, parts)).rejects.toMatchObject({ code });
    await refused({ hasContext: false }, 'Sender');
    await refused({ invitation: null }, 'InvalidParameters');
    await refused({ invitation: { inviter: 1 } }, 'InvalidParameters');
    await refused({ invitation: { tid: tid(2) } }, 'InvalidParameters');
    await refused({ invitation: { participant: 'bank-b' } }, 'InvalidParameters');
    expect(scene.registrations).toEqual([]);
  });

  it('needs the request of a client, signed by that client, in its name, and fresh', async () => {
    const { scene } = await open();
    const { world, client } = scene;
    const refused = async (warrant: Uint8Array | null, code: string) =>
      expect(scene.call(0, { warrant })).rejects.toMatchObject({ code });
    await refused(null, 'Sender');
    await refused(Buffer.from('<no/>'), 'Sender');
    await refused(Buffer.from('not XML'), 'Sender');
    const forged = Buffer.from(signedRun(client.signer, {})).toString().replace('travel', 'trave1');
    await refused(Buffer.from(forged), 'FailedCheck');
    await refused(signedRun(client.signer, {}, { client: 'bob/0' }), 'Sender');
    await refused(signedRun(world.soapOf('client', 'bob').signer, {}), 'Sender');
    for (const [role, name] of [
      ['initiator', 'initiator-0'],
      ['participant', 'bank-b'],
      ['coordinator', 'coordinator-0'],
    ] as const) {
      await refused(signedRun(world.soapOf(role, name).signer, {}), 'Sender');
    }
    await refused(signedRun(client.signer, {}, { action: serviceActions.call }), 'Sender');
    await refused(
      signedRun(client.signer, {}, { action: 'urn:concordat:bank/Transfer' }),
      'Sender',
    );
    const month = 30 * 24 * 3_600_000;
    for (const clock of [() => Date.now() - month, () => Date.now() + month]) {
      await refused(signedRun(world.signerOf('client', 'alice', clock), {}), 'MessageExpired');
    }
    expect(scene.registrations).toEqual([]);
  });

  it('is taken with the largest request that initiators hand on, in the letters that take most', async () => {
    const { scene } = await open();
    const largest = jsonText('<'.repeat(payloadBytesMax - 2), payloadBytesMax);
    const long = jsonText('a'.repeat(payloadBytesMax - 2), payloadBytesMax);
    const run = { payload: long, permits: [permitOf('note', long), permitOf('reserve', long)] };
    const warrant = signedRun(scene.client.signer, run);
    expect(warrant.length).toBeLessThan(requestBytesMax);
    expect(await scene.calls({ warrant, ...note(0, long) })).toBe('true');
    expect(await scene.calls({ warrant, ...note(1, largest) })).toBe('false');
  });

  it('with another name than an operation has is refused, and votes to abort', async () => {
    const { scene } = await open();
    for (const [at, operation] of ['none', 'toString', 'constructor'].entries()) {
      const parts = { number: 1 + at, call: { operation } };
      await expect(scene.calls(parts)).rejects.toMatchObject({ code: 'UnknownOperation' });
      await scene.heard('Aborted', 1 + at);
    }
  });

  it('twice in one transaction is done twice, where its number says so', async () => {
    const { scene, own } = await open();
    expect(await scene.calls(note(0))).toBe('false');
    expect(await scene.calls(note(1))).toBe('false');
    expect(own.seen).toHaveLength(2);
    await scene.notify('Prepare');
    await scene.heard('Prepared', 1, 2);
    await scene.notify('Commit');
    await scene.heard('Committed', 1, 2);
    expect([own.rooms.peek('note-1'), own.rooms.peek('note-2')]).toEqual([null, null]);
  });

  it('has as its answer that it is busy where the participant stops', async () => {
    const scene = await Scene.make();
    const seen: OperationCall[] = [];
    const slow = (_: TableWork, call: OperationCall) => {
      seen.push(call);
      return new Promise<null>(() => {});
    };
    const node = await scene.start({ slow });
    const calls = Promise.allSettled(
      [0, 1].map((at) => scene.call(at, { call: { operation: 'slow' } })),
    );
    await until('it is under way', () => seen.length === 1);
    await node.stop();
    for (const answer of await calls) expect(answer).toMatchObject({ reason: { code: 'Busy' } });
    expect(seen[0]?.signal.aborted).toBe(true);
  });
});

describe('a permit', () => {
  const permits = [permitOf('note', '{"eur":7}')];
  const permitted = '{"eur":7}';

  it('is for just that operation, payload and participant', async () => {
    const { scene } = await open();
    const isPermitted = (number: number, payload: string, run: object) =>
      scene.calls({ number, ...note(0, payload), run });
    expect(await isPermitted(1, permitted, { permits })).toBe('true');
    expect(await isPermitted(2, permitted, { permits: [] })).toBe('false');
    expect(await isPermitted(3, '{"eur":8}', { permits })).toBe('false');
    expect(await isPermitted(4, '{"eur": 7}', { permits })).toBe('false');
    expect(await isPermitted(5, permitted, { permits: [permitOf('reserve', permitted)] })).toBe(
      'false',
    );
    const elsewhere = [{ ...permitOf('note', permitted), participant: 'bank-b' as typeof hotel }];
    expect(await isPermitted(6, permitted, { permits: elsewhere })).toBe('false');
  });

  it('is for one call: as many alike are permitted as the client has named', async () => {
    const { scene } = await open();
    const run = { permits: [...permits, ...permits] };
    const answers: (string | undefined)[] = [];
    for (const number of [0, 1, 2])
      answers.push(await scene.calls({ run, ...note(number, permitted) }));
    expect(answers).toEqual(['true', 'true', 'false']);
  });

  it('is used in one transaction, though all initiators bring it again, and after a restart', async () => {
    const { scene, own, node } = await open();
    const { signer } = scene.client;
    const [older, used, newer] = [5, 6, 7].map((timestamp) =>
      signedRun(signer, { permits }, { timestamp }),
    ) as [Uint8Array, Uint8Array, Uint8Array];
    const bring = (number: number, warrant: Uint8Array) =>
      scene.calls({ number, warrant, ...note(0, permitted) });
    expect(await bring(1, used)).toBe('true');
    // Before it is prepared the other may be the true one.
    expect(await bring(2, used)).toBe('true');
    await scene.notify('Prepare', 1);
    await scene.heard('Prepared', 1);
    await scene.notify('Prepare', 2);
    await scene.heard('Aborted', 2);
    await expect(bring(3, used)).rejects.toMatchObject({ code: 'RequestUsed' });
    await node.stop();
    await scene.start(own.operations, own.rooms);
    await expect(bring(4, used)).rejects.toMatchObject({ code: 'RequestUsed' });
    await expect(bring(5, older)).rejects.toMatchObject({ code: 'RequestUsed' });
    expect(await bring(6, newer)).toBe('true');
    const plain = signedRun(signer, {}, { timestamp: 5 });
    expect(await bring(7, plain), 'what permits nothing uses nothing').toBe('false');
    await scene.notify('Commit', 1);
    await scene.heard('Committed', 1);
  }, 20_000);

  it('is not used by what is rolled back', async () => {
    const { scene } = await open();
    const warrant = signedRun(scene.client.signer, { permits });
    await scene.calls({ warrant, ...note(0, permitted) });
    await scene.notify('Rollback');
    await scene.heard('Aborted');
    expect(await scene.calls({ number: 2, warrant, ...note(0, permitted) })).toBe('true');
  });
});
