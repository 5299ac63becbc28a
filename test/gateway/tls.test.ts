import { createHash, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Credential } from '../../src/kernel/config/x509.js';
import { eventually } from '../system/support/eventually.js';
import { GatewayCluster } from './support/gateway-cluster.js';
import { PlainAuthority, writeCredential } from './support/plain-credentials.js';

const authority = new PlainAuthority('plain');
const stranger = new PlainAuthority('stranger');
const ofGateway = authority.issue('gateway');
const narayana = authority.issue('narayana');
const pinned = stranger.issue('pinned');
const fingerprint = createHash('sha256')
  .update(new X509Certificate(pinned.certificate).raw)
  .digest('hex')
  .toUpperCase()
  .replace(/(..)(?=.)/g, '$1:');
let cluster: GatewayCluster;

beforeAll(async () => {
  cluster = await GatewayCluster.start('1.1', {
    party: { credential: narayana, authority: authority.certificate },
    fields: async (directory) => {
      await writeFile(join(directory, 'plain-ca.pem'), authority.certificate);
      await writeCredential(directory, 'plain', ofGateway);
      const authorities = 'plain-ca.pem';
      const subjects = ['CN=narayana,OU=plain,O=Plain\\, Inc.'];
      return {
        tls: {
          ...{ certificate: 'plain.pem', privateKey: 'plain-key.pem', authorities },
          clients: { need: 'required', authorities, subjects, fingerprints: [fingerprint] },
          mayCallHttp: false,
        },
      };
    },
  });
}, 60_000);

afterAll(() => cluster.stop());

/** The status of an answer, or that there is none. */
async function asked(client: Partial<Credential>, ca = authority.certificate): Promise<unknown> {
  const { certificate: cert, privateKey: key } = client;
  const agent = new Agent({ connect: { ca, ...(cert && key && { cert, key }) } });
  onTestFinished(() => agent.destroy());
  try {
    const answer = await fetch(`${cluster.url}/activation?wsdl`, { dispatcher: agent });
    return answer.status;
  } catch {
    return 'no answer';
  }
}

describe('a gateway with mutual TLS', () => {
  it('commits with plain software, each of the two a client and a server', async () => {
    const { party } = cluster;
    const context = await party.create(`${cluster.url}/activation`);
    expect(context.registration.address).toBe(`${cluster.url}/registration`);
    await party.register(context, 'Durable2PC', cluster.participant('D'));
    const client = party.endpoint('I');
    const completion = await party.register(context, 'Completion', client);
    expect((await party.notify('Commit', completion, client)).status).toBe(202);
    await eventually('the client gets the outcome', () => party.of('I').length > 0);
    expect([party.of('D'), party.of('I')]).toEqual([['Prepare', 'Commit'], ['Committed']]);
  });

  it('takes a client by its authority and subject, or by the certificate alone', async () => {
    expect(await asked(narayana)).toBe(200);
    expect(await asked(pinned)).toBe(200);
  });

  it.each<[string, Partial<Credential>]>([
    ['without a certificate', {}],
    ['with a subject that is not listed', authority.issue('somebody')],
    ['of another authority', stranger.issue('narayana')],
    ['with a certificate that has run out', authority.issue('narayana', [], new Date(0))],
  ])('serves no client %s', async (_, client) => {
    expect(await asked(client)).toBe('no answer');
  });

  it('is believed by those only who know its authority', async () => {
    expect(await asked(narayana, stranger.certificate)).toBe('no answer');
  });

  it('speaks no HTTP on that port', async () => {
    const answer = fetch(`${cluster.url.replace('https:', 'http:')}/healthz`);
    await expect(answer).rejects.toThrow();
  });
});

describe('a gateway with TLS', () => {
  it('registers no address without it', async () => {
    const { party } = cluster;
    const context = await party.create(`${cluster.url}/activation`);
    const plain = { address: party.origin.replace('https:', 'http:'), instance: 'D' };
    await expect(party.register(context, 'Durable2PC', plain)).rejects.toThrow(/InvalidParameters/);
  });
});
