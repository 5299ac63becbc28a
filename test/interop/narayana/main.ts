import { setPriority } from 'node:os';
import { Command, CommanderError, Option } from 'commander';
import { wholeNumberArgument } from '../../../src/cli/arguments.js';
import { exitCodes } from '../../../src/cli/exit.js';
import { printJson, table } from '../../../src/cli/output.js';
import { type CrashRunResult, crashRun } from './crash-run.js';
import { Downloads, defaultDownloads, narayanaVersion, wildflyVersion } from './downloads.js';
import { type Role, roles } from './sc007/scenarios.js';
import { runSuite, type Sc007Result } from './sc007/suite.js';
import { runScenario, type ScenarioResult, scenarios } from './scenarios.js';
import { portsUsed, Scene } from './scene.js';

interface Options {
  readonly scenarios: Role | 'both' | 'none';
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

With --scenarios also the 15 scenarios of the WS-TX interoperability rounds (WSTF sc007), in which Concordat is
the coordinator, the participant, or each at the same time.

Example, 48 minutes on 2 cores that other work kept busy:
  npm run interop:narayana -- --transfers 1000 --clients 8 \
    --gateway-kills 25 --wildfly-kills 12 --coordinator-kills 25

WildFly comes from Maven Central the first time: 268 MB. Needs Java 17, Maven and unzip; where they are
missing, or WildFly cannot be had, it is skipped and said so.

Exit status:
  0  everything as it has to be, or skipped
  1  something is not, or skipped where CI=true
  2  wrong command line; nothing was done
  4  a fault of this program or machine`;

const niceness = 10;
const count = (most: number) => wholeNumberArgument(0, most);

async function run(args: readonly string[]): Promise<number> {
  let status: number = exitCodes.ok;
  const program = new Command('interop:narayana')
    .description('Runs Narayana against a gateway of a cluster on this machine.')
    .addOption(
      new Option('--scenarios <role>', 'the 15 scenarios, with Concordat in this role')
        .choices([...roles, 'both', 'none'])
        .default('none'),
    )
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
  setPriority(niceness);
  const lack = await downloads.lack();
  if (lack !== undefined) {
    if (options.json) printJson({ skipped: lack });
    else console.log(`Narayana: skipped: ${lack}`);
    return CI === 'true' ? exitCodes.failed : exitCodes.ok;
  }
  const scene = await Scene.start({
    ...{ downloads, port: options.port, hasStage: options.scenarios !== 'none', progress },
  });
  try {
    const results = await allScenarios(scene, progress);
    const run = options.transfers > 0 ? await crashes(scene, options, progress) : undefined;
    // After the crash run: as a coordinator, XTS keeps records of what a scenario never answers.
    const sc007 = await interoperability(scene, options, progress);
    const narayana = await narayanaVersion(downloads.home);
    const date = new Date().toISOString().slice(0, 10);
    const isEachRight = [...results, ...sc007.results].every(({ why }) => why === undefined);
    const isRight = isEachRight && sc007.faults.length === 0 && run?.isRight !== false;
    const found = { scenarios: results, sc007, run };
    if (options.json) printJson({ date, wildfly: wildflyVersion, narayana, ...found });
    else console.log(text(`Narayana ${narayana}, WildFly ${wildflyVersion}`, found));
    return isRight ? exitCodes.ok : exitCodes.failed;
  } finally {
    if (options.keep) progress(`files and logs in ${scene.directory}`);
    await scene.stop({ keep: options.keep });
  }
}

const { CI } = process.env;

async function allScenarios(scene: Scene, progress: (line: string) => void) {
  const results: ScenarioResult[] = [];
  // XTS takes long for its first transaction, on a busy machine longer than a vote may take.
  await scene.wildfly.transfer({ transfer: 'first', amount: '1', end: 'rollback' });
  for (const scenario of scenarios) {
    const result = await runScenario(scene, scenario);
    progress(`${result.name}: ${result.why ?? 'right'}`);
    results.push(result);
  }
  return results;
}

interface Sc007 {
  readonly results: readonly Sc007Result[];
  /** What went wrong and belongs to none of them. */
  readonly faults: readonly string[];
}

async function interoperability(
  { stage, wildfly }: Scene,
  { scenarios: wanted }: Options,
  progress: (line: string) => void,
): Promise<Sc007> {
  if (stage === undefined) return { results: [], faults: [] };
  const run = wildfly.scenario.bind(wildfly);
  const sides = roles.flatMap((role) =>
    wanted === role || wanted === 'both' ? [[role, stage.sides(role, run)] as const] : [],
  );
  const results = await runSuite(Object.fromEntries(sides), progress);
  return { results, faults: stage.faults };
}

function crashes(scene: Scene, options: Options, progress: (line: string) => void) {
  const { transfers, minutes, clients, seed } = options;
  const { gatewayKills: gateway, wildflyKills: wildfly, coordinatorKills: coordinators } = options;
  const kills = { gateway, wildfly, coordinators };
  const forMs = minutes * 60_000;
  return crashRun(scene, { transfers, forMs, clients, seed, kills, progress });
}

interface Found {
  readonly scenarios: readonly ScenarioResult[];
  readonly sc007: Sc007;
  readonly run: CrashRunResult | undefined;
}

function text(title: string, { scenarios: results, sc007, run }: Found): string {
  const transfers = results.map(({ name, ms, why }) => [name, `${ms} ms`, why ?? 'right']);
  const rows = sc007.results.map(({ number, name, role, ms, why, messages }) => [
    ...[`${number} ${name}`, role, `${ms} ms`],
    why === undefined ? 'right' : `${why} (${messages})`,
  ]);
  return [
    title,
    table(['transfer', 'took', 'result'], transfers),
    ...(rows.length > 0 ? [table(['scenario', 'Concordat is', 'took', 'result'], rows)] : []),
    ...sc007.faults,
    ...(run === undefined ? [] : [JSON.stringify(run)]),
  ].join('\n\n');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(exitCodes.internal));
}
// Not by itself: connections may still be open after a failure.
process.exit(await run(process.argv.slice(2)));
