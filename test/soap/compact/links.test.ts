import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Cluster } from '../../../src/kernel/cluster.js';
import type { NodeFile } from '../../../src/kernel/config/node-file.js';
import { createHttpServer } from '../../../src/kernel/http/http-server.js';
import { tlsOptions } from '../../../src/kernel/links/identity.js';
import { endpoint } from '../../../src/soap/addressing.js';
import { ReceivedFault, type SoapClient } from '../../../src/soap/client.js';
import { compactTarget, Link, type LinkFrame } from '../../../src/soap/compact/link.js';
import type { LinkNames } from '../../../src/soap/compact/member-links.js';
import { MemberServer } from '../../../src/soap/compact/member-server.js';
import type { SoapMessage } from '../../../src/soap/envelope.js';
import { soapFaults } from '../../../src/soap/faults.js';
import { memberIdentity } from '../../../src/soap/identity.js';
import type { Operations } from '../../../src/soap/port.js';
import { registerPort } from '../../../src/soap/server.js';
import { SoapTransportError } from '../../../src/soap/transport.js';
import type { ReceivedMessage } from '../../../src/soap/verification.js';
import { element, type XmlElement } from '../../../src/soap/xml.js';
import { log, World } from '../../support/nodes/world.js';

type Server = Exclude<NodeFile, { role: 'client' }>;
type Credential = Pick<NodeFile, 'certificate' | 'privateKey'>;

const ask = { action: 'urn:test:ask', body: element({ ns: 'urn:test', prefix: 't', name: 'Ask' }) };
const say = { ...ask, action: 'urn:test:say' };
const timeoutMs = 5000;

/** Waits until the check holds. */
const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000 });

/** A log whose lines are kept. */
function listening() {
  const lines: string[] = [];
  return { lines, heard: pino({}, { write: (line) => void lines.push(line) }) };
}

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).toReversed()) await undo();
});

/** A bank that answers, in a cluster with the compact binding. */
class Scene {
  readonly received: ReceivedMessage[] = [];
  readonly bank: Server;
  readonly cluster: Cluster;
  readonly address: string;
  readonly #world: World;
  #participants: Cluster['participants'];
  #stop: () => Promise<void> = async () => undefined;

  private constructor(world: World) {
    this.#world = world;
    const participants = () => this.#participants;
    this.#participants = world.cluster.participants;
    this.cluster = {
      ...world.cluster,
      binding: 'compact',
      get participants() {
        return participants();
      },
    };
    this.bank = world.node('participant', 'bank-a');
    this.address = `http://127.0.0.1:${this.bank.listen.port}/account`;
  }

  static async make(): Promise<Scene> {
    const scene = new Scene(await World.make());
    cleanUp.push(() => scene.stop());
    return scene;
  }

  /** With the credential of another node it is not the bank that members dial. */
  async serve({
    isCompact = true,
    credential = this.bank as Credential,
    operations = {},
  }: {
    isCompact?: boolean;
    credential?: Credential;
    operations?: Operations<ReceivedMessage>;
  } = {}): Promise<void> {
    const { cluster, address } = this;
    const app = createHttpServer({ log });
    if (isCompact) MemberServer.at(app, cluster, credential, log);
    const { signer, verifier, client } = memberIdentity(cluster, this.bank, log);
    registerPort(app, {
      path: '/account',
      wsdl: 'account',
      security: { kind: 'signed', signer, verifier, address },
      client,
      operations: { ...this.#operations(), ...operations },
    });
    await app.listen(this.bank.listen);
    this.#stop = async () => {
      await client.close();
      await app.close();
    };
  }

  async stop(): Promise<void> {
    await this.#stop();
    this.#stop = async () => undefined;
  }

  /** The client of a node, and the envelopes that it sends as SOAP. */
  caller(
    role: 'initiator' | 'coordinator',
    name: string,
    ownLog = log,
  ): { client: SoapClient; sent: string[]; names: () => LinkNames | undefined } {
    const sent: string[] = [];
    const node = this.#world.node(role, name);
    const identity = memberIdentity(this.cluster, node, ownLog, (text) => sent.push(text));
    const { client, links } = identity;
    cleanUp.push(() => client.close());
    return { client, sent, names: () => links?.names() };
  }

  /** The client, once its messages go on a link. */
  async linked(): Promise<SoapClient> {
    const { client, sent } = this.caller('initiator', 'initiator-0');
    await eventually(async () => {
      sent.length = 0;
      await client.request(endpoint(this.address), { ...ask, timeoutMs });
      expect(sent).toEqual([]);
    });
    this.received.length = 0;
    return client;
  }

  /** Has another certificate take the place of the participant's. */
  renew(name: string): void {
    this.#participants = this.#participants.map((member) =>
      member.name === name ? { ...member, certificateSha256: '0'.repeat(64) } : member,
    );
  }

  credential(role: NodeFile['role'], name: string): Credential {
    return this.#world.node(role, name);
  }

  /** In the bank's place a server that takes links and reads nothing; how many are open. */
  async serveSilently(): Promise<() => number> {
    const links = new Set<TLSSocket>();
    const secured = createTlsServer({
      ...tlsOptions(this.cluster, this.bank),
      requestCert: true,
    });
    secured.on('secureConnection', (socket) => {
      links.add(socket.on('error', () => undefined).pause());
      socket.on('close', () => links.delete(socket));
    });
    const server = createServer().on('connect', (_request, socket) => {
      socket.on('error', () => undefined).write('HTTP/1.1 200 OK\r\n\r\n');
      secured.emit('connection', socket);
    });
    server.listen(this.bank.listen.port, this.bank.listen.host);
    await once(server, 'listening');
    this.#stop = async () => {
      for (const socket of links) socket.destroy();
      server.close();
    };
    return () => links.size;
  }

  async tunnel(): Promise<Socket> {
    const { host, port } = this.bank.listen;
    const asking = request({ host, port, method: 'CONNECT', path: compactTarget, agent: false });
    return new Promise((resolve, reject) => {
      asking.on('connect', (_response, socket) => resolve(socket.on('error', () => undefined)));
      asking.on('error', reject);
      asking.end();
    });
  }

  /** A tunnel to the bank, and what TLS makes of the credential in it. */
  async dial(credential: Credential): Promise<TLSSocket> {
    const options = { ...tlsOptions(this.cluster, credential), socket: await this.tunnel() };
    const socket = connect({ ...options, checkServerIdentity: () => undefined });
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    return socket;
  }

  #operations(): Operations<ReceivedMessage> {
    const put = (message: ReceivedMessage) => void this.received.push(message);
    return {
      [ask.action]: {
        kind: 'request-reply',
        replyAction: 'urn:test:answer',
        handle: (message) => {
          put(message);
          return { body: element({ ns: 'urn:test', prefix: 't', name: 'Answer' }) };
        },
      },
      [say.action]: { kind: 'one-way', handle: put },
      'urn:test:fail': {
        kind: 'request-reply',
        replyAction: 'urn:test:answer',
        handle: () => {
          throw soapFaults.sender('not so');
        },
      },
    };
  }
}

function closed(socket: TLSSocket): Promise<unknown> {
  socket.resume();
  return new Promise((resolve) => socket.once('close', resolve));
}

describe('a link between members', () => {
  it('brings requests, one-way messages, answers and faults, unsigned', async () => {
    const scene = await Scene.make();
    await scene.serve();
    const client = await scene.linked();
    const reply = await client.request(endpoint(scene.address), { ...ask, timeoutMs });
    expect(reply.body?.localName).toBe('Answer');
    expect(reply.principal).toMatchObject({ role: 'participant', id: 'bank-a' });
    expect(reply.text).toBeUndefined();
    await client.notify(endpoint(scene.address), say);
    await eventually(() => expect(scene.received).toHaveLength(2));
    for (const { principal, text } of scene.received) {
      expect(principal).toMatchObject({ role: 'initiator', id: 0 });
      expect(text).toBeUndefined();
    }
    const failing = client.request(endpoint(scene.address), {
      ...ask,
      action: 'urn:test:fail',
      timeoutMs,
    });
    await expect(failing).rejects.toThrow(ReceivedFault);
    await expect(failing).rejects.toThrow('not so');
  });

  it('refuses what a signed port refuses: another address, and an action that there is not', async () => {
    const scene = await Scene.make();
    await scene.serve();
    const client = await scene.linked();
    const elsewhere = endpoint(scene.address.replace('/account', '/other'));
    await expect(client.notify(elsewhere, say)).rejects.toThrow(SoapTransportError);
    const unknown = client.request(endpoint(scene.address), {
      ...ask,
      action: 'urn:test:none',
      timeoutMs,
    });
    await expect(unknown).rejects.toMatchObject({ code: 'ActionNotSupported' });
  });

  it('is left for signed SOAP where the member does not take links', async () => {
    const scene = await Scene.make();
    await scene.serve({ isCompact: false });
    const { lines, heard } = listening();
    const { client, sent, names } = scene.caller('initiator', 'initiator-0', heard);
    for (let times = 1; times <= 3; times += 1) {
      await client.request(endpoint(scene.address), { ...ask, timeoutMs });
      expect(sent).toHaveLength(times);
    }
    await eventually(() =>
      expect(names()).toEqual({ up: [], down: [], notTaken: [scene.bank.name] }),
    );
    expect(lines.join('')).toContain('"msg":"member-takes-no-links"');
    expect(lines.join('')).not.toContain('member-link-down');
  });

  it('tells operators which links are up, and why one is not', async () => {
    const scene = await Scene.make();
    await scene.serve();
    const { lines, heard } = listening();
    const { client, names } = scene.caller('initiator', 'initiator-0', heard);
    expect(names()).toEqual({ up: [], down: [], notTaken: [] });
    await eventually(async () => {
      await client.request(endpoint(scene.address), { ...ask, timeoutMs });
      expect(names()).toEqual({ up: [scene.bank.name], down: [], notTaken: [] });
    });
    await scene.stop();
    await eventually(() =>
      expect(names()).toEqual({ up: [], down: [scene.bank.name], notTaken: [] }),
    );
    expect(lines.join('')).toContain('"msg":"member-link-down"');
    await scene.serve({ isCompact: false });
    await eventually(async () => {
      await client.request(endpoint(scene.address), { ...ask, timeoutMs }).catch(() => undefined);
      expect(names()).toEqual({ up: [], down: [], notTaken: [scene.bank.name] });
    });
    expect(lines.filter((line) => line.includes('member-takes-no-links'))).toHaveLength(1);
  });

  it('is not used where the other end is another member', async () => {
    const scene = await Scene.make();
    await scene.serve({ credential: scene.credential('participant', 'bank-b') });
    const { lines, heard } = listening();
    const { client, sent } = scene.caller('initiator', 'initiator-0', heard);
    await client.request(endpoint(scene.address), { ...ask, timeoutMs });
    await eventually(() =>
      expect(lines.join('')).toContain('its certificate is not the one in the cluster file'),
    );
    await client.request(endpoint(scene.address), { ...ask, timeoutMs });
    expect(sent).toHaveLength(2);
  });

  it('fails what is under way where it breaks, and opens again', async () => {
    const scene = await Scene.make();
    let isAsked = () => {};
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    const never = {
      kind: 'request-reply',
      replyAction: 'urn:test:answer',
      handle: () => {
        isAsked();
        return new Promise<never>(() => undefined);
      },
    } as const;
    await scene.serve({ operations: { 'urn:test:never': never } });
    const client = await scene.linked();
    const waiting = client.request(endpoint(scene.address), {
      ...ask,
      action: 'urn:test:never',
      timeoutMs: 60_000,
    });
    const failed = expect(waiting).rejects.toMatchObject({ code: 'refused' });
    await asked;
    await scene.stop();
    await failed;
    await scene.serve();
    await eventually(async () => {
      await client.request(endpoint(scene.address), { ...ask, timeoutMs });
      expect(scene.received.at(-1)?.text).toBeUndefined();
    });
  });

  it('gives up a request without an answer in time', async () => {
    const scene = await Scene.make();
    const never = {
      kind: 'request-reply',
      replyAction: 'urn:test:answer',
      handle: () => new Promise<never>(() => undefined),
    } as const;
    await scene.serve({ operations: { 'urn:test:never': never } });
    const client = await scene.linked();
    const late = { ...ask, action: 'urn:test:never', timeoutMs: 50 };
    await expect(client.request(endpoint(scene.address), late)).rejects.toMatchObject({
      code: 'timeout',
    });
  });
});

describe('a member that takes what is sent and reads nothing', () => {
  it('costs no more memory than the bound, and its link does not stay open', async () => {
    const scene = await Scene.make();
    const links = await scene.serveSilently();
    const { client, sent } = scene.caller('initiator', 'initiator-0');
    const late = { ...ask, timeoutMs: 50 };
    // It answers nothing as SOAP either: the link opens meanwhile.
    await expect(
      client.request(endpoint(scene.address), { ...ask, timeoutMs: 50 }),
    ).rejects.toThrow();
    await eventually(() => expect(links()).toBe(1));
    const text = 'x'.repeat(200_000);
    const large = { ...ask, body: element({ ns: 'urn:test', prefix: 't', name: 'Ask' }, [], text) };
    const codes = new Set<string>();
    const tries = Array.from({ length: 200 }, async () =>
      client
        .request(endpoint(scene.address), { ...large, timeoutMs: 1000 })
        .catch((error: unknown) =>
          codes.add(error instanceof SoapTransportError ? error.code : ''),
        ),
    );
    await Promise.all(tries);
    expect([...codes]).toContain('busy');
    sent.length = 0;
    await expect(client.request(endpoint(scene.address), late)).rejects.toThrow();
    expect(sent).toHaveLength(1);
  });
});

describe('the server of links', () => {
  it('keeps a link at work where idle connections of its address fill their share', async () => {
    const scene = await Scene.make();
    await scene.serve();
    const socket = await scene.dial(scene.credential('initiator', 'initiator-1'));
    const link = new Link(socket);
    const answers: LinkFrame[] = [];
    link.onFrame(
      (answer) => answers.push(answer),
      () => undefined,
    );
    const idle: Socket[] = [];
    onTestFinished(() => {
      for (const one of idle) one.destroy();
    });
    // One after the other, as the queue of a listening socket is short.
    for (let count = 0; count < 1600; count += 1) {
      const one = connectPlain(scene.bank.listen.port, scene.bank.listen.host);
      idle.push(one.on('error', () => undefined).resume());
      await once(one, 'connect');
    }
    await eventually(() => expect(idle.filter(({ destroyed }) => destroyed)).not.toEqual([]));
    link.send(frame(1, scene.address));
    await eventually(() => expect(answers).toHaveLength(1));
  });

  it('stops, whatever tunnels there are', async () => {
    const scene = await Scene.make();
    await scene.serve();
    const silent = await scene.tunnel();
    const late = await scene.tunnel();
    const closed = Promise.all([silent, late].map((one) => once(one.resume(), 'close')));
    const stopped = scene.stop();
    const credential = scene.credential('initiator', 'initiator-1');
    const options = { ...tlsOptions(scene.cluster, credential), socket: late };
    connect({ ...options, checkServerIdentity: () => undefined }).on('error', () => undefined);
    await Promise.all([stopped, closed]);
  });

  it('takes no client, no front door and no stranger, whatever they send', async () => {
    const scene = await Scene.make();
    const other = await World.make();
    await scene.serve();
    const strangers = [
      scene.credential('client', 'alice'),
      scene.credential('front', 'front'),
      other.node('initiator', 'initiator-0'),
    ];
    for (const credential of strangers) {
      const socket = await scene.dial(credential);
      const isClosed = closed(socket);
      const link = new Link(socket);
      link.send(frame(1, scene.address));
      await isClosed;
    }
    expect(scene.received).toEqual([]);
  });

  it.each<[string, (socket: TLSSocket, link: Link) => void]>([
    ['bytes that are no frame', (socket) => socket.write(Buffer.alloc(64, 0xff))],
    [
      'a frame that is no message',
      (socket) => socket.write(Buffer.from('0000000600' + '0000000109', 'hex')),
    ],
    ['a frame that is too long', (socket) => socket.write(Buffer.from('0020000000', 'hex'))],
    [
      'an answer',
      (_socket, link) => link.send({ kind: 'answer', number: 1, status: 200, message: undefined }),
    ],
  ])('closes the link of a member that sends %s, and serves on', async (_what, send) => {
    const scene = await Scene.make();
    await scene.serve();
    const client = await scene.linked();
    const socket = await scene.dial(scene.credential('coordinator', 'coordinator-1'));
    const isClosed = closed(socket);
    send(socket, new Link(socket));
    await isClosed;
    await client.request(endpoint(scene.address), { ...ask, timeoutMs });
  });

  it('closes the link of a participant whose certificate another has taken the place of', async () => {
    const scene = await Scene.make();
    await scene.serve();
    const socket = await scene.dial(scene.credential('participant', 'bank-b'));
    const link = new Link(socket);
    const answers: LinkFrame[] = [];
    link.onFrame(
      (answer) => answers.push(answer),
      () => undefined,
    );
    link.send(frame(1, scene.address));
    await eventually(() => expect(answers).toHaveLength(1));
    const isClosed = closed(socket);
    scene.renew('bank-b');
    link.send(frame(2, scene.address));
    await isClosed;
    expect(scene.received).toHaveLength(1);
  });

  it('answers a member that has too much under way that it is busy', async () => {
    const scene = await Scene.make();
    const never = {
      kind: 'request-reply',
      replyAction: 'urn:test:answer',
      handle: () => new Promise<never>(() => undefined),
    } as const;
    await scene.serve({ operations: { 'urn:test:never': never } });
    const socket = await scene.dial(scene.credential('initiator', 'initiator-1'));
    const link = new Link(socket);
    const answers: LinkFrame[] = [];
    link.onFrame(
      (answer) => answers.push(answer),
      () => undefined,
    );
    for (let number = 0; number < 1028; number += 1) {
      link.send(frame(number, scene.address, 'urn:test:never'));
    }
    await eventually(() => expect(answers).toHaveLength(4));
    expect(answers.every((answer) => 'status' in answer && answer.status === 503)).toBe(true);
  });

  it('answers so, too, where what it has under way is too large, and takes more once that is done', async () => {
    const scene = await Scene.make();
    const finish: (() => void)[] = [];
    const slow = {
      kind: 'request-reply',
      replyAction: 'urn:test:answer',
      handle: () =>
        new Promise<{ body: XmlElement }>((resolve) => {
          finish.push(() =>
            resolve({ body: element({ ns: 'urn:test', prefix: 't', name: 'Answer' }) }),
          );
        }),
    } as const;
    await scene.serve({ operations: { 'urn:test:slow': slow } });
    const socket = await scene.dial(scene.credential('initiator', 'initiator-1'));
    const link = new Link(socket);
    const statuses: number[] = [];
    link.onFrame(
      (answer) => statuses.push('status' in answer ? answer.status : 0),
      () => undefined,
    );
    const asked = frame(0, scene.address, 'urn:test:slow');
    const body = element({ ns: 'urn:test', prefix: 't', name: 'Ask' }, [], 'x'.repeat(1_000_000));
    const message = { ...(asked.message as SoapMessage), body };
    const large: LinkFrame = { kind: 'request', number: 0, message };
    for (let number = 0; number < 20; number += 1) link.send({ ...large, number });
    await eventually(() => expect(finish).toHaveLength(16));
    await eventually(() => expect(statuses).toEqual([503, 503, 503, 503]));
    for (const end of finish.splice(0)) end();
    await eventually(() => expect(statuses).toHaveLength(20));
    link.send({ ...large, number: 20 });
    await eventually(() => expect(finish).toHaveLength(1));
    for (const end of finish) end();
  });

  it('keeps four links of a member at the most: the newest', async () => {
    const scene = await Scene.make();
    await scene.serve();
    const credential = scene.credential('initiator', 'initiator-1');
    const sockets: TLSSocket[] = [];
    for (let count = 0; count < 6; count += 1) {
      const socket = await scene.dial(credential);
      const link = new Link(socket);
      const answered = new Promise<void>((resolve) => {
        link.onFrame(
          () => resolve(),
          () => undefined,
        );
      });
      link.send(frame(1, scene.address));
      await answered;
      sockets.push(socket);
    }
    await eventually(() =>
      expect(sockets.map(({ destroyed }) => destroyed)).toEqual([
        ...[true, true],
        ...[false, false, false, false],
      ]),
    );
  });

  it('is asked for by CONNECT to its own target only, and leaves an upgrade of HTTP alone', async () => {
    const scene = await Scene.make();
    await scene.serve();
    expect(
      await raw(scene, 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n'),
    ).toMatch(/^HTTP\/1\.1 404 /);
    const upgrade =
      'GET /account?wsdl HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings, close\r\n' +
      'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n';
    expect(await raw(scene, upgrade)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

function frame(number: number, to: string, action = ask.action): LinkFrame {
  const message: SoapMessage = {
    version: '1.2',
    addressing: { to, action, messageId: `urn:uuid:${number}` },
    headers: [],
    body: ask.body,
  };
  return { kind: 'request', number, message };
}

/** The first bytes that come back. */
function raw({ bank }: Scene, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectPlain(bank.listen.port, bank.listen.host, () => socket.write(text));
    socket.once('data', (bytes) => {
      resolve(bytes.toString('latin1'));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
