import { hash } from 'node:crypto';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { checkStore } from '../../../src/kernel/store/check.js';
import { StoreDamagedError, StoreFormatError } from '../../../src/kernel/store/mark.js';
import { openStore } from '../../../src/kernel/store/store.js';
import { temporaryDirectory } from '../support/directory.js';

const headKey = '\u0000head';
const value = new TextEncoder().encode('one hundred');

async function filled(): Promise<string> {
  const directory = join(await temporaryDirectory(), 'store');
  const store = await openStore(directory);
  await store.write([{ key: 'account/1', value }]);
  await store.close();
  return directory;
}

/** Replaces the body of the head, and gives it the checksum of one that is not damaged. */
async function withHead(directory: string, change: (body: Buffer) => Buffer): Promise<void> {
  const db = new ClassicLevel<string, Buffer>(directory, { valueEncoding: 'buffer' });
  await db.open();
  const head = (await db.get(headKey)) ?? Buffer.alloc(0);
  const id = head.toString('hex', 18, 34);
  const body = change(head.subarray(16));
  const name = Buffer.from(`${id}${headKey}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  const sum = Buffer.from(hash('sha256', Buffer.concat([length, name, body]), 'hex'), 'hex');
  await db.put(headKey, Buffer.concat([sum.subarray(0, 16), body]));
  await db.close();
}

const inFormat = (format: number, rest: Buffer) => (body: Buffer) => {
  const number = Buffer.alloc(2);
  number.writeUInt16BE(format);
  return Buffer.concat([number, body.subarray(2), rest]);
};
const withoutNumber = (body: Buffer) => body.subarray(2);

describe('the format of a store', () => {
  it('is 2 in a new one', async () => {
    const directory = await filled();
    expect(await checkStore(directory)).toMatchObject({ format: 2, damages: [] });
  });

  it('is 1 where the head has no number; it is read, and written in the present one', async () => {
    const directory = await filled();
    await withHead(directory, withoutNumber);
    expect(await checkStore(directory)).toMatchObject({ format: 1, damages: [] });

    const store = await openStore(directory);
    const [record] = await store.load();
    expect(new TextDecoder().decode(record?.value)).toBe('one hundred');
    await store.write([{ key: 'account/2', value }]);
    await store.close();
    expect(await checkStore(directory)).toMatchObject({
      format: 2,
      damages: [],
      records: { account: 2 },
    });
  });

  it.each([
    ['as long a head', Buffer.alloc(0)],
    ['a longer head', Buffer.alloc(40, 7)],
  ])('is refused, not taken for damage, where it is a later one with %s', async (_, rest) => {
    const directory = await filled();
    await withHead(directory, inFormat(3, rest));
    const error = await openStore(directory).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreFormatError);
    expect(error).not.toBeInstanceOf(StoreDamagedError);
    expect(error).toMatchObject({ code: 'newer-format', data: { directory, format: 3 } });
    expect(String(error)).toMatch(/has format 3.*reads formats up to 2.*reads format 3/);
    await expect(checkStore(directory)).rejects.toBeInstanceOf(StoreFormatError);
  });

  it('is not believed without the checksum of the head', async () => {
    const directory = await filled();
    const db = new ClassicLevel<string, Buffer>(directory, { valueEncoding: 'buffer' });
    await db.open();
    const head = (await db.get(headKey)) ?? Buffer.alloc(0);
    head.writeUInt16BE(3, 16);
    await db.put(headKey, head);
    await db.close();
    await expect(openStore(directory)).rejects.toBeInstanceOf(StoreDamagedError);
    expect(await checkStore(directory)).toMatchObject({ format: undefined });
  });

  it('of this version with a head of another length is damage', async () => {
    const directory = await filled();
    await withHead(directory, inFormat(2, Buffer.alloc(3)));
    await expect(openStore(directory)).rejects.toThrow('the head does not have its length');
  });
});
