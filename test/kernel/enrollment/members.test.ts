import { X509Certificate } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { newStatementKey } from '../../../src/kernel/config/x509.js';
import { Members } from '../../../src/kernel/enrollment/members.js';
import { registerMembers } from '../../../src/kernel/enrollment/members-port.js';
import { verifyRecord } from '../../../src/kernel/enrollment/record.js';
import { createHttpServer } from '../../../src/kernel/http/http-server.js';
import { participantId } from '../../../src/kernel/ids.js';
import { ed25519Signer, Keyring } from '../../../src/kernel/keys.js';
import { AddressPolicy, trustOf } from '../../../src/soap/trust.js';
import { temporaryDirectory } from '../support/directory.js';
import { certificateOf, host, newcomer, recordOf } from './newcomer.js';

const at = host();
const hotel = newcomer(at);
const record = recordOf(at, hotel);

const open = async (cluster: Cluster = at.cluster) => {
  const dataDir = await temporaryDirectory();
  return { dataDir, members: await Members.open(cluster, { dataDir }) };
};
const namesOf = ({ cluster }: Members) => cluster.participants.map(({ name }) => name);
const listed = ['bank-a', 'bank-b'];

describe('the members of a cluster at a node that runs', () => {
  it('are those of the file, and those of verified records', async () => {
    const { members } = await open();
    const before = members.cluster.participants;
    expect(await members.admit(record)).toBe('admitted');
    expect(namesOf(members)).toEqual([...listed, 'hotel']);
    expect(before.map(({ name }) => name)).toEqual(listed);
  });

  it('are known to the keyring, the trust and the addresses that were there before', async () => {
    const { members } = await open();
    const keyring = Keyring.of(members.cluster);
    const trust = trustOf(members.cluster);
    const addresses = new AddressPolicy(members.cluster);
    const signer = { role: 'participant', id: participantId('hotel') } as const;
    const text = new TextEncoder().encode('a statement');
    const signature = ed25519Signer(hotel.keys.statementKey)(text);
    const knows = () => ({
      key: keyring.verifies(signer, text, signature),
      known: keyring.knows(signer),
      address: addresses.allows(`${hotel.request.url}/service`),
    });
    expect(knows()).toEqual({ key: false, known: false, address: false });
    await members.admit(record);
    expect(knows()).toEqual({ key: true, known: true, address: true });
    // The certificate of the record, which is not the one that the authority would make now.
    const other = new X509Certificate(certificateOf(at, hotel.request));
    expect(trust(other)).toBeUndefined();
  });

  it('are trusted by the certificate in the record', async () => {
    const { members } = await open();
    const trust = trustOf(members.cluster);
    const certificate = new X509Certificate(verifyRecord(at.cluster, record).certificate);
    expect(trust(certificate)).toBeUndefined();
    await members.admit(record);
    expect(trust(certificate)).toEqual({ role: 'participant', id: 'hotel', name: 'hotel' });
  });

  it('are there after a restart', async () => {
    const { members, dataDir } = await open();
    await members.admit(record);
    const again = await Members.open(at.cluster, { dataDir });
    expect(namesOf(again)).toEqual([...listed, 'hotel']);
    expect(again.record('hotel')).toEqual(record);
    expect(await again.admit(record)).toBe('known');
  });

  it('are told once, however often the record comes, and at once', async () => {
    const { members, dataDir } = await open();
    const all = await Promise.all(Array.from({ length: 5 }, () => members.admit(record)));
    expect(all.filter((admission) => admission === 'admitted')).toHaveLength(1);
    expect(await readdir(join(dataDir, 'members'))).toEqual(['hotel.record']);
  });

  it('have no other in the place of one: name, address and key are taken', async () => {
    const { members } = await open();
    await members.admit(record);
    const { url } = hotel.request;
    const same = newcomer(at);
    const sameUrl = newcomer(at, { name: participantId('motel') });
    expect(sameUrl.request.url).toBe(url);
    for (const other of [same, sameUrl]) {
      await expect(members.admit(recordOf(at, other))).rejects.toMatchObject({ code: 'taken' });
    }
    const bank = newcomer(at, { name: participantId('bank-a'), url: 'http://127.0.0.1:7901' });
    await expect(members.admit(recordOf(at, bank))).rejects.toMatchObject({ code: 'taken' });
    expect(namesOf(members)).toEqual([...listed, 'hotel']);
  });

  it('do not share a key with another member', async () => {
    const { privateKey, publicKey } = newStatementKey();
    const [first, ...rest] = at.cluster.participants;
    if (first === undefined) throw new Error('no participant');
    const participants = [{ ...first, statementKey: publicKey }, ...rest];
    const { members } = await open({ ...at.cluster, participants });
    const twin = newcomer(at, {}, { ...hotel.keys, statementKey: privateKey });
    await expect(members.admit(recordOf(at, twin))).rejects.toMatchObject({ code: 'taken' });
  });

  it('get a later certificate by a later record of the same request, and no earlier one', async () => {
    const { members, dataDir } = await open();
    const dayMs = 86_400_000;
    const now = Date.now();
    const record = recordOf(at, hotel, new Date(now - dayMs));
    await members.admit(record);
    const digestOf = () => members.cluster.participants.at(-1)?.certificateSha256;
    const first = digestOf();
    const later = recordOf(at, hotel, new Date(now));
    expect(await members.admit(recordOf(at, hotel, new Date(now - 2 * dayMs)))).toBe('known');
    expect(digestOf()).toBe(first);
    expect(await members.admit(later)).toBe('renewed');
    expect(digestOf()).not.toBe(first);
    expect(await members.admit(record)).toBe('known');
    expect(new Uint8Array(await readFile(join(dataDir, 'members', 'hotel.record')))).toEqual(later);
    expect(namesOf(members)).toEqual([...listed, 'hotel']);
  });

  it('get no certificate before it begins, and keep the one that is valid', async () => {
    const { members, dataDir } = await open();
    await members.admit(record);
    const tomorrow = recordOf(at, hotel, new Date(Date.now() + 86_400_000));
    await expect(members.admit(tomorrow)).rejects.toMatchObject({
      code: 'too-early',
      message: expect.stringMatching(/not valid before 20.*bring its record again then/),
    });
    expect(members.record('hotel')).toEqual(record);
    vi.useFakeTimers({ now: Date.now() + 2 * 86_400_000, toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    expect(await members.admit(tomorrow)).toBe('renewed');
    vi.useRealTimers();
    // A clock that is set back stops no node.
    expect((await Members.open(at.cluster, { dataDir })).record('hotel')).toEqual(tomorrow);
  });

  it('keep a renewal over the older certificate in a merged file, and take one from it', async () => {
    const { members, dataDir } = await open();
    const older = recordOf(at, hotel, new Date(Date.now() - 86_400_000));
    await members.admit(older);
    const digestOf = ({ cluster }: Members) => cluster.participants.at(-1)?.certificateSha256;
    const olderFile = { ...at.cluster, participants: members.cluster.participants };
    expect(await members.admit(record)).toBe('renewed');
    const renewed = digestOf(members);
    const newerFile = { ...at.cluster, participants: members.cluster.participants };
    const again = await Members.open(olderFile, { dataDir });
    expect(namesOf(again)).toEqual([...listed, 'hotel']);
    expect(digestOf(again)).toBe(renewed);
    // A node that was down while the renewal came.
    const { dataDir: other, members: before } = await open();
    await before.admit(older);
    const later = await Members.open(newerFile, { dataDir: other });
    expect(digestOf(later)).toBe(renewed);
    expect(await later.admit(older)).toBe('known');
    const behind = await Members.open(olderFile, { dataDir: await temporaryDirectory() });
    expect(await behind.admit(record)).toBe('renewed');
    expect(digestOf(behind)).toBe(renewed);
  });

  it('are those of the file where a merged file lists the participant', async () => {
    const { members, dataDir } = await open();
    await members.admit(record);
    const merged = { ...at.cluster, participants: members.cluster.participants };
    const again = await Members.open(merged, { dataDir });
    expect(namesOf(again)).toEqual([...listed, 'hotel']);
    expect(again.record('hotel')).toBeUndefined();
  });

  it('are a thousand at the most', async () => {
    const [first] = at.cluster.participants;
    if (first === undefined) throw new Error('no participant');
    const participants = Array.from({ length: 1000 }, (_, index) => ({
      ...first,
      name: `bank-${index}`,
      url: `http://127.0.0.1:${10_000 + index}`,
    }));
    const { members } = await open({ ...at.cluster, participants });
    await expect(members.admit(record)).rejects.toMatchObject({ code: 'full' });
  });

  it('do not start from a damaged record', async () => {
    const { members, dataDir } = await open();
    await members.admit(record);
    const path = join(dataDir, 'members', 'hotel.record');
    for (const damaged of [
      record.subarray(0, 200),
      new Uint8Array(),
      Uint8Array.of(...record, 1),
    ]) {
      await writeFile(path, damaged);
      await expect(Members.open(at.cluster, { dataDir })).rejects.toMatchObject({
        code: 'unusable-configuration',
        message: expect.stringMatching(/hotel\.record: .*concordat admit/),
      });
    }
  });

  it('do not start from a record that somebody put there for another cluster', async () => {
    const dataDir = await temporaryDirectory();
    const other = host('test');
    await mkdir(join(dataDir, 'members'));
    await writeFile(join(dataDir, 'members', 'hotel.record'), recordOf(other, newcomer(other)));
    await expect(Members.open(at.cluster, { dataDir })).rejects.toThrow(/hotel\.record/);
  });

  it('pass over what a crash left of a file that was being written', async () => {
    const { dataDir } = await open();
    await mkdir(join(dataDir, 'members'));
    await writeFile(join(dataDir, 'members', '.new-1'), record.subarray(0, 9));
    expect(namesOf(await Members.open(at.cluster, { dataDir }))).toEqual(listed);
  });
});

describe('/members', () => {
  const serve = async () => {
    const { members, dataDir } = await open();
    const log = pino({ level: 'silent' });
    const app = createHttpServer({ log });
    registerMembers(app, members, { name: 'coordinator-0' }, log);
    onTestFinished(() => app.close());
    const headers = { 'content-type': 'application/octet-stream' };
    const post = (body: Uint8Array) =>
      app.inject({ method: 'POST', url: '/members', headers, body: Buffer.from(body) });
    return { app, members, dataDir, post };
  };

  it('admits by a record, whoever brings it, and serves it to others', async () => {
    const { app, members, post } = await serve();
    expect((await post(record)).json()).toEqual({ admission: 'admitted' });
    expect((await post(record)).json()).toEqual({ admission: 'known' });
    expect(namesOf(members)).toContain('hotel');
    const served = await app.inject({ url: '/members/hotel' });
    expect(new Uint8Array(served.rawPayload)).toEqual(record);
    expect((await app.inject({ url: '/members/bank-a' })).statusCode).toBe(404);
  });

  it('refuses what a stranger made, and keeps nothing of it', async () => {
    const { members, dataDir, post } = await serve();
    const stranger = host('test');
    const forged = await post(recordOf(stranger, newcomer(stranger)));
    expect(forged.statusCode).toBe(400);
    expect(forged.json()).toMatchObject({ error: 'bad-approval' });
    expect((await post(new Uint8Array(9))).json()).toMatchObject({ error: 'malformed' });
    expect((await post(new Uint8Array(20_000))).statusCode).toBe(413);
    await post(record);
    expect((await post(recordOf(at, newcomer(at)))).statusCode).toBe(409);
    expect(namesOf(members)).toEqual([...listed, 'hotel']);
    expect(await readdir(join(dataDir, 'members'))).toEqual(['hotel.record']);
  });

  it('passes a record on once, from a coordinator to all nodes and from others to coordinators', async () => {
    const calls: string[] = [];
    const { coordinators, initiators, participants, fronts } = at.cluster;
    vi.stubGlobal('fetch', (address: string) => {
      calls.push(address);
      return Promise.resolve(new Response('{}'));
    });
    onTestFinished(() => void vi.unstubAllGlobals());
    const log = pino({ level: 'silent' });
    const passedOn = async (name: string) => {
      calls.length = 0;
      const { members } = await open();
      const app = createHttpServer({ log });
      onTestFinished(() => app.close());
      registerMembers(app, members, { name }, log);
      const headers = { 'content-type': 'application/octet-stream' };
      for (let time = 0; time < 2; time += 1) {
        await app.inject({ method: 'POST', url: '/members', headers, body: Buffer.from(record) });
      }
      return [...calls].sort();
    };
    const urls = (list: readonly { name: string; url: string }[], but: string) =>
      list
        .filter(({ name }) => name !== but)
        .map(({ url }) => `${url}/members`)
        .sort();
    const hotelToo = { name: 'hotel', url: hotel.request.url };
    const all = [...coordinators, ...initiators, ...participants, ...fronts, hotelToo];
    expect(await passedOn('coordinator-0')).toEqual(urls(all, 'coordinator-0'));
    expect(await passedOn('bank-a')).toEqual(urls(coordinators, 'bank-a'));
  });

  it('takes no other content', async () => {
    const { app } = await serve();
    const json = await app.inject({ method: 'POST', url: '/members', body: { name: 'hotel' } });
    expect(json.statusCode).toBe(400);
  });
});
