import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newCertificateKey, newStatementKey } from '../../../src/kernel/config/x509.js';
import {
  encodeApproval,
  readApproval,
  signApproval,
} from '../../../src/kernel/enrollment/approval.js';
import { encodeRecord, verifyRecord } from '../../../src/kernel/enrollment/record.js';
import {
  decodeRequest,
  encodeRequest,
  pointOf,
  readRequest,
  signRequest,
} from '../../../src/kernel/enrollment/request.js';
import { participantId, replicaId } from '../../../src/kernel/ids.js';
import { Keyring } from '../../../src/kernel/keys.js';
import { approvalsOf, certificateOf, host, newcomer, recordOf } from './newcomer.js';

const at = host();
const { cluster } = at;
const keyring = Keyring.of(cluster);
const hotel = newcomer(at);
const certificate = certificateOf(at, hotel.request);

const verify = (file: Uint8Array) => verifyRecord(cluster, file);
const codeOf = (run: () => unknown): unknown => {
  try {
    run();
    return 'taken';
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
};

describe('a request', () => {
  it('says what was asked, byte for byte', () => {
    const { request, bytes } = readRequest(cluster.id, hotel.signed.file);
    expect(request).toEqual(hotel.request);
    expect(encodeRequest(request)).toEqual(bytes);
    expect(decodeRequest(bytes)).toEqual(request);
  });

  it('is read whatever the bits of its P-256 signature are', () => {
    // In every other one the last bit is set, which no signature of Ed25519 has.
    for (let times = 0; times < 32; times += 1) {
      const { signed } = newcomer(at, {}, hotel.keys);
      expect(readRequest(cluster.id, signed.file).request).toEqual(hotel.request);
    }
  });

  it('is signed as docs/formats.md says', () => {
    const text = (value: string) => [0, value.length, ...Buffer.from(value)];
    const domain = [...Buffer.from('concordat-enrollment/1')];
    const { url, statementKey, key } = hotel.request;
    expect([...hotel.signed.bytes]).toEqual([
      ...[...domain, 0, ...text('test'), 0, ...text('hotel'), ...text(url)],
      ...[...Buffer.from(statementKey, 'hex'), ...key],
    ]);
    expect([...encodeApproval(cluster.id, hotel.signed, replicaId(3))]).toEqual([
      ...[...domain, 1, ...text('test')],
      ...[...createHash('sha256').update(hotel.signed.bytes).digest(), 0, 3],
    ]);
  });

  it('of a client has neither address nor statement key', () => {
    const { privateKey } = newCertificateKey();
    const request = {
      role: 'client',
      cluster: cluster.id,
      name: participantId('bob'),
      key: pointOf(privateKey),
    } as const;
    const { file } = signRequest(request, { privateKey });
    expect(readRequest(cluster.id, file).request).toEqual(request);
  });

  it('has to be signed by the key of the certificate', () => {
    const key = pointOf(newCertificateKey().privateKey);
    expect(codeOf(() => newcomer(at, { key }))).toBe('not-its-own');
  });

  it('has to be signed by the statement key, so that nobody enrolls another’s', () => {
    const statementKey = newStatementKey().publicKey;
    expect(codeOf(() => newcomer(at, { statementKey }))).toBe('not-its-own');
  });

  it('is for one cluster', () => {
    const { file } = newcomer(host('other')).signed;
    expect(codeOf(() => readRequest(cluster.id, file))).toBe('wrong-cluster');
  });

  it('names no address that a node cannot have, and no name that is reserved', () => {
    expect(codeOf(() => newcomer(at, { url: 'file:///etc/passwd' }))).toBe('malformed');
    expect(codeOf(() => newcomer(at, { name: participantId('sessions') }))).toBe('malformed');
  });

  it('is refused where a byte differs, is missing or is too many', () => {
    const { file } = hotel.signed;
    for (let index = 0; index < file.length; index += 7) {
      const changed = Uint8Array.from(file);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(codeOf(() => readRequest(cluster.id, changed))).not.toBe('taken');
    }
    expect(codeOf(() => readRequest(cluster.id, file.subarray(1)))).toBe('malformed');
    expect(codeOf(() => readRequest(cluster.id, Uint8Array.of(...file, 0)))).toBe('malformed');
  });

  it('names a key that is a point', () => {
    expect(codeOf(() => newcomer(at, { key: new Uint8Array(65).fill(4) }))).toBe('malformed');
    const compressed = Uint8Array.of(2, ...hotel.request.key.subarray(1));
    expect(codeOf(() => newcomer(at, { key: compressed }))).toBe('malformed');
  });
});

describe('an approval', () => {
  const approve = (replica: number, sign = at.signs[replica]) =>
    signApproval(cluster.id, hotel.signed, replicaId(replica), sign ?? (() => new Uint8Array(64)));

  it('is of one coordinator, for one request', () => {
    expect(readApproval(cluster, keyring, hotel.signed, approve(2))).toMatchObject({ replica: 2 });
  });

  it('of another request does not count', () => {
    const other = newcomer(at);
    expect(codeOf(() => readApproval(cluster, keyring, other.signed, approve(2)))).toBe(
      'bad-approval',
    );
  });

  it('that another signed does not count', () => {
    const forged = approve(2, at.signs[1]);
    expect(codeOf(() => readApproval(cluster, keyring, hotel.signed, forged))).toBe('bad-approval');
  });

  it('of another cluster does not count', () => {
    const other = host('other');
    const stranger = newcomer(other);
    const sign = other.signs[0] ?? (() => new Uint8Array(64));
    const approval = signApproval(other.cluster.id, stranger.signed, replicaId(0), sign);
    expect(codeOf(() => readApproval(cluster, keyring, hotel.signed, approval))).toBe(
      'wrong-cluster',
    );
  });
});

describe('a record', () => {
  const approvals = approvalsOf(at, hotel.signed);
  const parts = { request: hotel.signed, approvals, certificate };

  it('proves a member to everybody who has the cluster’s file', () => {
    const { member } = verify(encodeRecord(parts));
    expect(member).toMatchObject({
      id: 'hotel',
      name: 'hotel',
      url: hotel.request.url,
      statementKey: hotel.request.statementKey,
    });
    expect(member.certificateSha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('takes a quorum', () => {
    const two = approvalsOf(at, hotel.signed, [0, 3]);
    expect(codeOf(() => verify(encodeRecord({ ...parts, approvals: two })))).toBe(
      'too-few-approvals',
    );
  });

  it('counts each coordinator once', () => {
    // The second approval gives way to the first again; encoding would refuse that.
    const twice = Buffer.from(encodeRecord(parts));
    const first = twice.indexOf(approvals[0]?.signature ?? '') - 2;
    twice.copy(twice, first + 66, first, first + 66);
    expect(codeOf(() => verify(new Uint8Array(twice)))).toBe('malformed');
    expect(() => encodeRecord({ ...parts, approvals: [...approvals, ...approvals] })).toThrow();
  });

  it('holds approvals that were signed for it', () => {
    const forged = approvals.map((each, index) =>
      index === 1 ? { ...each, signature: new Uint8Array(64) } : each,
    );
    expect(codeOf(() => verify(encodeRecord({ ...parts, approvals: forged })))).toBe(
      'bad-approval',
    );
    const forAnother = approvalsOf(at, newcomer(at).signed);
    expect(codeOf(() => verify(encodeRecord({ ...parts, approvals: forAnother })))).toBe(
      'bad-approval',
    );
  });

  it('holds approvals of coordinators of this cluster, also where another has its name', () => {
    const namesake = host('test');
    const strangers = approvalsOf(namesake, hotel.signed);
    expect(codeOf(() => verify(encodeRecord({ ...parts, approvals: strangers })))).toBe(
      'bad-approval',
    );
    const nobody = approvals.map((each, index) => ({ ...each, replica: replicaId(4 + index) }));
    expect(codeOf(() => verify(encodeRecord({ ...parts, approvals: nobody })))).toBe(
      'bad-approval',
    );
  });

  it('is refused with keys that were not approved', () => {
    const replaced = newcomer(at);
    expect(codeOf(() => verify(encodeRecord({ ...parts, request: replaced.signed })))).toBe(
      'bad-approval',
    );
    const ofOthersKey = certificateOf(at, replaced.request);
    expect(codeOf(() => verify(encodeRecord({ ...parts, certificate: ofOthersKey })))).toBe(
      'wrong-certificate',
    );
  });

  it('has a certificate of the cluster’s authority, in the newcomer’s name', () => {
    const foreign = certificateOf(host('test'), hotel.request);
    const client = certificateOf(at, hotel.request, { unit: 'client' });
    const motel = certificateOf(at, { ...hotel.request, name: participantId('motel') });
    for (const wrong of [foreign, client, motel]) {
      expect(codeOf(() => verify(encodeRecord({ ...parts, certificate: wrong })))).toBe(
        'wrong-certificate',
      );
    }
  });

  it('is of a participant', () => {
    const { privateKey } = newCertificateKey();
    const asked = { cluster: cluster.id, name: participantId('bob'), key: pointOf(privateKey) };
    const request = { role: 'client', ...asked } as const;
    const signed = signRequest(request, { privateKey });
    const file = encodeRecord({
      request: signed,
      approvals: approvalsOf(at, signed),
      certificate: certificateOf(at, request),
    });
    expect(codeOf(() => verify(file))).toBe('malformed');
  });

  it('is refused where a byte differs, is missing or is too many', () => {
    const file = recordOf(at, hotel);
    for (let index = 0; index < file.length; index += 11) {
      const changed = Uint8Array.from(file);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(
        codeOf(() => verify(changed)),
        `byte ${index}`,
      ).not.toBe('taken');
    }
    expect(codeOf(() => verify(file.subarray(0, -1)))).toBe('malformed');
    expect(codeOf(() => verify(Uint8Array.of(...file, 0)))).toBe('malformed');
    expect(codeOf(() => verify(new Uint8Array(20_000)))).toBe('malformed');
  });
});
