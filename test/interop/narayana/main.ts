import { homedir, setPriority } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { wholeNumberArgument } from '../../../src/cli/arguments.js';
import { exitCodes } from '../../../src/cli/exit.js';
import { printJson, table } from '../../../src/cli/output.js';
import { type CrashRunResult, crashRun } from './crash-run.js';
import { runScenario, type ScenarioResult, scenarios } from './scenarios.js';
import { Scene } from './scene.js';
import { Downloads, narayanaVersion, portsUsed, wildflyVersion } from './wildfly.js';

interface Options {
  readonly transfers: number;
  readonly minutes: number;
  readonly clients: number;
  readonly gatewayKills: number;
  readonly wildflyKills: number;
  readonly coordinatorKills: number;
  readonly seed: number;
  readonly port: number | undefined;
  readonly downloads: string;
  readonly keep: boolean;
  readonly json: boolean;
}

const help = `
First one transaction each way: commit, rollback, a vote to abort, a read-only vote, with a bank of the
cluster in it, with asynchronous registration. Then many, in parallel, while the gateway, WildFly and
coordinators are killed (SIGKILL) at random moments and started again; none may be split, lost or in doubt
at the end, the sums have to be right, and the cluster's proofs have to say what the banks' journals do.
The last line of output is the crash run's result as JSON.

Example, some 20 minutes on 2 cores:
  npm run interop:narayana -- --transfers 1000 --clients 8 \
    --gateway-kills 25 --wildfly-kills 12 --coordinator-kills 25

WildFly comes from Maven Central the first time: 268 MB. Needs Java 17, Maven and unzip; where they are
missing it is skipped and said so.

Exit status:
  0  everything as it has to be, or skipped
  1  something is not
  2  wrong command line; nothing was done
  4  a fault of this program or machine`;

const defaultDownloads = join(homedir(), '.cache/concordat-interop');
const niceness = 10;
const count = (most: number) => wholeNumberArgument(0, most);

async function run(args: readonly string[]): Promise<number> {
  let status: number = exitCodes.ok;
  const program = new Command('interop:narayana')
    .description('Runs Narayana against a gateway of a cluster on this machine.')
    .option('--transfers <count>', 'transfers of the crash run; 0 for none', count(100_000), 50)
    .option('--minutes <count>', 'after so long no more transfers are begun', count(10_000), 10_000)
    .option('--clients <count>', 'transfers at a time', wholeNumberArgument(1, 64), 4)
    .option('--gateway-kills <count>', 'how often the gateway is killed', count(10_000), 5)
    .option('--wildfly-kills <count>', 'how often WildFly is killed', count(10_000), 0)
    .option('--coordinator-kills <count>', 'how often a coordinator is killed', count(10_000), 0)
    .option('--seed <number>', 'of the transfers and the kills', count(2 ** 31), 1)
    .option(
      '--port <port>',
      `first of ${portsUsed} ports of WildFly; free ones otherwise`,
      count(65_000),
    )
    .option('--downloads <folder>', 'where WildFly is kept', defaultDownloads)
    .option('--keep', 'leave files and logs there', false)
    .option('--json', 'print JSON and nothing else', false)
    .addHelpText('after', help)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'interop: ')) })
    .showHelpAfterError('("npm run interop:narayana -- --help" tells more)')
    .exitOverride()
    .action(async (options: Options) => {
      status = await tried(options);
    });
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    }
    console.error(error);
    return exitCodes.internal;
  }
}

async function tried(options: Options): Promise<number> {
  const progress = (line: string): void => console.error(`interop: ${line}`);
  const downloads = new Downloads(options.downloads);
  const lack = downloads.lack();
  if (lack !== undefined) {
    if (options.json) printJson({ skipped: lack });
    else console.log(`Narayana: skipped: ${lack}`);
    return exitCodes.ok;
  }
  setPriority(niceness);
  await downloads.get();
  const scene = await Scene.start({ downloads, port: options.port, progress });
  try {
    const results = await allScenarios(scene, progress);
    const run = options.transfers > 0 ? await crashes(scene, options, progress) : undefined;
    const narayana = await narayanaVersion(downloads.home);
    const date = new Date().toISOString().slice(0, 10);
    const isRight = results.every(({ why }) => why === undefined) && run?.isRight !== false;
    if (options.json)
      printJson({ date, wildfly: wildflyVersion, narayana, scenarios: results, run });
    else console.log(text(`Narayana ${narayana}, WildFly ${wildflyVersion}`, results, run));
    return isRight ? exitCodes.ok : exitCodes.failed;
  } finally {
    if (options.keep) progress(`files and logs in ${scene.directory}`);
    await scene.stop({ keep: options.keep });
  }
}

async function allScenarios(scene: Scene, progress: (line: string) => void) {
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    const result = await runScenario(scene, scenario);
    progress(`${result.name}: ${result.why ?? 'right'}`);
    results.push(result);
  }
  return results;
}

function crashes(scene: Scene, options: Options, progress: (line: string) => void) {
  const { transfers, minutes, clients, seed } = options;
  const { gatewayKills: gateway, wildflyKills: wildfly, coordinatorKills: coordinators } = options;
  const kills = { gateway, wildfly, coordinators };
  const forMs = minutes * 60_000;
  return crashRun(scene, { transfers, forMs, clients, seed, kills, progress });
}

function text(
  title: string,
  results: readonly ScenarioResult[],
  run: CrashRunResult | undefined,
): string {
  const rows = results.map(({ name, ms, why }) => [name, `${ms} ms`, why ?? 'right']);
  const parts = [title, table(['scenario', 'took', 'result'], rows)];
  return [...parts, ...(run === undefined ? [] : [JSON.stringify(run)])].join('\n\n');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(exitCodes.internal));
}
// Not by itself: connections may still be open after a failure.
process.exit(await run(process.argv.slice(2)));
