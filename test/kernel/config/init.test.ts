import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newMember } from '../../../src/agreement/core/abstentions.js';
import { addClient, initCluster } from '../../../src/cli/init.js';
import { loadCluster } from '../../../src/kernel/config/cluster-file.js';
import { ConfigError } from '../../../src/kernel/config/config-error.js';
import { loadNode, ownMember } from '../../../src/kernel/config/node-file.js';
import { openExistingStore, openStore } from '../../../src/kernel/store/store.js';
import { isSessionMember } from '../../../src/session/node/session-member.js';
import { temporaryDirectory } from '../support/directory.js';

const local = { kind: 'local', host: '127.0.0.1', basePort: 7000 } as const;

async function newCluster(options: Partial<Parameters<typeof initCluster>[0]> = {}) {
  const directory = await temporaryDirectory();
  const usual = { directory, clusterId: 'demo', f: 1, layout: local };
  const { files } = await initCluster({ ...usual, ...options });
  return { directory, files, node: (name: string) => join(directory, 'nodes', `${name}.json`) };
}

describe('initCluster', () => {
  it('writes sessions for all, and to coordinators where the modules are', async () => {
    const directory = await temporaryDirectory();
    const sessions = { engine: 'pbft', modules: { shop: '/srv/shop.js', chain: 'chain' } } as const;
    await initCluster({ directory, clusterId: 'demo', f: 1, layout: local, sessions });
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    expect(cluster.sessions).toEqual({ engine: 'pbft', applications: ['shop', 'chain'] });
    const node = await loadNode(join(directory, 'nodes', 'coordinator-3.json'));
    expect(node).toMatchObject({ applications: sessions.modules });
    expect(await loadNode(join(directory, 'nodes', 'bank-a.json'))).not.toHaveProperty(
      'applications',
    );
  });

  it('sets what is remembered where that is given', async () => {
    const { directory } = await newCluster({ retainedTransactions: 4 });
    const { retainedTransactions } = await loadCluster(join(directory, 'cluster.json'));
    expect(retainedTransactions).toBe(4);
  });

  it('writes files that load back and fit each other', async () => {
    const { directory, files, node } = await newCluster();
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    expect(cluster.resilience).toEqual({ n: 4, f: 1 });
    expect(cluster.initiators).toHaveLength(3);
    expect(cluster.participants.map(({ id }) => id)).toEqual(['bank-a', 'bank-b']);
    expect(cluster.timing.suspectAfterMs).toBe(1500);
    expect(cluster.retainedTransactions).toBe(5000);
    expect(cluster.owedTransactions).toBe(256);

    const names = (await readdir(join(directory, 'nodes'))).map((file) => file.slice(0, -5));
    expect(names).toHaveLength(4 + 3 + 2 + 1 + 1);
    expect(files).toHaveLength(names.length + 2);
    const ports = new Set<number>();
    for (const name of names) {
      const loaded = await loadNode(node(name));
      expect(loaded.clusterFile).toBe(join(directory, 'cluster.json'));
      if (loaded.role === 'client') continue;
      ports.add(loaded.listen.port);
      switch (loaded.role) {
        case 'coordinator': {
          const member = ownMember(cluster, loaded);
          expect(member.peer).toEqual(loaded.peerListen);
          ports.add(member.peer.port);
          break;
        }
        case 'initiator':
          expect(ownMember(cluster, loaded).name).toBe(name);
          break;
        case 'participant':
          expect(ownMember(cluster, loaded).id).toBe(name);
          expect(loaded.dataDir).toBe(join(directory, 'data', name));
          expect(loaded.accounts).toHaveLength(1);
          break;
        case 'front':
          expect(ownMember(cluster, loaded).url).toBe(`http://127.0.0.1:${loaded.listen.port}`);
          break;
      }
    }
    expect(ports.size).toBe(4 + 4 + 3 + 2 + 1);
  });

  it.each([local, { kind: 'compose' } as const])(
    'begins the data of coordinators, banks and front doors, and of nobody else ($kind)',
    async (layout) => {
      const directory = await temporaryDirectory();
      await initCluster({ directory, clusterId: 'demo', f: 1, layout });
      const names = await readdir(join(directory, 'data'));
      const coordinators = [0, 1, 2, 3].map((replica) => `coordinator-${replica}`);
      expect(names).toEqual(['bank-a', 'bank-b', ...coordinators, 'front']);
      const bank = await openExistingStore(join(directory, 'data', 'bank-a', 'store'));
      expect(await bank.load()).toEqual([]);
      await bank.close();
      const front = await openExistingStore(join(directory, 'data', 'front', 'requests'));
      expect(await front.load()).toEqual([]);
      await front.close();
      for (const name of coordinators) {
        expect((await stat(join(directory, 'data', name))).mode & 0o777).toBe(0o700);
        const store = await openStore(join(directory, 'data', name, 'store'));
        const records = await store.load();
        expect(records.map(({ key, value }) => ({ key, value: Uint8Array.from(value) }))).toEqual(
          newMember,
        );
        await store.close();
        const sessions = await openStore(join(directory, 'data', name, 'sessions'));
        expect(isSessionMember(await sessions.load())).toBe(true);
        await sessions.close();
      }
    },
  );

  it('never begins in the data of another cluster', async () => {
    const { directory } = await newCluster();
    for (const file of ['cluster.json', 'authority-key.pem', 'nodes']) {
      await rm(join(directory, file), { recursive: true });
    }
    const again = initCluster({ directory, clusterId: 'other', f: 0, layout: local });
    await expect(again).rejects.toThrow(/data\/coordinator-0 exists already/);
    expect(await readdir(directory)).toEqual(['data']);
  });

  it('keeps private files to their owner', async () => {
    const { directory, node } = await newCluster();
    for (const file of [
      node('coordinator-0'),
      node('alice'),
      join(directory, 'authority-key.pem'),
    ]) {
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
    expect(await readFile(join(directory, 'cluster.json'), 'utf8')).not.toContain('PRIVATE');
  });

  it('never overwrites a cluster', async () => {
    const { directory } = await newCluster();
    const before = await readFile(join(directory, 'cluster.json'), 'utf8');
    const again = initCluster({ directory, clusterId: 'other', f: 0, layout: local });
    await expect(again).rejects.toThrow(/cluster\.json exists already/);
    expect(await readFile(join(directory, 'cluster.json'), 'utf8')).toBe(before);
  });

  it('places the nodes of a composition at their own names', async () => {
    const directory = await temporaryDirectory();
    const layout = { kind: 'compose' } as const;
    await initCluster({ directory, clusterId: 'demo', f: 1, n: 5, layout });
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    expect(cluster.resilience).toEqual({ n: 5, f: 1 });
    expect(cluster.coordinators[4]).toMatchObject({
      url: 'http://coordinator-4:8080',
      peer: { host: 'coordinator-4', port: 9443 },
    });
    const node = await loadNode(join(directory, 'nodes', 'coordinator-4.json'));
    expect(node).toMatchObject({ listen: { host: '0.0.0.0', port: 8080 } });
    expect(new X509Certificate(node.certificate).subjectAltName).toBe('DNS:coordinator-4');
  });

  it.each([
    ['too few coordinators', { f: 1, n: 3 }, /coordinators: lists 3, but f = 1 needs 3f \+ 1 = 4/],
    ['too few initiators', { f: 1, initiators: 2 }, /initiators: lists 2, but f = 1 needs/],
    ['no end of coordinators', { f: 0, n: 1e9 }, /n: must be at most 64/],
    ['more coordinators than a message can list', { f: 0, n: 65 }, /n: must be at most 64/],
    ['two nodes of one name', { f: 0, clients: ['front'] }, /two nodes are named "front"/],
    ['a bank named as orders are', { f: 0, participants: ['sessions'] }, /must not be "sessions"/],
    ['a client named as orders are', { f: 0, clients: ['sessions'] }, /must not be "sessions"/],
    ['a path as a name', { f: 0, clients: ['../x'] }, /"\.\.\/x".*must be a name/],
    ['no room for the ports', { f: 0, layout: { ...local, basePort: 65_530 } }, /basePort/],
  ])('refuses %s, and writes nothing', async (_, options, message) => {
    const directory = await temporaryDirectory();
    const attempt = initCluster({ directory, clusterId: 'demo', layout: local, ...options });
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toBeInstanceOf(ConfigError);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('addClient', () => {
  it('issues a certificate of the same authority', async () => {
    const { directory, node } = await newCluster();
    await addClient({ directory, name: 'bob' });
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    const bob = await loadNode(node('bob'));
    const certificate = new X509Certificate(bob.certificate);
    expect(bob.role).toBe('client');
    expect(certificate.subject).toBe('O=demo\nOU=client\nCN=bob');
    expect(certificate.verify(new X509Certificate(cluster.authority).publicKey)).toBe(true);
  });

  it('refuses a name that is taken', async () => {
    const { directory } = await newCluster();
    await expect(addClient({ directory, name: 'alice' })).rejects.toThrow(/exists already/);
  });

  it('refuses the name that orders of sessions are carried out in', async () => {
    const { directory } = await newCluster();
    const added = addClient({ directory, name: 'sessions' });
    await expect(added).rejects.toThrow(/client name: must not be "sessions"/);
  });

  it('refuses a member of the cluster though its node file is elsewhere', async () => {
    const { directory, node } = await newCluster();
    await rm(node('bank-a'));
    await expect(addClient({ directory, name: 'bank-a' })).rejects.toThrow(/is a member/);
  });
});

describe('certificates', () => {
  it('are what WS-Security and TLS need', async () => {
    const { directory, node } = await newCluster();
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    const authority = new X509Certificate(cluster.authority);
    const certificate = new X509Certificate((await loadNode(node('initiator-1'))).certificate);
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(BigInt(`0x${certificate.serialNumber}`).toString().length).toBeLessThan(24);
    expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.now());
  });

  it.skipIf(!hasOpenssl())('satisfy openssl, strictly', async () => {
    const { directory, node } = await newCluster();
    const ca = join(directory, 'ca.pem');
    const leaf = join(directory, 'leaf.pem');
    await writeFile(ca, (await loadCluster(join(directory, 'cluster.json'))).authority);
    await writeFile(leaf, (await loadNode(node('coordinator-0'))).certificate);
    for (const purpose of ['sslserver', 'sslclient']) {
      const options = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, leaf];
      expect(execFileSync('openssl', options).toString()).toContain('OK');
    }
  });
});

function hasOpenssl(): boolean {
  try {
    return execFileSync('openssl', ['version']).length > 0;
  } catch {
    return false;
  }
}
