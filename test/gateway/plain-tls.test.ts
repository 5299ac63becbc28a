import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { addressesOf } from '../../src/gateway/node/origins.js';
import { type ClientRules, loadPlainTls, refusalOf } from '../../src/gateway/node/plain-tls.js';
import { ConfigError } from '../../src/kernel/config/config-error.js';
import { checkPlain, type PlainTls } from '../../src/kernel/config/plain-service.js';
import { certificateSha256 } from '../../src/kernel/config/x509.js';
import { endpoint } from '../../src/soap/addressing.js';
import { PlainClient } from '../../src/soap/plain-client.js';
import { temporaryDirectory } from '../kernel/support/directory.js';
import { body, policyOf } from '../soap/harness.js';
import { PlainAuthority, writeCredential } from './support/plain-credentials.js';
import { PlainParty } from './support/plain-party.js';

const authority = new PlainAuthority('plain');
const stranger = new PlainAuthority('stranger');
const ofGateway = authority.issue('gateway');
const other = authority.issue('other', ['other.test']);
let directory: string;
const at = (file: string) => join(directory, file);

beforeEach(async () => {
  directory = await temporaryDirectory();
  await writeCredential(directory, 'own', ofGateway);
  await writeCredential(directory, 'other', other);
  await writeCredential(directory, 'old', authority.issue('old', ['127.0.0.1'], new Date(0)));
  await writeFile(at('ca.pem'), authority.certificate);
  await writeFile(at('empty.pem'), '');
  await writeFile(
    at('broken.pem'),
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  );
});

function load(fields: Partial<PlainTls> = {}) {
  const tls = {
    ...{ certificate: at('own.pem'), privateKey: at('own-key.pem'), mayCallHttp: false },
    ...fields,
  };
  return loadPlainTls({ url: 'https://127.0.0.1:1', tls }, pino({ level: 'silent' }));
}

describe('the TLS files of a gateway', () => {
  it('are read', async () => {
    const clients = { need: 'required', authorities: at('ca.pem') } as const;
    const tls = await load({ authorities: at('ca.pem'), clients });
    expect(tls?.client.authorities).toHaveLength(1);
    expect(tls?.server.clients?.authorities).toHaveLength(1);
  });

  it('are for the host in "plain.url", a name or an address', async () => {
    const tls = { certificate: at('own.pem'), privateKey: at('own-key.pem'), mayCallHttp: false };
    const log = pino({ level: 'silent' });
    for (const host of ['gw.example', '127.0.0.2', '[::1]']) {
      const named = loadPlainTls({ url: `https://${host}:1`, tls }, log);
      await expect(named).rejects.toThrow(`is not for "${host.replace(/[[\]]/g, '')}"`);
    }
  });

  it.each<[string, () => Partial<PlainTls>, RegExp]>([
    ['is not there', () => ({ certificate: at('none.pem') }), /none\.pem: no such file/],
    ['is empty', () => ({ certificate: at('empty.pem') }), /empty\.pem: holds no certificate/],
    ['is broken', () => ({ certificate: at('broken.pem') }), /broken\.pem: .* cannot be read/],
    ['is no key', () => ({ privateKey: at('own.pem') }), /own\.pem: is no private key/],
    [
      'is another key',
      () => ({ privateKey: at('other-key.pem') }),
      /other-key\.pem: is not the key/,
    ],
    [
      'has run out',
      () => ({ certificate: at('old.pem'), privateKey: at('old-key.pem') }),
      /old\.pem: is valid from/,
    ],
    [
      'is for another host',
      () => ({ certificate: at('other.pem'), privateKey: at('other-key.pem') }),
      /other\.pem: is not for "127\.0\.0\.1"/,
    ],
    [
      'is of no authority',
      () => ({ authorities: at('own.pem') }),
      /own\.pem: .* no certificate of an/,
    ],
    [
      'is of no authority of clients',
      () => ({ clients: { need: 'required', authorities: at('own.pem') } }),
      /own\.pem: .* no certificate of an/,
    ],
  ])('are refused by name where one %s', async (_, fields, message) => {
    const loading = load(fields());
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toBeInstanceOf(ConfigError);
  });

  it('do not go with http addresses, unless the file says so', () => {
    const complaints = (url: string, origin: string, mayCallHttp = false) => {
      const tls = { certificate: 'a', privateKey: 'b', mayCallHttp };
      const found: string[] = [];
      const plain = { url, allowedOrigins: [origin], isLoopbackOne: false, tls };
      checkPlain(plain, (path) => void found.push(path.join('.')));
      return found;
    };
    expect(complaints('https://a', 'https://b')).toEqual([]);
    expect(complaints('http://a', 'https://b')).toEqual(['url']);
    expect(complaints('https://a', 'http://b')).toEqual(['allowedOrigins']);
    expect(complaints('https://a', 'http://b', true)).toEqual([]);
  });
});

describe('a gateway with TLS', () => {
  it('calls no http address, whoever lists it, unless its file says so', () => {
    const cluster = { allowedOrigins: ['http://a.test', 'https://a.test'] };
    const allowed = (mayCallHttp: boolean) => {
      const tls = { certificate: 'a', privateKey: 'b', mayCallHttp };
      const policy = addressesOf(cluster, { allowedOrigins: [], isLoopbackOne: false, tls });
      return [policy.allows('http://a.test/x'), policy.allows('https://a.test/x')];
    };
    expect(allowed(false)).toEqual([false, true]);
    expect(allowed(true)).toEqual([true, true]);
  });
});

describe('a client certificate', () => {
  const nowMs = Date.now();
  const certificate = new X509Certificate(ofGateway.certificate);
  const shown = { certificate, isVouchedFor: true };
  const rules: ClientRules = { need: 'required', hasAuthorities: true, fingerprints: [] };
  const pin = { hasAuthorities: false, fingerprints: [certificateSha256(ofGateway.certificate)] };
  const listed = 'O=Plain\\, Inc.,OU=plain,CN=gateway';

  it.each<[string, Partial<typeof shown>, Partial<ClientRules>, RegExp | undefined]>([
    ['of an authority', {}, {}, undefined],
    ['of none', { isVouchedFor: false }, {}, /unknown/],
    ['that Node.js itself believes', {}, { hasAuthorities: false }, /unknown/],
    ['that is listed', { isVouchedFor: false }, pin, undefined],
    ['of a subject that is listed', {}, { subjects: ['CN=x', listed] }, undefined],
    ['of a subject that is not', {}, { subjects: ['CN=gateway'] }, /not listed/],
    ['that is listed, and its subject is not', {}, { ...pin, subjects: ['CN=x'] }, undefined],
  ])('%s', (_, what, more, expected) => {
    const why = refusalOf({ ...shown, ...what }, { ...rules, ...more }, nowMs);
    if (expected === undefined) expect(why).toBeUndefined();
    else expect(why).toMatch(expected);
  });

  it('has to be there where it is needed, and has to be right where it is not', () => {
    const nothing = { certificate: undefined, isVouchedFor: true };
    expect(refusalOf(nothing, rules, nowMs)).toBe('no certificate');
    const optional = { ...rules, need: 'optional' } as const;
    expect(refusalOf(nothing, optional, nowMs)).toBeUndefined();
    expect(refusalOf({ ...shown, isVouchedFor: false }, optional, nowMs)).toMatch(/unknown/);
  });

  it('is not taken by itself either before and after its time', () => {
    for (const ms of [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]) {
      expect(refusalOf(shown, { ...rules, ...pin }, ms)).toBeUndefined();
    }
    const times = [
      Date.parse(certificate.validFrom) - 1000,
      Date.parse(certificate.validTo) + 1000,
    ];
    for (const ms of times) {
      expect(refusalOf(shown, { ...rules, ...pin }, ms)).toMatch(/not valid now/);
    }
  });
});

describe('a client of plain software', () => {
  async function send(
    server: ReturnType<PlainAuthority['issue']>,
    client = ofGateway,
    isAllowed = true,
  ) {
    const tls = { credential: server, authority: authority.certificate };
    const party = await PlainParty.start('1.2', 0, tls);
    const plain = new PlainClient({
      addresses: policyOf(isAllowed ? [party.origin] : []),
      tls: { ...client, authorities: [authority.certificate] },
    });
    onTestFinished(async () => {
      await plain.close();
      await party.stop();
    });
    const sending = plain.notify(endpoint(`${party.origin}/party`), {
      ...{ action: 'urn:tell', body: body('Tell') },
    });
    const what = await sending.then(
      () => 'taken',
      (error: unknown) => String(error),
    );
    return { what, connections: party.connections };
  }

  it('shows its certificate, and believes those of its authority', async () => {
    expect(await send(authority.issue('p'))).toEqual({ what: 'taken', connections: 1 });
  });

  it.each([
    ['that another authority has vouched for', stranger.issue('p'), ofGateway],
    ['that is for another name', authority.issue('p', ['localhost']), ofGateway],
    ['whose time is over', authority.issue('p', ['127.0.0.1'], new Date(0)), ofGateway],
    ['that does not know its own', authority.issue('p'), stranger.issue('gateway')],
  ])('sends nothing to a server %s', async (_, server, client) => {
    expect((await send(server, client)).what).toMatch(/refused/);
  });

  it('does not even connect to an address that it may not call', async () => {
    const { what, connections } = await send(authority.issue('p'), ofGateway, false);
    expect(what).toMatch(/not-allowed/);
    expect(connections).toBe(0);
  });
});
