import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issueAuthority } from '../../src/kernel/config/x509.js';
import { clientId, clusterId, digest, replicaId } from '../../src/kernel/ids.js';
import { newHeader, Owners, ownerSigner, RecentMap, verifyRun } from '../../src/session/owners.js';
import { signSession } from '../../src/session/proof.js';
import { orderingRequest, sessionRequestCheck } from '../../src/session/request.js';
import { headsOf, ownerText } from '../../src/session/run.js';
import type { SessionRun } from '../../src/session/types.js';
import { credentialOf, sessionParties, TestOwner } from '../support/session-owner.js';

const parties = sessionParties();
const { owners, cluster } = parties;
const run = (): SessionRun => parties.owner('alice').begin('shop').call('a', 'b');
const isTaken = (candidate: SessionRun, by = owners): boolean => verifyRun(by, candidate).ok;

describe('a run', () => {
  it('is taken from its owner, in one piece or several', () => {
    const session = parties.owner('alice').begin('shop');
    const runs = [session.call('a'), session.call('b', 'c'), session.end()];
    expect(runs.map((one) => isTaken(one))).toEqual([true, true, true]);
    const second = verifyRun(owners, runs[1] as SessionRun);
    expect(second.ok && second.value.session).toBe(session.id);
    expect(second.ok && second.value.heads.at(-1)).toBe(runs[2]?.before);
  });

  it.each<[string, (good: SessionRun) => SessionRun]>([
    ['operations', (good) => ({ ...good, operations: [{ kind: 'call', payload: 'x' }] })],
    [
      'kind of an operation',
      (good) => ({ ...good, operations: [...good.operations.slice(0, 1), { kind: 'end' }] }),
    ],
    ['place', (good) => ({ ...good, first: 2 })],
    ['head before it', (good) => ({ ...good, first: 2, before: digest('00'.repeat(32)) })],
    ['application', (good) => ({ ...good, header: { ...good.header, application: 'bank' } })],
    ['owner', (good) => ({ ...good, header: { ...good.header, owner: clientId('bob') } })],
    ['nonce', (good) => ({ ...good, header: { ...good.header, nonce: new Uint8Array(16) } })],
    ['signature', (good) => ({ ...good, signature: new Uint8Array(64) })],
    [
      'certificate',
      (good) => ({
        ...good,
        header: { ...good.header, certificate: parties.owner('bob').certificate },
      }),
    ],
  ])('is bound to its %s', (_, change) => {
    const good = run();
    expect(isTaken(good)).toBe(true);
    expect(isTaken(change(good))).toBe(false);
  });

  it('is bound to its cluster', () => {
    const other = Owners.of({ ...cluster, id: clusterId('other') });
    const good = run();
    expect(isTaken(good, other)).toBe(false);
    // With the right session id too: the signed text names the cluster.
    const session = parties.owner('alice').begin('shop');
    const before = digest('11'.repeat(32));
    const later = { first: 2, before, operations: [{ kind: 'call', payload: 'x' }] } as const;
    const head = headsOf(later)[0] ?? before;
    const signature = session.sign(ownerText(clusterId('other'), session.id, 2, head));
    expect(isTaken({ header: session.header, ...later, signature })).toBe(false);
  });

  it('is not taken from a node, from another authority’s client, or with a garbled certificate', () => {
    const stranger = issueAuthority('test');
    for (const credential of [
      credentialOf('alice', 'coordinator'),
      credentialOf('alice', 'client', stranger),
    ]) {
      const owner = new TestOwner(cluster.id, 'alice', credential);
      expect(isTaken(owner.begin('shop').call('a'))).toBe(false);
    }
    const good = run();
    const header = { ...good.header, certificate: new Uint8Array(10) };
    expect(isTaken({ ...good, header })).toBe(false);
  });

  it('is judged by its form before anything else', () => {
    const good = run();
    expect(isTaken({ ...good, operations: [] })).toBe(false);
    expect(isTaken({ ...good, first: 0 })).toBe(false);
    expect(isTaken({ ...good, first: Number.MAX_SAFE_INTEGER })).toBe(false);
    expect(isTaken({ ...good, signature: good.signature.subarray(1) })).toBe(false);
    const ended = [{ kind: 'end' }, { kind: 'call', payload: 'x' }] as const;
    expect(isTaken(parties.owner('alice').begin('shop').run(ended))).toBe(false);
  });

  it('asks for a key on P-256', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(() => ownerSigner(pem)).toThrow(TypeError);
  });
});

describe('a header', () => {
  it('has a nonce that rises with the time', () => {
    const at = (nowMs: number) =>
      Buffer.from(
        newHeader({
          application: 'shop',
          owner: 'alice',
          certificate: new Uint8Array(1),
          nowMs,
          random: new Uint8Array(8).fill(nowMs % 2 ? 0 : 255),
        }).nonce,
      ).toString('hex');
    expect(at(1_700_000_000_001) > at(1_700_000_000_000)).toBe(true);
  });
});

describe('a request to the engine', () => {
  const isGenuine = sessionRequestCheck(parties.keyring, owners);
  const submitter = replicaId(1);

  it('is named after its content', () => {
    const request = orderingRequest({ kind: 'run', run: run(), submitter, attempt: 0 });
    expect(isGenuine(request)).toBe(true);
    expect(isGenuine(request)).toBe(true);
    expect(isGenuine({ ...request, number: 2 })).toBe(false);
    expect(isGenuine({ ...request, client: clientId('alice') })).toBe(false);
    const other = orderingRequest({ kind: 'run', run: run(), submitter, attempt: 1 });
    expect(isGenuine({ ...request, payload: other.payload })).toBe(false);
  });

  it('is its owner’s, or its reporter’s', () => {
    const forged = { ...run(), signature: new Uint8Array(64) };
    const request = orderingRequest({ kind: 'run', run: forged, submitter, attempt: 0 });
    expect(isGenuine(request)).toBe(false);
    const statement = {
      kind: 'order-report',
      lane: 1,
      number: 1,
      outcome: { kind: 'committed' },
      replica: submitter,
    } as const;
    const report = (signer: number) =>
      orderingRequest({
        kind: 'report',
        report: signSession(parties.replicaSign(signer), cluster.id, statement),
      });
    expect(isGenuine(report(1))).toBe(true);
    expect(isGenuine(report(2))).toBe(false);
    const text = orderingRequest({ kind: 'run', run: run(), submitter, attempt: 2 });
    const payload = Uint8Array.from([...text.payload, 0]);
    expect(isGenuine({ ...text, payload })).toBe(false);
  });
});

describe('what is remembered', () => {
  it('is bounded', () => {
    const map = new RecentMap<number>(2);
    for (const [index, key] of ['a', 'b', 'c'].entries()) map.set(key, index);
    expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([undefined, 1, 2]);
  });
});
