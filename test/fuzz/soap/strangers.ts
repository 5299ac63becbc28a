import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Credential,
  issueAuthority,
  issueCertificate,
} from '../../../src/kernel/config/x509.js';
import type { MessageSigner } from '../../../src/soap/signing.js';
import type { Attack } from '../attack.js';
import { messageSigner } from '../ground/keys.js';
import type { Template } from '../ground/recording.js';
import { insiders } from '../ground/victim.js';
import type { Random } from '../support/random.js';
import type { Expectation } from './judge.js';
import { type Range, soapAttack } from './range.js';

const dayMs = 86_400_000;
/** Longer ago than any certificate is valid. */
const longAgoMs = 3000 * dayMs;
const unknown: Expectation = { kind: 'refused', codes: ['FailedAuthentication'] };
const badTime: Expectation = { kind: 'refused', codes: ['MessageExpired'] };
const badKey: Expectation = { kind: 'refused', codes: ['FailedCheck'] };

/** The authority's key, for certificates that the cluster did not ask for. */
export function authorityOf({ victim }: Range): Credential {
  const { cluster, directory } = victim.local;
  const privateKey = readFileSync(join(directory, 'authority-key.pem'), 'utf8');
  return { certificate: cluster.authority, privateKey };
}

/** Messages that are well signed, by the wrong one or at the wrong time. */
export function strangerAttacks(range: Range): Attack[] {
  const { victim } = range;
  const organization = victim.local.cluster.id;
  const own = authorityOf(range);
  const other = issueAuthority(organization);
  const subject = (commonName: string, unit: string) => ({ commonName, unit, organization });
  const alice = subject('alice', 'client');
  const primary = subject('coordinator-0', 'coordinator');
  const past = new Date(Date.now() - longAgoMs);
  const future = new Date(Date.now() + longAgoMs);
  const someone = victim.keys.credential(insiders.client);
  const signers = {
    foreign: messageSigner(issueCertificate(other, alice, [])),
    foreignMember: messageSigner(issueCertificate(other, primary, [])),
    unlisted: messageSigner(issueCertificate(own, primary, [])),
    selfSigned: messageSigner(issueAuthority(organization)),
    expired: messageSigner(issueCertificate(own, alice, [], past)),
    early: messageSigner(issueCertificate(own, alice, [], future)),
    unmatched: messageSigner({ ...someone, privateKey: issueAuthority('x').privateKey }),
  };
  const attack = (kind: string, signer: MessageSigner, expected: Expectation): Attack =>
    soapAttack(range, kind, 15, (random) => ({ ...forged(random, range, signer), expected }));
  const late = (kind: string, offsetMs: number): Attack =>
    soapAttack(range, kind, 15, (random) => {
      const template = random.pick(victim.recording.templates);
      const clock = () => Date.now() + offsetMs - random.below(dayMs);
      const signer = messageSigner(victim.keys.credential(template.sender), clock);
      return { ...signed(template, signer), expected: badTime };
    });
  return [
    attack('certificate: of another authority', signers.foreign, unknown),
    attack('certificate: of another authority, a member’s name', signers.foreignMember, unknown),
    attack('certificate: not in the cluster file', signers.unlisted, unknown),
    attack('certificate: signed by itself', signers.selfSigned, unknown),
    attack('certificate: expired', signers.expired, unknown),
    attack('certificate: not valid yet', signers.early, unknown),
    attack('certificate: of somebody else', signers.unmatched, badKey),
    soapAttack(range, 'certificate: garbage', 15, (random) => {
      const template = random.pick(victim.recording.templates);
      const garbage = random.bytes(random.between(1, 1200)).toString('base64');
      const { text, address } = signed(template, victim.keys.signer(template.sender));
      const token = />[A-Za-z0-9+/=]+(?=<\/wsse:BinarySecurityToken>)/;
      return { address, text: text.replace(token, `>${garbage}`), expected: { kind: 'refused' } };
    }),
    late('time: expired', -10 * 60_000),
    late('time: from the future', dayMs + 10 * 60_000),
    soapAttack(range, 'role: signed by a member of another role', 30, (random) => {
      const template = random.pick(victim.recording.templates);
      const names = Object.values(insiders).filter(
        (name) => roleOf(name) !== roleOf(template.sender),
      );
      const signer = victim.keys.signer(random.pick(names));
      // One-way messages are taken before their sender is judged.
      return { ...signed(template, signer), expected: { kind: 'any' } };
    }),
  ];
}

function forged(random: Random, { victim }: Range, signer: MessageSigner) {
  return signed(random.pick(victim.recording.templates), signer);
}

function signed({ address, message }: Template, signer: MessageSigner) {
  const messageId = `urn:uuid:${crypto.randomUUID()}`;
  const addressing = { ...message.addressing, messageId };
  return { address, text: signer.sign({ ...message, addressing }) };
}

function roleOf(name: string): string {
  if (name === 'alice' || name === insiders.client) return 'client';
  return name.split('-', 1)[0] ?? name;
}
