import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { allBuiltIn, newClusterOf } from '../../src/cli/cluster-options.js';
import { CliError, exitCodes } from '../../src/cli/exit.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { printJson, table } from '../../src/cli/output.js';
import type { Cluster } from '../../src/kernel/cluster.js';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import { failuresOf, type Row, runMatrix, stacks } from './matrix.js';
import { servedPorts } from './ports.js';
import type { Stack } from './stacks/stack.js';

interface Options {
  readonly cluster?: string;
  readonly only: readonly Stack[];
  readonly downloads: string;
  readonly json?: boolean;
}

const help = `
Has each SOAP implementation that is installed here read the WSDL of each port, in both forms, and make a
transfer at the front door from the WSDL alone. Starts a cluster of its own unless --cluster names one.

Stacks: ${stacks.map(({ id }) => id).join(' ')}
What is not installed is skipped and said so. Debian has most of them:
  apt-get install python3-zeep default-jdk-headless maven gsoap libgsoap-dev g++ php-cli php-soap \\
    libsoap-lite-perl mono-devel
Maven Central has Metro and CXF; the first run downloads them.

Results go to standard output, progress to standard error. "npm run --silent interop -- --json" keeps
npm's own lines out.

Exit status:
  0  nothing failed of what is installed
  1  a WSDL was not read, or a call not made
  2  wrong command line; nothing was done
  4  a fault of this program or machine`;

async function run(args: readonly string[]): Promise<number> {
  let status: number = exitCodes.ok;
  const program = new Command('interop')
    .description('Tries SOAP clients of all stacks against every WSDL that is served.')
    .option('--cluster <file>', 'cluster.json of a cluster that runs on this machine')
    .option('--only <stacks>', 'names with commas between them', stacksNamed, stacks)
    .option('--downloads <folder>', 'where Maven’s class paths are kept', defaultDownloads)
    .option('--json', 'print JSON and nothing else')
    .addHelpText('after', help)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'interop: ')) })
    .showHelpAfterError('("npm run interop -- --help" tells more)')
    .exitOverride()
    .action(async (options: Options) => {
      const rows = await withCluster(options.cluster, (cluster) => tried(cluster, options));
      const failures = failuresOf(rows);
      if (options.json) printJson({ date: new Date().toISOString().slice(0, 10), rows, failures });
      else console.log([rowsText(rows), ...failures].join('\n'));
      if (failures.length > 0) status = exitCodes.failed;
    });
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return reportError(error);
  }
}

const defaultDownloads = join(tmpdir(), 'concordat-interop-downloads');

function stacksNamed(text: string): Stack[] {
  return text.split(',').map((id) => {
    const stack = stacks.find((each) => each.id === id);
    if (stack === undefined) throw new InvalidArgumentError(`There is no stack ${id}.`);
    return stack;
  });
}

async function tried(cluster: Cluster, { only, downloads }: Options): Promise<Row[]> {
  const ports = await servedPorts(cluster);
  const front = ports.find(({ name }) => name === 'front/transfer');
  if (front === undefined) throw new CliError('usage', 'the cluster has no front door');
  const progress = (line: string): void => console.error(`interop: ${line}`);
  return runMatrix(only, { ports, transferUrl: front.url, folder: downloads, progress });
}

async function withCluster<Value>(
  file: string | undefined,
  work: (cluster: Cluster) => Promise<Value>,
): Promise<Value> {
  if (file !== undefined) return work(await loadCluster(file));
  const directory = await mkdtemp(join(tmpdir(), 'concordat-interop-cluster-'));
  try {
    const services = { hotel: fileURLToPath(new URL('own-participant.js', import.meta.url)) };
    const create = newClusterOf({ sessions: allBuiltIn(), services });
    const cluster = await LocalCluster.start({ directory, create });
    try {
      return await work(cluster.cluster);
    } finally {
      await cluster.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function rowsText(rows: readonly Row[]): string {
  return table(
    ['stack', 'version', 'generates', 'WSDL read', 'call'],
    rows.map((row) => {
      if (row.kind === 'skipped') return [row.title, '-', `skipped: ${row.why}`, '-', '-'];
      const passed = row.generated.filter(({ attempt }) => attempt.kind === 'passed').length;
      const read = `${passed} of ${row.generated.length}`;
      return [row.title, row.version, row.generates, read, callText(row.call)];
    }),
  );
}

function callText(call: (Row & { kind: 'tried' })['call']): string {
  if (call === undefined) return 'none';
  return call.kind === 'passed' ? call.printed.split(/\s*\n/).join(', ') : 'failed';
}

function reportError(error: unknown): number {
  // Commander has written its own message.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  console.error(error instanceof CliError ? `interop: ${error.message}` : error);
  return exitCodes.internal;
}

// Not by itself: connections may still be open after a failure.
process.exit(await run(process.argv.slice(2)));
