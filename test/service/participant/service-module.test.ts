import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../../../src/kernel/config/config-error.js';
import { createStore, openExistingStore } from '../../../src/kernel/store/store.js';
import { startService } from '../../../src/service/participant/service-module.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { log, World } from '../../support/nodes/world.js';

const methods = ['start', 'begin', 'prepare', 'commit', 'rollBack', 'close'] as const;
const resource = (over: string) =>
  `{ ${methods.map((name) => `async ${name}() {}`).join(', ')}, ${over} }`;
const participant = (parts: string) => `export const participant = { ${parts} };`;

async function start(text: string) {
  const directory = await temporaryDirectory();
  const path = join(directory, 'hotel.mjs');
  const dataDir = join(directory, 'data');
  await createStore(join(dataDir, 'store'));
  await writeFile(path, text);
  const world = await World.make();
  const node = { ...world.node('participant', 'bank-a'), dataDir };
  const onFatal = (error: Error) => {
    throw error;
  };
  const starting = startService(path, { cluster: world.cluster, node, log, onFatal });
  return { starting, dataDir };
}

describe('the module of a participant', () => {
  it('is started, with its operations and its resource and nothing else of it', async () => {
    const odd = participant(`operations: {}, resource: ${resource('')}, node: null, cluster: null`);
    const { starting } = await start(odd);
    const node = await starting;
    onTestFinished(node.stop);
    expect((await fetch(`${node.url}/healthz`)).status).toBe(200);
  });

  const wrong: [string, string][] = [
    ['no export', 'export const other = 1;'],
    ['nothing', 'export const participant = null;'],
    ['no resource', participant('operations: {}')],
    ['no operations', participant(`resource: ${resource('')}`)],
    [
      'an operation that is none',
      participant(`operations: { reserve: 7 }, resource: ${resource('')}`),
    ],
    ...methods.map((name): [string, string] => [
      `a resource without ${name}`,
      participant(`operations: {}, resource: ${resource(`${name}: undefined`)}`),
    ]),
  ];
  it.each(wrong)('is refused with %s', async (_, text) => {
    const { starting } = await start(text);
    await expect(starting).rejects.toBeInstanceOf(ConfigError);
    await expect(starting).rejects.toThrow(/bank-a: service: .*hotel\.mjs: export "participant"/);
  });

  it.each([
    ['a mistake of syntax', 'export const participant = {'],
    ['a mistake as it loads', 'throw new Error("no licence");'],
  ])('is refused with %s', async (_, text) => {
    const { starting } = await start(text);
    await expect(starting).rejects.toBeInstanceOf(ConfigError);
    await expect(starting).rejects.toThrow(/hotel\.mjs does not load/);
  });

  it('is refused where there is none', async () => {
    const world = await World.make();
    const node = world.node('participant', 'bank-a');
    const starting = startService('/nowhere/hotel.mjs', {
      ...{ cluster: world.cluster, node, log },
      onFatal: () => {},
    });
    await expect(starting).rejects.toThrow('/nowhere/hotel.mjs: no such file; correct the path');
  });

  it.each([
    ['does not start', 'start: () => Promise.reject(new Error("no database"))'],
    [
      'neither starts nor closes',
      'start() { throw new Error("no database"); }, close() { throw new Error("no more"); }',
    ],
  ])('whose resource %s leaves its store to the next run', async (_, over) => {
    const { starting, dataDir } = await start(
      participant(`operations: {}, resource: ${resource(over)}`),
    );
    await expect(starting).rejects.toThrow('no database');
    const store = await openExistingStore(join(dataDir, 'store'));
    await store.close();
  });
});
