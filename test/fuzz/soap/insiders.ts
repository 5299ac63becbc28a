import {
  decodeSignedStatement,
  encodeSigned,
  signStatement,
} from '../../../src/agreement/signing.js';
import type { Statement } from '../../../src/agreement/statements.js';
import { WireError } from '../../../src/kernel/codec/bytes.js';
import { clientId, digest, enlistmentId, transactionId } from '../../../src/kernel/ids.js';
import { serialize } from '../../../src/soap/canonical.js';
import type { SoapMessage } from '../../../src/soap/envelope.js';
import { parseXml, XmlError } from '../../../src/soap/parse-xml.js';
import type { XmlElement } from '../../../src/soap/xml.js';
import type { Attack } from '../attack.js';
import type { Template } from '../ground/recording.js';
import { insiders } from '../ground/victim.js';
import { mutateXml } from '../mutate/xml.js';
import type { Random } from '../support/random.js';
import { type Range, soapAttack } from './range.js';

/** One of each role that lies: what it signs is well signed, and the cluster must bear it. */
export function insiderAttacks(range: Range): Attack[] {
  const { templates } = range.victim.recording;
  const sendersOf = (role: string) => templates.filter(({ sender }) => sender.startsWith(role));
  const insider = (name: string, weight: number, own: readonly Template[]): Attack[] => [
    soapAttack(range, `insider: ${name}, body changed`, weight, (random) => {
      const template = random.pick(own);
      const { body } = template.message;
      return signAs(range, name, template, { body: body && changed(random, body) });
    }),
    soapAttack(range, `insider: ${name}, header blocks changed`, weight, (random) => {
      const template = random.pick(own);
      const headers = template.message.headers.map((block) => changed(random, block));
      return signAs(range, name, template, { headers });
    }),
    soapAttack(range, `insider: ${name}, addressing changed`, weight, (random) => {
      const template = random.pick(own);
      const addressing = { ...template.message.addressing, ...addressingOf(random, templates) };
      return signAs(range, name, template, { addressing });
    }),
  ];
  const lies = (name: string, weight: number): Attack =>
    soapAttack(range, `insider: ${name}, statement changed`, weight, (random) => {
      const template = random.pick(templates.filter(({ sender }) => sender === name));
      return signAs(range, name, template, lie(random, range, name, template.message));
    });
  return [
    ...insider(insiders.coordinator, 30, sendersOf('coordinator')),
    ...insider(insiders.initiator, 12, sendersOf('initiator')),
    ...insider(insiders.participant, 20, sendersOf('bank')),
    ...insider(insiders.client, 6, sendersOf('alice').map(asMallory)),
    lies(insiders.initiator, 20),
    lies(insiders.participant, 40),
  ];
}

/** A recorded message, with other parts, as a member signs it now. */
export function signAs(range: Range, name: string, template: Template, over: Partial<SoapMessage>) {
  const { address, message } = template;
  const messageId = `urn:uuid:${crypto.randomUUID()}`;
  const addressing = { messageId, ...(over.addressing ?? { ...message.addressing, messageId }) };
  const text = range.victim.keys.signer(name).sign({ ...message, ...over, addressing });
  return { address, text, expected: { kind: 'any' } as const };
}

/** Another element, as well-formed as this one. */
function changed(random: Random, original: XmlElement): XmlElement {
  for (let attempts = 0; attempts < 20; attempts += 1) {
    try {
      return parseXml(mutateXml(random, serialize(original)));
    } catch (error) {
      if (!(error instanceof XmlError)) throw error;
    }
  }
  return original;
}

function addressingOf(random: Random, templates: readonly Template[]) {
  const other = random.pick(templates).message.addressing;
  const value = random.pick([other.action, other.to ?? '', 'urn:x', 'a b\nc', 'A'.repeat(5000)]);
  const name = random.pick(['to', 'action', 'messageId', 'relatesTo'] as const);
  return {
    [name]: random.oneIn(3) ? undefined : value,
    ...(name === 'action' && { action: value }),
  };
}

/** The honest client's transfer under another name, which has no account at any bank. */
export function asMallory(template: Template): Template {
  const renamed = (element: XmlElement): XmlElement =>
    parseXml(
      serialize(element)
        .replaceAll('>alice/', `>${insiders.client}/`)
        .replaceAll('>alice<', '>nobody<')
        .replaceAll('>bob<', '>nobody<'),
    );
  const { body, headers } = template.message;
  const message = {
    ...template.message,
    body: body && renamed(body),
    headers: headers.map(renamed),
  };
  return { ...template, message };
}

const statementForm = /(<cc:Statement[^>]*>)([A-Za-z0-9+/=]+)(?=<)/;

/** The message with another statement of the same signer, and headers that go with it. */
function lie(
  random: Random,
  { victim }: Range,
  name: string,
  message: SoapMessage,
): Partial<SoapMessage> {
  const text = message.body && serialize(message.body);
  const found = text && statementForm.exec(text)?.[2];
  if (!text || !found) return {};
  const cluster = victim.local.cluster.id;
  const { statement } = decodeSignedStatement(cluster, Buffer.from(found, 'base64'));
  const signer = victim.keys.statementSigner(name);
  try {
    const signed = signStatement(signer, cluster, otherStatement(random, statement));
    const encoded = Buffer.from(encodeSigned(signed)).toString('base64');
    const body = parseXml(text.replace(found, encoded));
    const tid = 'tid' in signed.statement ? signed.statement.tid : undefined;
    const old = 'tid' in statement ? statement.tid : undefined;
    if (tid === undefined || old === undefined) return { body };
    const headers = message.headers.map((block) => parseXml(serialize(block).replaceAll(old, tid)));
    return { body, headers };
  } catch (error) {
    // Some lies cannot be told in bytes.
    if (error instanceof WireError) return {};
    throw error;
  }
}

function otherStatement(random: Random, statement: Statement): Statement {
  const tid = transactionId(random.uuid());
  switch (statement.kind) {
    case 'activation':
      return random.pick<Statement>([
        { ...statement, request: digest(random.hex(32)) },
        { ...statement, timestamp: random.u32() },
        { ...statement, expiresMs: random.pick([0, 1, 2 ** 53 - 1]) },
        { ...statement, client: clientId(`x${random.hex(4)}`), timestamp: random.u32() },
      ]);
    case 'completion': {
      const decision = statement.decision === 'commit' ? 'rollback' : 'commit';
      return random.pick<Statement>([
        { ...statement, decision },
        { ...statement, tid },
      ]);
    }
    case 'acknowledgement': {
      const outcome = statement.outcome === 'commit' ? 'abort' : 'commit';
      return random.pick<Statement>([
        { ...statement, outcome },
        { ...statement, tid },
      ]);
    }
    case 'registration':
      return random.pick<Statement>([
        { ...statement, tid },
        { ...statement, enlistment: enlistmentId(`${insiders.participant}.D-${random.hex(8)}`) },
        { ...statement, enlistment: enlistmentId(`bank-a.D-${random.hex(8)}`) },
        { ...statement, protocol: statement.protocol === 'durable' ? 'volatile' : 'durable' },
      ]);
    case 'vote':
      return random.pick<Statement>([
        { ...statement, tid },
        { ...statement, vote: random.pick(['prepared', 'readOnly', 'aborted'] as const) },
        { ...statement, enlistment: enlistmentId(`${insiders.participant}.D-${random.hex(8)}`) },
      ]);
  }
}
