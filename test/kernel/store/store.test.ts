import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/kernel/store/mark.js';
import { openStore } from '../../../src/kernel/store/store.js';
import { compiledStore } from '../support/compiled-store.js';
import { temporaryDirectory } from '../support/directory.js';
import { until } from '../support/wait.js';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('openStore', () => {
  it('keeps records in the order of their keys', async () => {
    const directory = join(await temporaryDirectory(), 'made', 'if', 'missing');
    const store = await openStore(directory);
    await store.write([
      { key: 'b', value: bytes(2) },
      { key: 'a/2', value: bytes(1, 2) },
      { key: 'a/1', value: bytes() },
    ]);
    await store.close();

    const again = await openStore(directory);
    const plain = (await again.load()).map(({ key, value }) => [key, ...value]);
    expect(plain).toEqual([['a/1'], ['a/2', 1, 2], ['b', 2]]);
    expect((await again.load('a/')).map(({ key }) => key)).toEqual(['a/1', 'a/2']);
    expect(await again.load('c')).toEqual([]);
    await again.close();
  });

  it('applies the writes of one batch in their order', async () => {
    const store = await openStore(await temporaryDirectory());
    await store.write([
      { key: 'k', value: bytes(1) },
      { key: 'k', value: null },
      { key: 'k', value: bytes(2) },
      { key: 'gone', value: bytes(1) },
      { key: 'gone', value: null },
    ]);
    expect((await store.load()).map(({ key, value }) => [key, ...value])).toEqual([['k', 2]]);
    await store.close();
  });

  it('says what is wrong with a directory that cannot be used', async () => {
    const file = join(await temporaryDirectory(), 'file');
    await writeFile(file, '');
    const attempt = openStore(file);
    await expect(attempt).rejects.toBeInstanceOf(StoreError);
    await expect(attempt).rejects.toThrow(`cannot open the store in ${file}`);
  });
});

describe('a store whose process is killed', () => {
  const { compiled } = compiledStore();

  /** A process that writes pairs of records and says the number of each pair once it is written. */
  function writer(directory: string): { child: ChildProcess; written: () => number } {
    const script = `
      import { writeSync } from 'node:fs';
      import { openStore } from ${JSON.stringify(compiled)};
      const store = await openStore(${JSON.stringify(directory)});
      for (let i = 1; ; i += 1) {
        const value = new Uint8Array(1000);
        await store.write([{ key: 'left/' + i, value }, { key: 'right/' + i, value }]);
        writeSync(1, i + '\\n');
      }`;
    const options = { stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'] };
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], options);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    return { child, written: () => Number(said.split('\n').at(-2) ?? 0) };
  }

  it('has every record whose write was reported, and no half batch', async () => {
    const directory = await temporaryDirectory();
    const { child, written } = writer(directory);
    await until('a hundred writes', () => written() >= 100);

    const message = `another process uses ${directory}`;
    await expect(openStore(directory)).rejects.toThrow(message);

    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;

    const store = await openStore(directory);
    const keysOf = async (prefix: string) =>
      new Set((await store.load(prefix)).map(({ key }) => Number(key.slice(prefix.length))));
    const left = await keysOf('left/');
    for (let i = 1; i <= written(); i += 1) expect(left).toContain(i);
    expect(left).toEqual(await keysOf('right/'));
    await store.close();
  });
});
