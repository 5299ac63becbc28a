import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeCluster } from '../../src/cli/init.js';
import { participantKinds } from '../../src/cli/local/members.js';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { temporaryDirectory } from '../kernel/support/directory.js';
import { cli } from './support/cli.js';

describe('concordat init', () => {
  it('makes a cluster as asked', async () => {
    const directory = await temporaryDirectory();
    const options = ['--f', '0', '--n', '1', '--initiators', '1', '--banks', '3'];
    const made = await cli('init', directory, ...options, '--clients', 'shop,till', '--json');
    expect(made.exitCode).toBe(0);
    const { files } = JSON.parse(made.out);
    expect(files).toContain(join(directory, 'nodes', 'till.json'));
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    expect(cluster.resilience).toEqual({ n: 1, f: 0 });
    expect(cluster.initiators).toHaveLength(1);
    expect(cluster.participants.map(({ id }) => id)).toEqual(['bank-a', 'bank-b', 'bank-c']);
  });

  it('makes gateways: a participant, its client, and an address for plain software', async () => {
    const directory = await temporaryDirectory();
    expect((await cli('init', directory, '--gateways', 'gw')).exitCode).toBe(0);
    const { participants } = await loadCluster(join(directory, 'cluster.json'));
    expect(participants.map(({ name }) => name)).toEqual(['bank-a', 'bank-b', 'gw']);
    const node = await loadNode(join(directory, 'nodes', 'gw.json'));
    if (node.role !== 'gateway') throw new Error('not a gateway');
    expect(node.client.name).toBe('gw-client');
    expect(node.plain.url).toBe(`http://127.0.0.1:${node.plain.listen.port}`);
    expect(await readdir(join(directory, 'data', 'gw'))).toEqual(
      expect.arrayContaining(['gateway', 'store']),
    );
    const taken = await cli('init', `${directory}-2`, '--gateways', 'x', '--clients', 'x-client');
    expect(taken.err).toContain('two nodes are named "x-client"');
  });

  it('says of each participant what it is, and leaves nothing of a cluster that is removed', async () => {
    const directory = await temporaryDirectory();
    const services = ['--services', `own=${import.meta.filename}`, '--gateways', 'gw'];
    const sidecars = ['--sidecars', 'side=http://127.0.0.1:8080'];
    const made = await cli('init', directory, ...services, ...sidecars, '--json');
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    const kinds = Object.fromEntries(await participantKinds(cluster, join(directory, 'nodes')));
    const banks = { 'bank-a': 'bank', 'bank-b': 'bank' };
    expect(kinds).toEqual({ ...banks, own: 'participant', side: 'sidecar', gw: 'gateway' });
    await removeCluster(directory, JSON.parse(made.out).files);
    expect(await readdir(directory)).toEqual([]);
  });

  it('makes sessions for applications by name and by path', async () => {
    const directory = await temporaryDirectory();
    const made = await cli(
      'init',
      directory,
      '--sessions',
      'shop=/srv/shop.js',
      '--engine',
      'pbft',
    );
    expect(made).toMatchObject({ exitCode: 0, err: '' });
    const { sessions } = await loadCluster(join(directory, 'cluster.json'));
    expect(sessions).toEqual({ engine: 'pbft', applications: ['shop'] });
  });

  it.each([
    ['fab', '0,100,300,100,300,200', 'Its clients wait least.'],
    ['antipaxos', '1,1,2,2,2,2', 'No round trip is over 5 ms, as within one data center'],
  ])(
    'chooses the engine by the round trips between coordinators: %s',
    async (engine, ways, why) => {
      const directory = await temporaryDirectory();
      const wanted = ['--sessions', 'shop=/srv/shop.js', '--engine', 'auto', '--round-trips', ways];
      const made = await cli('init', directory, ...wanted);
      expect(made).toMatchObject({ exitCode: 0, err: '' });
      expect(made.out).toContain(`Sessions are ordered by ${engine}. ${why}`);
      const { sessions } = await loadCluster(join(directory, 'cluster.json'));
      expect(sessions?.engine).toBe(engine);
    },
  );

  it('names the place that should be the first where clients would wait less', async () => {
    const choiceOf = async (ways: string) => {
      const wanted = ['--sessions', 'shop=/srv/shop.js', '--engine', 'auto', '--round-trips', ways];
      return cli('init', await temporaryDirectory(), ...wanted);
    };
    // Coordinator 0 is 200 ms from each other one; then the same four places with it as the last.
    const far = await choiceOf('200,200,200,20,20,20');
    expect(far.out).toMatch(
      /With the place of coordinator 1 as the first it would be [\d.]+ ms by fab/,
    );
    const near = await choiceOf('20,20,200,20,200,200');
    expect(near.out).toContain('Sessions are ordered by fab. Its clients wait least.');
    expect(near.out).not.toContain('With the place of');
    const means = [
      /would be ([\d.]+) ms by fab/.exec(far.out)?.[1],
      /fab ([\d.]+) ms/.exec(near.out)?.[1],
    ];
    expect(means[0]).toBe(means[1]);
  });

  it('makes sidecars of services in any language', async () => {
    const directory = await temporaryDirectory();
    const url = 'http://127.0.0.1:8080';
    const made = await cli('init', directory, '--sidecars', `hotel=${url}`);
    expect(made).toMatchObject({ exitCode: 0, err: '' });
    const hotel = await loadNode(join(directory, 'nodes', 'hotel.json'));
    expect(hotel).toMatchObject({ role: 'participant', accounts: [], sidecar: { url } });
    const { participants } = await loadCluster(join(directory, 'cluster.json'));
    expect(participants.map(({ id }) => id)).toEqual(['bank-a', 'bank-b', 'hotel']);
  });

  it.each([
    [['--sidecars', 'hotel'], /Write NAME=URL of the service/],
    [
      ['--sidecars', 'hotel=http://hotel:8080'],
      /node hotel: sidecar\.url: must be on 127\.0\.0\.1/,
    ],
    [['--sidecars', 'bank-a=http://127.0.0.1:8080'], /two nodes are named "bank-a"/],
    [['--sessions', 'shop'], /"shop" is not built in.*write shop=PATH of its module/],
    [['--sessions', 'a shop=/srv/shop.js'], /application name: must be a name/],
    [['--engine', 'pbft'], /--engine is of no use without --sessions/],
    [['--engine', 'auto'], /name applications.*--sessions \S+\. .*NAME=PATH names a module/],
    [
      ['--sessions', 'shop=/srv/shop.js', '--engine', 'raft'],
      /Allowed choices are antipaxos, fab, pbft/,
    ],
    [
      ['--sessions', 'shop=/srv/shop.js', '--engine', 'ezbft'],
      /ezbft puts only what interferes in order/,
    ],
    [['--sessions', 'shop=/srv/shop.js', '--engine', 'auto'], /--engine auto needs --round-trips/],
    [
      ['--sessions', 'shop=/srv/shop.js', '--engine', 'auto', '--round-trips', '1,2,3'],
      /--round-trips has 3 times for 4 coordinators, which have 6 ways/,
    ],
    [
      ['--sessions', 'shop=/srv/shop.js', '--engine', 'auto', '--round-trips', '1,2,x,3,4,5'],
      /Write milliseconds with commas between/,
    ],
    [
      ['--sessions', 'shop=/srv/shop.js', '--engine', 'auto', '--round-trips', '1,2,70000,3,4,5'],
      /Each is 60000 milliseconds at the most/,
    ],
    [['--sessions', 'shop=/srv/shop.js', '--round-trips', '1'], /no use without --engine auto/],
  ])('says what is wrong with %j', async (options, message) => {
    const directory = await temporaryDirectory();
    const { exitCode, err } = await cli('init', directory, ...options);
    expect(err).toMatch(message);
    expect(exitCode).toBe(2);
    expect(await readdir(directory)).toEqual([]);
  });

  it('gives containers their names as hosts', async () => {
    const directory = await temporaryDirectory();
    expect(await cli('init', directory, '--compose')).toMatchObject({ exitCode: 0 });
    const { coordinators } = await loadCluster(join(directory, 'cluster.json'));
    expect(coordinators[2]?.url).toBe('http://coordinator-2:8080');
  });

  it('issues certificates to further clients later, each name once', async () => {
    const directory = await temporaryDirectory();
    await cli('init', directory);
    const added = await cli('add-client', 'shop', '--directory', directory, '--json');
    expect(JSON.parse(added.out)).toEqual({ files: [join(directory, 'nodes', 'shop.json')] });
    const again = await cli('add-client', 'shop', '--directory', directory);
    expect(again.exitCode).toBe(2);
    const member = await cli('add-client', 'bank-a', '--directory', directory);
    expect(member.exitCode).toBe(2);
  });

  it('never writes over a cluster', async () => {
    const directory = await temporaryDirectory();
    await cli('init', directory);
    const before = await contentOf(directory);
    for (const again of [
      ['init', directory],
      ['init', directory, '--f', '2'],
      ['up', directory, '--f', '2'],
    ]) {
      const { exitCode, err } = await cli(...again);
      expect(exitCode).toBe(2);
      expect(err).toMatch(/^(concordat: .*exists already|.*\n?.*holds a cluster already)/);
    }
    expect(await contentOf(directory)).toEqual(before);
  });
});

async function contentOf(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  return Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')));
}
