import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { anonymous } from '../../src/soap/addressing.js';
import { newMessageId } from '../../src/soap/client.js';
import { registerPort } from '../../src/soap/server.js';
import { signerOf } from '../support/soap-parties.js';
import { body, faultIn, post, servePort, signed, startNode, stopNodes } from './harness.js';

const ask = 'urn:test/Ask';

afterEach(stopNodes);

/** Keeps what is asked until it is let go. */
function holding() {
  const held: (() => void)[] = [];
  return {
    held,
    operation: {
      kind: 'request-reply' as const,
      replyAction: 'urn:test/Answer',
      handle: async () => {
        await new Promise<void>((resolve) => held.push(resolve));
        return { body: body('Answer') };
      },
    },
  };
}

describe('requests under way at a signed port', () => {
  it('are shared out by client, also where all come from one address', async () => {
    const { held, operation } = holding();
    const service = await startNode('service', (node) => {
      servePort(node, { [ask]: operation }, { inFlightMax: 8 });
    });
    const address = `${service.origin}/port`;
    const asked = (signer: ReturnType<typeof signerOf>) => {
      const messageId = newMessageId();
      const addressing = { to: address, action: ask, messageId, replyTo: anonymous };
      return post(address, signed(signer, addressing));
    };
    const mallory = signerOf('mallory');
    const first = [asked(mallory), asked(mallory)];
    await expect.poll(() => held.length).toBe(2);
    const refused = await asked(mallory);
    expect(refused.status).toBe(500);
    expect(faultIn(refused.text)).toBe('EndpointUnavailable');
    expect(refused.text).toContain('too much of this sender is under way');

    const others = [asked(signerOf('alice')), asked(signerOf('bob'))];
    await expect.poll(() => held.length).toBe(4);
    for (const letGo of held.splice(0)) letGo();
    for (const { status } of await Promise.all([...first, ...others])) expect(status).toBe(200);

    const again = asked(mallory);
    await expect.poll(() => held.length).toBe(1);
    held[0]?.();
    expect((await again).status).toBe(200);
  });

  it('of one-way messages count until they have been handled', async () => {
    const held: (() => void)[] = [];
    const handle = () => new Promise<void>((resolve) => held.push(resolve));
    const service = await startNode('service', (node) => {
      servePort(node, { [ask]: { kind: 'one-way', handle } }, { inFlightMax: 4 });
    });
    const address = `${service.origin}/port`;
    const mallory = signerOf('mallory');
    const send = () => post(address, signed(mallory, { to: address, action: ask }));
    expect((await send()).status).toBe(202);
    await expect.poll(() => held.length).toBe(1);
    expect(faultIn((await send()).text)).toBe('EndpointUnavailable');
    held[0]?.();
    await expect.poll(async () => (await send()).status).toBe(202);
    held[1]?.();
  });
});

describe('requests under way at a plain port', () => {
  it('are shared out by address', async () => {
    const { held, operation } = holding();
    const service = await startNode('service', ({ app }) => {
      registerPort(app, {
        path: '/plain',
        wsdl: 'transfer',
        security: { kind: 'plain' },
        operations: { [ask]: operation },
        inFlightMax: 4,
      });
    });
    const ask12 =
      '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Body><t:Ask xmlns:t="urn:test"/></S:Body></S:Envelope>';
    const from = (localAddress: string) =>
      new Promise<{ status: number; text: string }>((resolve, reject) => {
        const url = `${service.origin}/plain`;
        const headers = { 'content-type': 'application/soap+xml' };
        const call = request(url, { method: 'POST', localAddress, headers }, (response) => {
          let text = '';
          response.on('data', (data) => {
            text += String(data);
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        });
        call.on('error', reject);
        call.end(ask12);
      });
    // This machine's own address stands for many, and has three quarters.
    const first = [1, 2, 3].map(() => from('127.0.0.1'));
    await expect.poll(() => held.length).toBe(3);
    const refused = await from('127.0.0.1');
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('Too much is under way for this address.');
    const other = from('127.0.0.2');
    await expect.poll(() => held.length).toBe(4);
    for (const letGo of held) letGo();
    for (const { status } of await Promise.all([...first, other])) expect(status).toBe(200);
  });
});
