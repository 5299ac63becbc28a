import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type AgreementName,
  agreementNames,
  type Binding,
  bindings,
  type EngineName,
  engineNames,
} from '../kernel/cluster.js';
import { builtInApplications, builtInModule } from '../kernel/config/built-in.js';
import { noSessionsOnEzbft } from '../kernel/config/cluster-file.js';
import type { NewCluster } from '../kernel/config/new-cluster.js';
import { resilience } from '../kernel/ids.js';
import {
  parseAddresses,
  parseApplications,
  parseModules,
  parseNames,
  parseRoundTrips,
  wholeNumberArgument,
} from './arguments.js';
import { chooseEngine, type EngineChoice, oneDataCenterMs } from './engine-choice.js';
import { usageError } from './exit.js';

/** The options of `init` and `up` for a new cluster. */
export interface ClusterOptions {
  readonly id?: string;
  readonly f?: number;
  readonly n?: number;
  readonly initiators?: number;
  readonly banks?: number;
  readonly clients?: readonly string[];
  readonly gateways?: readonly string[];
  readonly basePort?: number;
  /** Modules of participants of one's own, by name. */
  readonly services?: Readonly<Record<string, string>>;
  /** Addresses of services in any language that participants stand in front of, by name. */
  readonly sidecars?: Readonly<Record<string, string>>;
  /** Modules of applications of initiators, by name. */
  readonly applications?: Readonly<Record<string, string>>;
  /** Modules of applications by name; empty for no sessions. */
  readonly sessions?: Readonly<Record<string, string>>;
  readonly engine?: EngineName | typeof autoEngine;
  /** Milliseconds between coordinators, for `--engine auto`. */
  readonly roundTrips?: readonly number[];
  readonly binding?: Binding;
  readonly agreement?: AgreementName;
}

/** Has the engine chosen by the round trips. */
const autoEngine = 'auto' as const;
const defaultF = 1;
/** A transfer has one debtor and at most 15 creditors. */
const banksMax = 16;

function parseEngine(name: string): EngineName | typeof autoEngine {
  const known = [...engineNames, autoEngine].find((one) => one === name);
  if (known !== undefined) return known;
  const choices = `Allowed choices are ${[...engineNames, autoEngine].join(', ')}.`;
  throw new InvalidArgumentError(name === 'ezbft' ? `${choices} ${noSessionsOnEzbft}.` : choices);
}

/** `sessionsDefault` says what is meant where `--sessions` is not given. */
export function addClusterOptions(command: Command, sessionsDefault: string): Command {
  return command
    .option('--id <name>', 'name of the cluster (default: concordat)')
    .option(
      '--f <count>',
      'faulty coordinators and initiators to tolerate (default: 1)',
      wholeNumberArgument(0, 21),
    )
    .option('--n <count>', 'coordinators (default: 3f + 1)', wholeNumberArgument(1, 64))
    .option('--initiators <count>', 'initiators (default: 2f + 1)', wholeNumberArgument(1, 64))
    .option(
      '--banks <count>',
      'banks: bank-a, bank-b, ... (default: 2)',
      wholeNumberArgument(2, banksMax),
    )
    .option('--clients <names>', 'clients, with commas between (default: alice)', parseNames)
    .option(
      '--gateways <names>',
      'gateways for plain WS-AtomicTransaction software, with commas between',
      parseNames,
    )
    .option(
      '--services <modules>',
      'participants of your own, with commas between: NAME=PATH of its module',
      parseModules,
    )
    .option(
      '--sidecars <services>',
      'participants in front of HTTP services in any language, with commas between: NAME=URL',
      parseAddresses,
    )
    .option(
      '--applications <modules>',
      'procedures of your own at the initiators, with commas between: NAME=PATH of the module',
      parseModules,
    )
    .option(
      '--sessions <names>',
      'applications with sessions, with commas between: NAME where it is built in, NAME=PATH of its ' +
        `module, or "none" (default: ${sessionsDefault})`,
      parseApplications,
    )
    .addOption(
      new Option(
        '--engine <name>',
        'what orders sessions; "auto" takes what answers soonest over --round-trips, and antipaxos where none of them is over ' +
          `${oneDataCenterMs} ms (default: antipaxos)`,
      )
        .choices([...engineNames, autoEngine])
        .argParser(parseEngine),
    )
    .option(
      '--round-trips <ms>',
      'milliseconds between coordinators, for --engine auto: of 0 and 1, 0 and 2, ..., then of 1 and 2, ...',
      parseRoundTrips,
    )
    .addOption(
      new Option(
        '--binding <name>',
        'how its nodes send messages to each other: signed SOAP, or compact over mutual TLS (default: soap)',
      ).choices(bindings),
    )
    .addOption(
      new Option(
        '--agreement <name>',
        'how its coordinators agree: three-phase, or two-step where nearly all answer (default: three-phase)',
      ).choices(agreementNames),
    )
    .addOption(
      new Option('--base-port <port>', 'first port of the nodes').argParser(
        wholeNumberArgument(1, 65_535),
      ),
    );
}

/** Every built-in application. */
export function allBuiltIn(): Readonly<Record<string, string>> {
  const there = builtInApplications.filter((name) => builtInModule(name) !== undefined);
  return Object.fromEntries(there.map((name) => [name, name]));
}

function builtInText(): string {
  const names = Object.keys(allBuiltIn());
  return names.length === 0 ? '' : `Built in are ${names.join(' and ')}; `;
}

/** All but the layout. Throws a usage error for an engine without sessions. */
export function newClusterOf(options: ClusterOptions): Omit<NewCluster, 'layout'> {
  const { id = 'concordat', f = defaultF, n, initiators, banks, clients } = options;
  const { sessions: modules = {}, engine, services, sidecars, applications, gateways } = options;
  const { binding, agreement } = options;
  const hasSessions = Object.keys(modules).length > 0;
  if (engine !== undefined && !hasSessions)
    throw usageError(
      '--engine is of no use without --sessions: name applications, with commas between, as in ' +
        `--sessions ${Object.keys(allBuiltIn())[0] ?? 'NAME'}. ${builtInText()}NAME=PATH names a module of your own`,
    );
  const chosen = engineOf(options);
  return {
    clusterId: id,
    f,
    ...(n !== undefined && { n }),
    ...(initiators !== undefined && { initiators }),
    ...(banks !== undefined && { participants: bankNames(banks) }),
    ...(services !== undefined && { services }),
    ...(sidecars !== undefined && { sidecars }),
    ...(applications !== undefined && { applications }),
    ...(gateways !== undefined && { gateways }),
    ...(clients !== undefined && { clients }),
    ...(binding !== undefined && { binding }),
    ...(agreement !== undefined && { agreement }),
    ...(hasSessions && { sessions: { engine: chosen, modules } }),
  };
}

/** What `--engine auto` comes to; `undefined` where the engine is named. */
export function engineChoiceOf(options: ClusterOptions): EngineChoice | undefined {
  const { engine, roundTrips, f = defaultF, n } = options;
  if (engine !== autoEngine) {
    if (roundTrips === undefined) return undefined;
    throw usageError('--round-trips is of no use without --engine auto');
  }
  if (roundTrips === undefined) {
    throw usageError(
      '--engine auto needs --round-trips: the milliseconds that ping shows between coordinators 0 and 1, 0 and 2, ..., ' +
        'then between 1 and 2, ..., with commas between, as in --round-trips 167,185,198,138,111,229',
    );
  }
  return chooseEngine(resilience(n ?? 3 * f + 1, f), roundTrips);
}

function engineOf(options: ClusterOptions): EngineName {
  const { engine } = options;
  const choice = engineChoiceOf(options);
  if (choice) return choice.engine;
  return engine === undefined || engine === autoEngine ? 'antipaxos' : engine;
}

/** `bank-a`, `bank-b`, ... */
function bankNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bank-${(index + 10).toString(36)}`);
}
