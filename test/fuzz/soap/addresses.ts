import {
  decodeSignedStatement,
  encodeSigned,
  signStatement,
} from '../../../src/agreement/signing.js';
import { endpoint } from '../../../src/soap/addressing.js';
import { readRegister, writeRegister } from '../../../src/transaction/soap/coordination.js';
import { statementExtension } from '../../../src/transaction/soap/extension.js';
import type { Attack } from '../attack.js';
import { contentOf } from '../ground/recording.js';
import { insiders } from '../ground/victim.js';
import type { Random } from '../support/random.js';
import { type Range, soapAttack, unsigned } from './range.js';

/** Ways to write an address that is nobody's in the cluster, some of them to look as if it were. */
function canaryAddress(random: Random, port: number, member: string): string {
  const { host } = new URL(member);
  return random.pick([
    `http://127.0.0.1:${port}/`,
    `http://localhost:${port}/x?y#z`,
    `http://127.1:${port}/`,
    `http://2130706433:${port}/`,
    `http://0x7f000001:${port}/`,
    `http://[::ffff:127.0.0.1]:${port}/`,
    `http://0.0.0.0:${port}/`,
    `http://user:password@127.0.0.1:${port}/`,
    `http://${host}@127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}#@${host}/`,
    `http://127.0.0.1:${port}\\@${host}/`,
    `http:\\\\127.0.0.1:${port}\\`,
    `HTTP://127.0.0.1:${port}/`,
    ` http://127.0.0.1:${port}/ `,
    `http://127.0.0.1:${port}\t/`,
    `https://127.0.0.1:${port}/`,
    `ws://127.0.0.1:${port}/`,
    `ftp://127.0.0.1:${port}/`,
    `//127.0.0.1:${port}/`,
    'file:///etc/passwd',
    `javascript:fetch("http://127.0.0.1:${port}")`,
    `${member}@127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}/${'a'.repeat(random.between(1, 4000))}`,
  ]);
}

/**
 * Addresses that point inside (server-side request forgery). Whoever signs them, no node may call an
 * address that the cluster file does not name.
 */
export function addressAttacks(range: Range): Attack[] {
  const { victim, canary } = range;
  const { templates } = victim.recording;
  const members = victim.local.nodes.map(({ url }) => url);
  const address = (random: Random) => canaryAddress(random, canary.port, random.pick(members));
  const ownOf: Readonly<Record<string, string>> = {
    coordinator: insiders.coordinator,
    initiator: insiders.initiator,
    bank: insiders.participant,
    alice: insiders.client,
  };
  const field = (name: 'replyTo' | 'faultTo' | 'from'): Attack =>
    soapAttack(range, `address: ${name} points inside`, 40, (random) => {
      const template = random.pick(templates);
      const signer = ownOf[template.sender.split('-', 1)[0] ?? ''] ?? insiders.client;
      const { message } = template;
      const messageId = `urn:uuid:${crypto.randomUUID()}`;
      const addressing = { ...message.addressing, messageId, [name]: endpoint(address(random)) };
      // Half of them are sure to end in a fault, which then goes to that address.
      const headers = random.oneIn(2) ? [] : message.headers;
      const text = victim.keys.signer(signer).sign({ ...message, addressing, headers });
      return { address: template.address, text, expected: { kind: 'any' } };
    });
  const registers = templates.filter(
    ({ sender, message }) =>
      sender === insiders.participant && message.body?.localName === 'Register',
  );
  return [
    field('replyTo'),
    field('faultTo'),
    field('from'),
    soapAttack(range, 'address: the participant’s points inside', 40, (random) => {
      const template = random.pick(registers);
      const encoded = contentOf(unsigned(template), 'cc:Statement') ?? '';
      const cluster = victim.local.cluster.id;
      const { statement } = decodeSignedStatement(cluster, Buffer.from(encoded, 'base64'));
      const target = address(random).trim();
      const signed = signStatement(
        victim.keys.statementSigner(insiders.participant),
        cluster,
        statement.kind === 'registration'
          ? { ...statement, address: target.slice(0, 128) }
          : statement,
      );
      const register = readRegister(template.message.body);
      const body = writeRegister({
        ...register,
        participantProtocolService: endpoint(target.slice(0, 128)),
        extensions: [statementExtension(encodeSigned(signed))],
      });
      const messageId = `urn:uuid:${crypto.randomUUID()}`;
      const addressing = { ...template.message.addressing, messageId };
      const text = victim.keys
        .signer(insiders.participant)
        .sign({ ...template.message, addressing, body });
      return { address: template.address, text, expected: { kind: 'refused' } };
    }),
  ];
}
