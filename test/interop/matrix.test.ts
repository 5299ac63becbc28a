import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { failuresOf, type Row, runMatrix } from './matrix.js';
import type { Stack } from './stacks/stack.js';

const committed = 'committed 00000000-0000-8000-8000-000000000001 \n';

function stack(parts: Partial<Stack>): Stack {
  return {
    id: 'some',
    title: 'Some stack',
    generates: 'nothing',
    look: async () => ({ kind: 'here', version: '1' }),
    generate: async () => undefined,
    ...parts,
  };
}

async function rowOf(parts: Partial<Stack>): Promise<Row | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'concordat-matrix-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const rows = await runMatrix([stack(parts)], {
    ports: [{ name: 'bank/account', url: 'http://127.0.0.1:1/account' }],
    transferUrl: 'http://127.0.0.1:1/transfer',
    folder,
    progress: () => undefined,
  });
  return rows[0];
}

it('skips a stack that is not installed, which neither passes nor fails', async () => {
  const row = await rowOf({ look: async () => ({ kind: 'missing', why: 'not there' }) });
  expect(row).toEqual({ id: 'some', title: 'Some stack', kind: 'skipped', why: 'not there' });
  expect(failuresOf(row ? [row] : [])).toEqual([]);
});

it('asks for both forms of a WSDL, and for a transfer', async () => {
  const asked: string[] = [];
  const row = await rowOf({
    generate: async (url) => void asked.push(url),
    call: async (url) => {
      asked.push(url);
      return committed;
    },
  });
  expect(asked).toEqual([
    'http://127.0.0.1:1/account?wsdl',
    'http://127.0.0.1:1/account?singleWsdl',
    'http://127.0.0.1:1/transfer?wsdl',
  ]);
  expect(row).toMatchObject({ kind: 'tried', version: '1', call: { kind: 'passed' } });
});

it.each(['', 'aborted 00000000-0000-8000-8000-000000000001 InsufficientFunds', 'committed'])(
  'takes what a client printed for a failure: "%s"',
  async (printed) => {
    const row = await rowOf({ call: async () => printed });
    expect(failuresOf(row ? [row] : [])).toEqual([`Some stack, call: it printed: ${printed}`]);
  },
);

it('names the WSDL that a stack could not read', async () => {
  const row = await rowOf({
    generate: async (url) => {
      if (url.endsWith('?wsdl')) throw new Error('what is this?');
    },
  });
  expect(failuresOf(row ? [row] : [])).toEqual(['Some stack, bank/account?wsdl: what is this?']);
});
