import { afterEach, describe, expect, it } from 'vitest';
import { anonymous } from '../../src/soap/addressing.js';
import { newMessageId } from '../../src/soap/client.js';
import { parseEnvelope } from '../../src/soap/envelope.js';
import type { MessageChecks } from '../../src/soap/server.js';
import { newVerifier, signerOf } from '../support/soap-parties.js';
import { body, faultIn, post, servePort, signed, startNode, stopNodes } from './harness.js';

const ask = 'urn:test/Ask';
const answer = {
  kind: 'request-reply' as const,
  replyAction: 'urn:test/Answer',
  handle: () => ({ body: body('Answer') }),
};

afterEach(stopNodes);

/** A port whose messages are checked so. */
async function serve(checks: Partial<MessageChecks>) {
  const service = await startNode('service', (node) => {
    const address = `${node.origin}/port`;
    const all = { isFull: false, envelope: async () => undefined, evidence: async () => true };
    const security = { kind: 'signed', verifier: newVerifier(), signer: node.signer } as const;
    servePort(
      node,
      { [ask]: answer },
      { security: { ...security, address, checks: { ...all, ...checks } } },
    );
  });
  return `${service.origin}/port`;
}

function question(address: string, version: '1.1' | '1.2' = '1.2'): string {
  const messageId = newMessageId();
  const addressing = { to: address, action: ask, messageId, replyTo: anonymous };
  return signed(signerOf('alice'), addressing, body('Ask'), version);
}

describe('a port whose messages are checked in other threads', () => {
  it('takes what these vouch for, once', async () => {
    const inspector = newVerifier();
    const address = await serve({
      envelope: async (text) => inspector.inspect(parseEnvelope(text), text),
    });
    const text = question(address);
    expect((await post(address, text)).status).toBe(200);
    const again = await post(address, text);
    expect([again.status, faultIn(again.text)]).toEqual([400, 'InvalidSecurity']);
  });

  it('judges itself what these do not vouch for', async () => {
    const address = await serve({});
    const text = question(address);
    expect((await post(address, text)).status).toBe(200);
    const forged = await post(
      address,
      question(address).replace('>urn:test/Ask<', '>urn:test/Asq<'),
    );
    expect([forged.status, faultIn(forged.text)]).toEqual([400, 'FailedCheck']);
  });

  it('refuses a message of another version than HTTP says', async () => {
    const inspector = newVerifier();
    const address = await serve({
      envelope: async (text) => inspector.inspect(parseEnvelope(text), text),
    });
    const refused = await post(address, question(address, '1.1'), '1.2');
    expect(faultIn(refused.text)).toBe('VersionMismatch');
  });

  it('is busy where too much waits for these', async () => {
    const address = await serve({ isFull: true });
    const refused = await post(address, question(address));
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
  });
});
