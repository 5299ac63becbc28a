import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Writer } from '../../src/kernel/codec/bytes.js';

const part = fc.uint8Array({ maxLength: 3000 });

it('what writers write at the same time, and after each other, does not run together', () => {
  const written = fc.array(fc.array(part, { maxLength: 4 }), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(written, (all) => {
      const writers = all.map(() => new Writer());
      for (let at = 0; at < 4; at += 1) {
        for (const [index, writer] of writers.entries())
          writer.raw(all[index]?.[at] ?? new Uint8Array(0));
      }
      const finished = writers.map((writer) => writer.finish());
      new Writer().raw(new Uint8Array(4000).fill(255));
      for (const [index, bytes] of finished.entries()) {
        expect(Buffer.from(bytes)).toEqual(Buffer.concat(all[index] ?? []));
      }
    }),
  );
});

it('finished bytes stay as they are while the next writer writes', () => {
  const first = new Writer();
  first.raw(Uint8Array.of(1, 2, 3));
  const bytes = first.finish();
  first.raw(Uint8Array.of(9, 9, 9));
  new Writer().raw(Uint8Array.of(8, 8, 8));
  expect([...bytes]).toEqual([1, 2, 3]);
  expect([...first.finish()]).toEqual([9, 9, 9]);
});
