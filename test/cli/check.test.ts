import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../src/kernel/store/store.js';
import { temporaryDirectory } from '../kernel/support/directory.js';
import { cli } from './support/cli.js';

/** A node's directory with records of two kinds. */
async function dataDir() {
  const directory = join(await temporaryDirectory(), 'bank-a');
  await mkdir(directory);
  const store = await openStore(join(directory, 'store'));
  const value = new Uint8Array(8);
  await store.write([
    { key: 'account/alice', value },
    { key: 'account/bob', value },
    { key: 'prepared/1', value },
  ]);
  return { directory, store };
}

async function moveRecord(directory: string): Promise<void> {
  const db = new ClassicLevel<string, Buffer>(join(directory, 'store'), {
    valueEncoding: 'buffer',
  });
  await db.open();
  await db.put('account/alice', (await db.get('account/bob')) ?? Buffer.alloc(0));
  await db.close();
}

describe('concordat check', () => {
  it('counts the records of each kind in a store as it was written', async () => {
    const { directory, store } = await dataDir();
    await store.close();
    for (const given of [directory, join(directory, 'store')]) {
      const { exitCode, out } = await cli('check', given);
      expect(exitCode).toBe(0);
      expect(out).toMatch(/store: as it was written\n {2}account: 2\n {2}prepared: 1\n/);
      expect(out).toContain('  (store format 2)\n');
    }
  });

  it('names each bad record', async () => {
    const { directory, store } = await dataDir();
    await store.close();
    await moveRecord(directory);
    const { exitCode, out } = await cli('check', directory);
    expect(exitCode).toBe(1);
    expect(out).toContain('BAD "account/alice": the record does not have its checksum');
    const json = JSON.parse((await cli('check', directory, '--json')).out);
    expect(json).toMatchObject({
      valid: false,
      stores: [{ records: { account: 2, prepared: 1 }, damages: [{ key: 'account/alice' }] }],
    });
  });

  it('refuses a store that is in use, and a directory without one', async () => {
    const { directory, store } = await dataDir();
    const used = await cli('check', directory);
    expect(used.exitCode).not.toBe(0);
    expect(used.err).toContain(`another process uses ${join(directory, 'store')}; stop it first`);
    await store.close();
    const none = await cli('check', await temporaryDirectory());
    expect(none.exitCode).toBe(2);
    expect(none.err).toContain('there is no store in it');
  });
});
