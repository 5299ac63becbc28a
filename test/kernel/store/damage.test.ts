import { spawn } from 'node:child_process';
import { cp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { checkStore } from '../../../src/kernel/store/check.js';
import { StoreDamagedError, StoreError } from '../../../src/kernel/store/mark.js';
import {
  createStore,
  inspect,
  openExistingStore,
  openStore,
} from '../../../src/kernel/store/store.js';
import { compiledStore } from '../support/compiled-store.js';
import { temporaryDirectory } from '../support/directory.js';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const content = async (directory: string) => {
  const store = await openStore(directory);
  try {
    return (await store.load()).map(({ key, value }) => [key, new TextDecoder().decode(value)]);
  } finally {
    await store.close();
  }
};

/** A store of two generations: some records lie in a table, the newest in the log. */
async function filled() {
  const home = await temporaryDirectory();
  const directory = join(home, 'store');
  for (const generation of ['first', 'second']) {
    const store = await openStore(directory);
    for (let i = 0; i < 12; i += 1) {
      const padding = 'x'.repeat(40);
      await store.write([
        { key: `account/${i % 8}`, value: bytesOf(`${generation} ${i} ${padding}`) },
        { key: `prepared/${i}`, value: i % 3 === 0 ? null : bytesOf(`${generation} ${i}`) },
      ]);
    }
    await store.close();
  }
  return { home, directory, mark: `${directory}.mark` };
}

const raw = async (directory: string, act: (db: ClassicLevel<string, Buffer>) => Promise<void>) => {
  const db = new ClassicLevel<string, Buffer>(directory, { valueEncoding: 'buffer' });
  await db.open();
  await act(db).finally(() => db.close());
};

const refused = (directory: string) =>
  expect(openStore(directory)).rejects.toBeInstanceOf(StoreDamagedError);

interface Flips {
  readonly home: string;
  readonly kept: string;
  readonly whole: readonly (readonly string[])[];
  readonly places: readonly { readonly file: string; readonly at: number }[];
}

/** Flips a bit at one place after the other, and says what opening the store then gives. */
async function flip(compiled: string, flips: Flips): Promise<{ said: string[]; ended: unknown }> {
  const script = `
    import { cpSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
    import { join } from 'node:path';
    import { openStore } from ${JSON.stringify(compiled)};
    const { home, kept, whole, places } = JSON.parse(readFileSync(0, 'utf8'));
    for (const { file, at } of places) {
      rmSync(home, { recursive: true, force: true });
      cpSync(kept, home, { recursive: true });
      const bytes = readFileSync(join(home, file));
      bytes[at] ^= 1 << at % 8;
      writeFileSync(join(home, file), bytes);
      let verdict;
      try {
        const store = await openStore(join(home, 'store'));
        const found = (await store.load()).map(({ key, value }) => [key, new TextDecoder().decode(value)]);
        verdict = JSON.stringify(found) === JSON.stringify(whole) ? 'same' : 'wrong content';
        await store.close();
      } catch (error) {
        verdict = /^Store/.test(error.name) ? 'refused' : 'wrong error ' + error.name;
      }
      writeSync(1, verdict + '\\n');
    }`;
  const options = { stdio: ['pipe', 'pipe', 'ignore'] as ['pipe', 'pipe', 'ignore'] };
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], options);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ended = new Promise((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal)),
  );
  child.stdin.end(JSON.stringify(flips));
  return { ended: await ended, said: text.split('\n').slice(0, -1) };
}

describe('a store on a disk that lies', () => {
  const { compiled } = compiledStore();

  it('is refused or has the same content, whatever byte of whatever file is flipped', async () => {
    const { home, directory } = await filled();
    const whole = await content(directory);
    const kept = await temporaryDirectory();
    await cp(home, kept, { recursive: true });
    const places: { file: string; at: number }[] = [];
    const files = await readdir(kept, { recursive: true, withFileTypes: true });
    for (const file of files.filter((each) => each.isFile() && !/LOG|LOCK/.test(each.name))) {
      const path = join(file.parentPath, file.name);
      const { size } = await stat(path);
      const step = Math.max(1, Math.floor(size / 50));
      for (let at = 0; at < size; at += step) places.push({ file: relative(kept, path), at });
    }

    const verdicts: string[] = [];
    // LevelDB can end the process on what it finds: that is a refusal, too.
    while (verdicts.length < places.length) {
      const rest = places.slice(verdicts.length);
      const { said, ended } = await flip(compiled, { home, kept, whole, places: rest });
      verdicts.push(...said, ...(ended === 0 ? [] : ['refused by LevelDB']));
    }
    const counts = new Map<string, number>();
    for (const verdict of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    const wrong = places
      .map((place, index) => ({ ...place, verdict: verdicts[index] }))
      .filter(({ verdict }) => verdict?.startsWith('wrong'));
    expect(wrong).toEqual([]);
    expect(counts.get('refused')).toBeGreaterThan(20);
    expect(counts.get('same')).toBeGreaterThan(0);
  }, 120_000);

  it('is refused where its log has been cut, and refused again after that', async () => {
    const { home, directory } = await filled();
    const kept = await temporaryDirectory();
    await cp(home, kept, { recursive: true });
    const [name = ''] = (await readdir(directory)).filter((each) => each.endsWith('.log'));
    const log = await readFile(join(directory, name));
    for (const left of [0, 1, 100, log.length >> 1, log.length - 30, log.length - 1]) {
      await rm(home, { recursive: true });
      await cp(kept, home, { recursive: true });
      await writeFile(join(directory, name), log.subarray(0, left));
      await refused(directory);
      await refused(directory);
    }
  });

  it('is refused where it has vanished, as a whole or in part', async () => {
    const { home, directory, mark } = await filled();
    const kept = await temporaryDirectory();
    await cp(home, kept, { recursive: true });
    const back = async () => {
      await rm(home, { recursive: true });
      await cp(kept, home, { recursive: true });
    };
    await rm(directory, { recursive: true });
    await expect(openStore(directory)).rejects.toThrow(/has vanished.*Treat it as a lost disk/);
    for (const name of await readdir(join(kept, 'store'))) {
      if (/^LO/.test(name)) continue;
      await back();
      await rm(join(directory, name));
      await expect(openStore(directory), name).rejects.toBeInstanceOf(StoreError);
    }
    await back();
    await rm(mark);
    await expect(openStore(directory)).rejects.toThrow('mark beside the store is missing');
    // What the operator of a coordinator does.
    await rm(directory, { recursive: true });
    // A bank, for which an empty store would be its opening accounts, makes none.
    await expect(openExistingStore(directory)).rejects.toThrow('has vanished');
    expect(await readdir(home)).not.toContain('store');
    expect(await content(directory)).toEqual([]);
    await expect(createStore(directory)).rejects.toThrow('exists already');
    // Also where LevelDB has made an empty database in the place of the one that was there.
    expect(inspect([], { id: '00'.repeat(16), sequence: 3 }).kind).toBe('damaged');
  });

  it('is refused where it is an older copy, or another store', async () => {
    const { directory } = await filled();
    const older = await temporaryDirectory();
    await cp(directory, older, { recursive: true });
    const store = await openStore(directory);
    await store.write([{ key: 'account/0', value: bytesOf('new') }]);
    await store.close();
    await rm(directory, { recursive: true });
    await cp(older, directory, { recursive: true });
    await expect(openStore(directory)).rejects.toThrow('the newest 1 batches are missing');

    const other = await filled();
    await rm(directory, { recursive: true });
    await rename(other.directory, directory);
    await expect(openStore(directory)).rejects.toThrow('is of another store');
  });

  it('is refused where a record was moved, taken from elsewhere, lost, or came back', async () => {
    const other = await filled();
    let foreign: Buffer = Buffer.alloc(0);
    await raw(other.directory, async (db) => {
      foreign = (await db.get('account/1')) ?? foreign;
    });
    const changes: Record<string, (db: ClassicLevel<string, Buffer>) => Promise<void>> = {
      moved: async (db) => db.put('account/1', (await db.get('account/2')) ?? foreign),
      foreign: (db) => db.put('account/1', foreign),
      lost: (db) => db.del('account/1'),
      cut: (db) => db.put('account/1', Buffer.alloc(3)),
      headless: (db) => db.del('\u0000head'),
    };
    for (const [name, change] of Object.entries(changes)) {
      const { directory } = await filled();
      await raw(directory, change);
      await expect(openStore(directory), name).rejects.toBeInstanceOf(StoreDamagedError);
      expect((await checkStore(directory)).damages, name).toHaveLength(1);
    }

    const { directory } = await filled();
    let old: Buffer = Buffer.alloc(0);
    await raw(directory, async (db) => {
      old = (await db.get('account/3')) ?? old;
    });
    const store = await openStore(directory);
    await store.write([{ key: 'account/3', value: bytesOf('newer') }]);
    await store.close();
    await raw(directory, (db) => db.put('account/3', old));
    await expect(openStore(directory)).rejects.toThrow('or old ones among them');
  });

  it('is refused, and both are named, where two records changed places', async () => {
    const { directory } = await filled();
    await raw(directory, async (db) => {
      const [one, two] = [await db.get('account/1'), await db.get('account/2')];
      await db.put('account/1', two ?? Buffer.alloc(0));
      await db.put('account/2', one ?? Buffer.alloc(0));
    });
    await refused(directory);
    const { damages } = await checkStore(directory);
    expect(damages.map(({ key }) => key)).toEqual(['account/1', 'account/2']);
  });

  it('does not bring two ids or sums together by where a key ends', async () => {
    const { directory } = await filled();
    const store = await openStore(directory);
    await store.write([{ key: 'k', value: bytesOf('ab') }]);
    await store.close();
    await raw(directory, async (db) => {
      const stored = (await db.get('k')) ?? Buffer.alloc(0);
      await db.del('k');
      await db.put('ka', Buffer.concat([stored.subarray(0, 16), stored.subarray(17)]));
    });
    await refused(directory);
  });

  it('takes a store whose process ended between a batch and its mark', async () => {
    const { directory, mark } = await filled();
    const before = await readFile(mark);
    const store = await openStore(directory);
    await store.write([{ key: 'account/0', value: bytesOf('new') }]);
    await store.close();
    const whole = await content(directory);
    await writeFile(mark, before);
    expect(await content(directory)).toEqual(whole);
  });

  it('reads and writes side by side', async () => {
    const { directory } = await filled();
    const store = await openStore(directory);
    const work = Array.from({ length: 50 }, (_, i) => [
      store.write([{ key: 'account/0', value: bytesOf(`${i}`) }]),
      store.load('account/0').then(([record]) => new TextDecoder().decode(record?.value)),
    ]);
    const done = await Promise.all(work.flat());
    expect(done.filter((each) => each !== undefined)).toEqual(
      Array.from({ length: 50 }, (_, i) => `${i}`),
    );
    await store.close();
  });
});
