import { connect as connectPlain } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { issueAuthority, issueCertificate } from '../../../src/kernel/config/x509.js';
import { type ReplicaId, replicaId } from '../../../src/kernel/ids.js';
import { encodeFrame } from '../../../src/kernel/links/frames.js';
import type { PeerCredential } from '../../../src/kernel/links/identity.js';
import { PeerNetwork } from '../../../src/kernel/links/peer-network.js';
import { linkProtocols } from '../../../src/kernel/links/version.js';
import { type TestCluster, testCluster } from '../support/cluster.js';
import { until } from '../support/wait.js';

const ids = [0, 1, 2].map(replicaId) as [ReplicaId, ReplicaId, ReplicaId];
const [zero, one, two] = ids;

let setting: TestCluster;
beforeEach(async () => {
  setting = await testCluster();
});

interface Replica {
  readonly network: PeerNetwork;
  /** `<from>:<text>` of each message. */
  readonly heard: string[];
  readonly up: ReplicaId[];
  /** `event` of each line of the log. */
  readonly events: string[];
  /** Of each connection that was refused. */
  readonly reasons: (string | undefined)[];
}

/** Connections of this machine that may wait for their certificates at one port. */
const unknownOfCrowd = 192;

function peerAddress(cluster: Cluster, id: ReplicaId) {
  const member = cluster.coordinators[id];
  if (member === undefined) throw new Error(`no replica ${id}`);
  return member.peer;
}

async function replica(
  self: ReplicaId,
  options: { onMessage?: (text: string) => void; cluster?: Cluster } = {},
): Promise<Replica> {
  const { cluster = setting.cluster, onMessage } = options;
  const heard: string[] = [];
  const up: ReplicaId[] = [];
  const events: string[] = [];
  const reasons: (string | undefined)[] = [];
  const write = (line: string) => {
    const { msg, reason } = JSON.parse(line) as { msg: string; reason?: string };
    events.push(msg);
    reasons.push(reason);
  };
  const network = new PeerNetwork({
    cluster,
    self,
    listen: peerAddress(cluster, self),
    credential: setting.node(`coordinator-${self}`),
    log: pino({ level: 'debug' }, { write }),
  });
  network.attach('agreement', {
    onMessage: (from, bytes) => {
      const text = Buffer.from(bytes).toString();
      heard.push(`${from}:${text}`);
      onMessage?.(text);
    },
    onUp: (id) => up.push(id),
  });
  network.attach('sessions', {
    onMessage: (from, bytes) => heard.push(`${from} in a session:${Buffer.from(bytes)}`),
  });
  await network.start();
  onTestFinished(() => network.stop());
  return { network, heard, up, events, reasons };
}

/** Connects to a replica's peer port with the given certificate, and offers these versions. */
function intruder(
  to: ReplicaId,
  credential?: PeerCredential,
  versions: readonly string[] = linkProtocols,
): TLSSocket {
  const socket = connect({
    ...peerAddress(setting.cluster, to),
    ...(versions.length > 0 && { ALPNProtocols: [...versions] }),
    ...(credential && { cert: credential.certificate, key: credential.privateKey }),
    rejectUnauthorized: false,
  });
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

async function expectRefusal(by: Replica, socket: TLSSocket): Promise<void> {
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('secureConnect', () => socket.write(encodeFrame('agreement', Buffer.from('forged'))));
  socket.resume();
  await closed;
  await until('a line in the log', () => by.events.includes('peer-refused'));
  expect(by.heard).toEqual([]);
}

describe('PeerNetwork', () => {
  it('carries messages between all, in order, and says who sent them', async () => {
    const replicas = [await replica(zero), await replica(one), await replica(two)];
    for (const [from, { network }] of replicas.entries()) {
      for (const to of ids.filter((id) => id !== from)) {
        for (let i = 0; i < 100; i += 1) network.send('agreement', to, Buffer.from(`${i}`));
      }
    }
    for (const [self, { heard }] of replicas.entries()) {
      await until('200 messages', () => heard.length === 200);
      for (const from of ids.filter((id) => id !== self)) {
        const texts = heard.filter((line) => line.startsWith(`${from}:`));
        expect(texts).toEqual(Array.from({ length: 100 }, (_, i) => `${from}:${i}`));
      }
    }
    expect(replicas[0]?.up.toSorted()).toEqual([one, two]);
  });

  it('carries more than sockets hold', async () => {
    const [a, b] = [await replica(zero), await replica(one)];
    const text = 'x'.repeat(1_000_000);
    for (let i = 0; i < 20; i += 1) a.network.send('agreement', one, Buffer.from(text));
    await until('20 long messages', () => b.heard.length === 20);
    expect(a.network.status()[0]).toMatchObject({ replica: one, up: true, queued: 0, dropped: 0 });
  });

  it('keeps the latest messages for a replica that is away', async () => {
    const a = await replica(zero);
    for (let i = 0; i < 5000; i += 1) a.network.send('agreement', one, Buffer.from(`${i}`));
    expect(a.network.status()[0]).toMatchObject({ up: false, queued: 4096, dropped: 904 });
    const b = await replica(one);
    await until('4096 messages', () => b.heard.length === 4096);
    expect(b.heard[0]).toBe('0:904');
    expect(b.heard.at(-1)).toBe('0:4999');
  });

  it('connects again when a replica restarts', async () => {
    const a = await replica(zero);
    const first = await replica(one);
    await until('the link', () => a.up.includes(one));
    await first.network.stop();
    await until('the break', () => a.network.status()[0]?.up === false);

    const second = await replica(one);
    await until('the link again', () => a.up.filter((id) => id === one).length === 2);
    a.network.send('agreement', one, Buffer.from('welcome back'));
    await until('the message', () => second.heard.includes('0:welcome back'));
  });

  it('says once, not at each attempt, that a replica is away', async () => {
    const b = await replica(one);
    const a = await replica(zero);
    await until('the link', () => a.up.includes(one));
    await b.network.stop();
    await until('the break', () => a.network.status()[0]?.up === false);
    // Replicas 2 and 3 have been away from the start.
    await replica(one);
    await until('the link again', () => a.up.filter((id) => id === one).length === 2);
    expect(a.events.filter((event) => event === 'peer-down')).toHaveLength(3);
  });

  it('gives each channel to its own handler, and drops what is for none', async () => {
    const [a, b] = [await replica(zero), await replica(one)];
    a.network.send('sessions', one, Buffer.from('hello'));
    a.network.send('ordering', one, Buffer.from('nobody listens'));
    a.network.send('sessions', one, Buffer.from('bye'));
    await until('two messages', () => b.heard.length === 2);
    expect(b.heard).toEqual(['0 in a session:hello', '0 in a session:bye']);
    expect(b.events).not.toContain('peer-message-failed');
    expect(() => a.network.attach('sessions', { onMessage: () => undefined })).toThrow(/taken/);
  });

  it('sends to every other replica what is for all', async () => {
    const [a, b, c] = [await replica(zero), await replica(one), await replica(replicaId(2))];
    await until('links to both', () => a.up.length === 2);
    a.network.broadcast('agreement', Buffer.from('for all'));
    await until('a message each', () => b.heard.length + c.heard.length === 2);
    expect([...b.heard, ...c.heard]).toEqual(['0:for all', '0:for all']);
    expect(a.heard).toEqual([]);
  });

  it('throws for itself and for nobody', async () => {
    const { network } = await replica(zero);
    expect(() => network.send('agreement', zero, Buffer.from('x'))).toThrow(RangeError);
    expect(() => network.send('agreement', replicaId(9), Buffer.from('x'))).toThrow(RangeError);
  });

  it('rejects where it cannot listen', async () => {
    await replica(zero);
    await expect(replica(zero)).rejects.toThrow(/EADDRINUSE/);
  });
});

describe('a PeerNetwork that listens', () => {
  it('refuses a certificate of another authority, whatever names it bears', async () => {
    const a = await replica(zero);
    const subject = { commonName: 'coordinator-1', unit: 'coordinator', organization: 'test' };
    const forged = issueCertificate(issueAuthority('test'), subject, ['127.0.0.1']);
    await expectRefusal(a, intruder(zero, forged));
  });

  it('refuses a member that is no coordinator', async () => {
    const a = await replica(zero);
    await expectRefusal(a, intruder(zero, setting.node('bank-a')));
  });

  it("refuses a coordinator's name on another certificate of the authority", async () => {
    const a = await replica(zero);
    const subject = { commonName: 'coordinator-1', unit: 'coordinator', organization: 'test' };
    await expectRefusal(a, intruder(zero, issueCertificate(setting.authority, subject, [])));
  });

  it('refuses itself, and who shows no certificate', async () => {
    const a = await replica(zero);
    await expectRefusal(a, intruder(zero, setting.node('coordinator-0')));
    await expectRefusal(a, intruder(zero));
  });

  it('survives who speaks no TLS', async () => {
    const a = await replica(zero);
    const socket = connectPlain(peerAddress(setting.cluster, zero));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.resume().write('GET / HTTP/1.1\r\n\r\n');
    await closed;
    expect(a.events).toContain('peer-refused');
  });

  it('closes a connection that does not come to the end of its handshake', async () => {
    const a = await replica(zero);
    const sockets = ['', '\x16\x03\x01\x00\x50\x01'].map((start) => {
      const socket = connectPlain(peerAddress(setting.cluster, zero));
      socket.on('error', () => {});
      socket.resume().write(Buffer.from(start, 'latin1'));
      return new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.all(sockets);
    expect(a.events).toContain('peer-refused');
  });

  it('closes the oldest of too many connections that have shown no certificate, and serves replicas', async () => {
    const a = await replica(zero);
    const b = await replica(one);
    await until('they are linked', () => a.up.includes(one));
    const strangers = Array.from({ length: unknownOfCrowd + 1 }, () => {
      const socket = connectPlain(peerAddress(setting.cluster, zero));
      socket.on('error', () => {});
      onTestFinished(() => void socket.destroy());
      return socket;
    });
    await until('one is closed for it', () => a.reasons.some((it) => /too many/.test(it ?? '')));
    const c = await replica(two);
    await until('a replica that comes now is heard', () => {
      c.network.send('agreement', zero, Buffer.from('c'));
      return a.heard.includes('2:c');
    });
    b.network.send('agreement', zero, Buffer.from('b'));
    await until('one that was there is heard', () => a.heard.includes('1:b'));
    expect(strangers).toHaveLength(unknownOfCrowd + 1);
  });

  it('closes the connection of a coordinator that breaks the framing', async () => {
    const a = await replica(zero);
    const socket = intruder(zero, setting.node('coordinator-1'));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(encodeFrame('agreement', Buffer.from('good')));
    socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    socket.resume();
    await closed;
    expect(a.heard).toEqual(['1:good']);
    expect(a.events).toContain('peer-message-failed');
  });

  it('closes the connection of a coordinator that names a channel nobody knows', async () => {
    const a = await replica(zero);
    const socket = intruder(zero, setting.node('coordinator-1'));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume().write(Buffer.from([0, 0, 0, 2, 3, 1]));
    await closed;
    expect(a.events).toContain('peer-message-failed');
  });

  it('closes the connection, not the process, where a message cannot be handled', async () => {
    const bug = () => {
      throw new Error('bug');
    };
    const a = await replica(zero, { onMessage: bug });
    const socket = intruder(zero, setting.node('coordinator-1'));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume().write(encodeFrame('agreement', Buffer.from('x')));
    await closed;
    expect(a.events).toContain('peer-message-failed');
  });

  it('keeps only the newest connection of a replica', async () => {
    const a = await replica(zero);
    const older = intruder(zero, setting.node('coordinator-1'));
    const closed = new Promise((resolve) => older.once('close', resolve));
    older.resume().write(encodeFrame('agreement', Buffer.from('older')));
    await until('the older one', () => a.heard.length === 1);
    const newer = intruder(zero, setting.node('coordinator-1'));
    newer.write(encodeFrame('agreement', Buffer.from('newer')));
    await closed;
    await until('the newer one', () => a.heard.includes('1:newer'));
  });
});

describe('the version of the links', () => {
  const speaks =
    'this coordinator speaks concordat-link/3: run versions of Concordat that share one';
  const refused: Readonly<Record<string, { versions: string[]; theirs: string }>> = {
    'none, as before there were versions': { versions: [], theirs: 'no version of the links' },
    'an older one': { versions: ['concordat-link/1'], theirs: 'concordat-link/1' },
    'only newer ones': {
      versions: ['concordat-link/5', 'concordat-link/4'],
      theirs: 'concordat-link/5, concordat-link/4',
    },
    'another protocol': {
      versions: ['h2', 'concordat-link/3 '],
      theirs: 'no version of the links',
    },
  };

  it.each(Object.entries(refused))('is refused where a coordinator offers %s', async (_, peer) => {
    const a = await replica(zero);
    await expectRefusal(a, intruder(zero, setting.node('coordinator-1'), peer.versions));
    expect(a.reasons.join()).toContain(`it names ${peer.theirs}, ${speaks}`);
  });

  it('is the one that both speak', async () => {
    const a = await replica(zero);
    const offered = ['concordat-link/4', 'concordat-link/3'];
    const socket = intruder(zero, setting.node('coordinator-1'), offered);
    socket.write(encodeFrame('agreement', Buffer.from('good')));
    await until('the message', () => a.heard.includes('1:good'));
    expect(socket.alpnProtocol).toBe('concordat-link/3');
  });

  it.each([
    ['older', []],
    ['newer', ['concordat-link/4']],
  ])('is refused where the coordinator that is dialled is %s', async (_, versions) => {
    const received = await impostor(setting.node('coordinator-1'), versions);
    const a = await replica(zero);
    a.network.send('agreement', one, Buffer.from('for another version'));
    await until('the reason', () =>
      a.reasons.some((it) => it?.startsWith('it speaks none of concordat-link/3: run versions')),
    );
    expect(a.up).toEqual([]);
    expect(received).toEqual([]);
  });
});

/** Listens in the place of replica 1 with the given certificate. */
async function impostor(
  credential: PeerCredential,
  versions: readonly string[] = linkProtocols,
): Promise<Buffer[]> {
  const received: Buffer[] = [];
  const server = createServer(
    {
      cert: credential.certificate,
      key: credential.privateKey,
      ...(versions.length > 0 && { ALPNProtocols: [...versions] }),
    },
    (socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => received.push(chunk));
    },
  );
  server.on('tlsClientError', () => {});
  const { host, port } = peerAddress(setting.cluster, one);
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  onTestFinished(() => {
    server.close();
  });
  return received;
}

describe('a PeerNetwork that dials', () => {
  it.each(['coordinator-2', 'bank-a'])('does not take %s for replica 1', async (name) => {
    const received = await impostor(setting.node(name));
    const a = await replica(zero);
    a.network.send('agreement', one, Buffer.from('for replica 1 only'));
    await until('a break', () => a.events.includes('peer-down'));
    expect(a.up).toEqual([]);
    expect(received).toEqual([]);
  });

  it('does not take a certificate of another authority', async () => {
    const subject = { commonName: 'coordinator-1', unit: 'coordinator', organization: 'test' };
    const forged = issueCertificate(issueAuthority('test'), subject, ['127.0.0.1']);
    const received = await impostor(forged);
    const a = await replica(zero);
    a.network.send('agreement', one, Buffer.from('for replica 1 only'));
    await until('a break', () => a.events.includes('peer-down'));
    expect(a.up).toEqual([]);
    expect(received).toEqual([]);
  });
});
