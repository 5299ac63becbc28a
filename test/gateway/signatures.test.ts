import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Credential } from '../../src/kernel/config/x509.js';
import { readEnvelope } from '../../src/soap/envelope.js';
import { MessageSigner } from '../../src/soap/signing.js';
import { MessageVerifier } from '../../src/soap/verification.js';
import { rsaCredential } from '../support/signed-messages.js';
import { eventually } from '../system/support/eventually.js';
import { GatewayCluster } from './support/gateway-cluster.js';
import { writeCredential } from './support/plain-credentials.js';
import { type Context, type PartySignatures, PlainParty } from './support/plain-party.js';

const ofGateway = rsaCredential('gateway');
const narayana = rsaCredential('narayana');
const other = rsaCredential('other');
let cluster: GatewayCluster;
/** Software that signs nothing, and software that signs for itself. */
let unsigned: PlainParty;
let another: PlainParty;

function signaturesOf(credential: Credential): PartySignatures {
  const signer = new MessageSigner({
    certificateDer: new X509Certificate(credential.certificate).raw,
    privateKey: createPrivateKey(credential.privateKey),
    clock: Date.now,
  });
  const verifier = new MessageVerifier({
    trust: ({ raw }) =>
      raw.equals(new X509Certificate(ofGateway.certificate).raw)
        ? { role: 'client', name: 'gateway' }
        : undefined,
    clock: Date.now,
  });
  return {
    sign: (envelope) => signer.sign(readEnvelope(envelope, () => true)),
    check: (envelope) => void verifier.verify(envelope),
  };
}

beforeAll(async () => {
  unsigned = await PlainParty.start('1.1');
  another = await PlainParty.start('1.1');
  another.signatures = signaturesOf(other);
  cluster = await GatewayCluster.start('1.1', {
    signatures: signaturesOf(narayana),
    fields: async (directory, origin) => {
      await writeCredential(directory, 'own', ofGateway);
      await writeCredential(directory, 'narayana', narayana);
      await writeCredential(directory, 'other', other);
      const peer = (name: string, at: string) => ({
        ...{ name, origins: [at], certificates: `${name}.pem` },
      });
      return {
        allowedOrigins: [unsigned.origin],
        signatures: {
          ...{ certificate: 'own.pem', privateKey: 'own-key.pem', takesUnsigned: true },
          peers: [peer('narayana', origin), peer('other', another.origin)],
        },
      };
    },
  });
}, 60_000);

afterAll(async () => {
  await cluster.stop();
  await unsigned.stop();
  await another.stop();
});

const activation = () => `${cluster.url}/activation`;
const begun = (): Promise<Context> => cluster.party.create(activation());

describe('a gateway whose plain software signs', () => {
  it('commits, and signs all that it answers and sends', async () => {
    const { party } = cluster;
    const context = await begun();
    await party.register(context, 'Durable2PC', cluster.participant('D'));
    const client = party.endpoint('I');
    const completion = await party.register(context, 'Completion', client);
    expect((await party.notify('Commit', completion, client)).status).toBe(202);
    await eventually('the client gets the outcome', () => party.of('I').length > 0);
    expect([party.of('D'), party.of('I')]).toEqual([['Prepare', 'Commit'], ['Committed']]);
  });

  it('has others in the same transaction that do not', async () => {
    const { party } = cluster;
    const context = await begun();
    const own = unsigned.endpoint('U');
    const coordinator = await unsigned.register(context, 'Durable2PC', own);
    const completion = await party.register(context, 'Completion', party.endpoint('I2'));
    expect((await party.notify('Rollback', completion, party.endpoint('I2'))).status).toBe(202);
    await eventually('it is sent Rollback', () => unsigned.of('U').includes('Rollback'));
    expect((await unsigned.notify('Aborted', coordinator, own)).status).toBe(202);
  });
});

describe('what a peer signs for', () => {
  it('is its own participants, and nobody registers them for it', async () => {
    const context = await begun();
    const mine = cluster.party.endpoint('D3');
    const refused = /FailedAuthentication/;
    await expect(unsigned.register(context, 'Durable2PC', mine)).rejects.toThrow(refused);
    await expect(another.register(context, 'Durable2PC', mine)).rejects.toThrow(refused);
    const theirs = unsigned.endpoint('U3');
    await expect(cluster.party.register(context, 'Durable2PC', theirs)).rejects.toThrow(refused);
  });

  it('is its own client: nobody else completes its transaction', async () => {
    const context = await begun();
    for (const party of [unsigned, another]) {
      const registering = party.register(context, 'Completion', party.endpoint('I4'));
      await expect(registering).rejects.toThrow(/FailedAuthentication/);
    }
    const client = cluster.party.endpoint('I4');
    const completion = await cluster.party.register(context, 'Completion', client);
    for (const party of [unsigned, another]) {
      const answer = await party.notify('Commit', completion, party.endpoint('I4'));
      expect(answer.status).not.toBe(202);
      expect(answer.text).toContain('FailedAuthentication');
    }
  });

  it('is its votes: nobody votes for its participants', async () => {
    const context = await begun();
    const own = cluster.party.endpoint('D5');
    const coordinator = await cluster.party.register(context, 'Durable2PC', own);
    for (const party of [unsigned, another]) {
      const answer = await party.notify('Aborted', coordinator, party.endpoint('D5'));
      expect(answer.text).toContain('FailedAuthentication');
      const stripped = { ...coordinator, instance: coordinator.instance.replace(/\..*/, '') };
      // It is a key that was never given out.
      expect((await unsigned.notify('Aborted', stripped, unsigned.endpoint('x'))).status).toBe(202);
    }
    const { party } = cluster;
    const completion = await party.register(context, 'Completion', party.endpoint('I5'));
    await party.notify('Rollback', completion, party.endpoint('I5'));
    await eventually('it is still in the transaction', () => party.of('D5').includes('Rollback'));
  });

  it('is for the port that it says it is for, and answered to itself', async () => {
    const { party } = cluster;
    const signed = party.signatures as PartySignatures;
    const send = async (change: (envelope: string) => string) => {
      party.signatures = { ...signed, sign: (envelope) => signed.sign(change(envelope)) };
      const client = party.endpoint('I6');
      const answer = await party
        .notify('Commit', { address: `${cluster.url}/completion`, instance: 'x' }, client)
        .finally(() => {
          party.signatures = signed;
        });
      return answer.text;
    };
    const gateway = cluster.url;
    expect(
      await send((text) => text.replace(`${gateway}/completion`, 'http://a.test/completion')),
    ).toContain('DestinationUnreachable');
    expect(
      await send((text) => text.replace(`${gateway}/completion`, `${gateway}/coordinator`)),
    ).toContain('DestinationUnreachable');
    expect(await send((text) => text.replace(/<MessageID .*?<\/MessageID>/, ''))).toContain(
      'MessageAddressingHeaderRequired',
    );
    expect(await send((text) => text.replace(/<To .*?<\/To>/, ''))).toContain(
      'MessageAddressingHeaderRequired',
    );
    expect(await send((text) => text.replaceAll(party.origin, unsigned.origin))).toContain(
      'InvalidAddressingHeader',
    );
  });

  it('is taken once', async () => {
    const { party } = cluster;
    const signed = party.signatures as PartySignatures;
    let first: string | undefined;
    const sign = (envelope: string) => {
      first ??= signed.sign(envelope);
      return first;
    };
    party.signatures = { ...signed, sign };
    try {
      await begun();
      await expect(begun()).rejects.toThrow(/InvalidSecurity/);
    } finally {
      party.signatures = signed;
    }
  });
});
