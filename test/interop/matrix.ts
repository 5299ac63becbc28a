import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServedPort, wsdlForms } from './ports.js';
import { nodeSoap, perl, php, zeep } from './stacks/dynamic.js';
import { gsoap, mono } from './stacks/generated.js';
import { cxf, metro } from './stacks/java.js';
import type { Stack } from './stacks/stack.js';
import { svcutil } from './stacks/svcutil.js';

export const stacks: readonly Stack[] = [
  nodeSoap,
  zeep,
  metro,
  cxf,
  gsoap,
  php,
  perl,
  mono,
  svcutil,
];

/** What came of one thing that a stack was asked to do. */
export type Attempt =
  | { readonly kind: 'passed'; readonly printed: string }
  | { readonly kind: 'failed'; readonly why: string };

/** A WSDL that a stack read. */
export interface Generated {
  /** The port, such as `bank/account`. */
  readonly port: string;
  readonly form: (typeof wsdlForms)[number];
  readonly attempt: Attempt;
}

/** A row of the matrix. A stack that is not installed is skipped, and neither passes nor fails. */
export type Row = { readonly id: string; readonly title: string } & (
  | { readonly kind: 'skipped'; readonly why: string }
  | {
      readonly kind: 'tried';
      readonly version: string;
      readonly generates: string;
      readonly generated: readonly Generated[];
      /** `undefined` where the stack calls nothing. */
      readonly call: Attempt | undefined;
    }
);

export interface MatrixOptions {
  readonly ports: readonly ServedPort[];
  /** Where a transfer is made. */
  readonly transferUrl: string;
  /** Kept from run to run: what Maven downloaded. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

/** Tries the stacks one after another; no failure ends the run. */
export async function runMatrix(tried: readonly Stack[], options: MatrixOptions): Promise<Row[]> {
  await mkdir(options.folder, { recursive: true });
  const rows: Row[] = [];
  for (const stack of tried) {
    options.progress(`${stack.title} ...`);
    rows.push(await rowOf(stack, options));
  }
  return rows;
}

async function rowOf(stack: Stack, options: MatrixOptions): Promise<Row> {
  const { id, title, generates } = stack;
  const found = await stack.look(options.folder);
  if (found.kind === 'missing') return { id, title, kind: 'skipped', why: found.why };
  const generated: Generated[] = [];
  for (const { name, url } of options.ports) {
    for (const form of wsdlForms) {
      const attempt = await attempted(async (folder) => {
        await stack.generate(`${url}?${form}`, folder);
        return '';
      });
      generated.push({ port: name, form, attempt });
    }
  }
  const call = stack.call && (await attempted((folder) => callOf(stack, options, folder)));
  return { id, title, kind: 'tried', version: found.version, generates, generated, call };
}

/** A client may end well with an aborted transfer; the matrix asks for one that is committed. */
async function callOf(stack: Stack, { transferUrl }: MatrixOptions, folder: string) {
  const printed = (await stack.call?.(`${transferUrl}?wsdl`, folder))?.trim() ?? '';
  const lines = printed.split('\n');
  if (!lines.every((line) => committed.test(line))) throw new Error(`it printed: ${printed}`);
  return printed;
}

const committed = /^committed [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\s*$/;

async function attempted(work: (folder: string) => Promise<string>): Promise<Attempt> {
  const folder = await mkdtemp(join(tmpdir(), 'concordat-interop-'));
  try {
    return { kind: 'passed', printed: await work(folder) };
  } catch (error) {
    return { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** All that a stack which is installed did not do, a line each. */
export function failuresOf(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    if (row.kind === 'skipped') return [];
    const call = row.call?.kind === 'failed' ? [`${row.title}, call: ${row.call.why}`] : [];
    const generated = row.generated.flatMap(({ port, form, attempt }) =>
      attempt.kind === 'failed' ? [`${row.title}, ${port}?${form}: ${attempt.why}`] : [],
    );
    return [...generated, ...call];
  });
}
