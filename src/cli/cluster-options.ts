import { type Command, Option } from 'commander';
import type { NewCluster } from '../edge/config/new-cluster.js';
import { parseNames, wholeNumber } from './arguments.js';

/** What `init` and `up` can be told about a new cluster. */
export interface ClusterOptions {
  readonly id?: string;
  readonly f?: number;
  readonly n?: number;
  readonly initiators?: number;
  readonly banks?: number;
  readonly clients?: readonly string[];
  readonly basePort?: number;
}

export const defaultF = 1;
/** A transfer has one debtor and at most 15 creditors. */
const banksMax = 16;

export function addClusterOptions(command: Command): Command {
  return command
    .option('--id <name>', 'name of the cluster (default: concordat)')
    .option(
      '--f <count>',
      'faulty coordinators and initiators to tolerate (default: 1)',
      wholeNumber(0, 21),
    )
    .option('--n <count>', 'coordinators (default: 3f + 1)', wholeNumber(1, 64))
    .option('--initiators <count>', 'initiators (default: 2f + 1)', wholeNumber(1, 64))
    .option('--banks <count>', 'banks: bank-a, bank-b, ... (default: 2)', wholeNumber(2, banksMax))
    .option('--clients <names>', 'clients, with commas between (default: alice)', parseNames)
    .addOption(
      new Option('--base-port <port>', 'first port of the nodes').argParser(wholeNumber(1, 65_535)),
    );
}

/** All but the layout. */
export function newClusterOf(options: ClusterOptions): Omit<NewCluster, 'layout'> {
  const { id = 'concordat', f = defaultF, n, initiators, banks, clients } = options;
  return {
    clusterId: id,
    f,
    ...(n !== undefined && { n }),
    ...(initiators !== undefined && { initiators }),
    ...(banks !== undefined && { participants: bankNames(banks) }),
    ...(clients !== undefined && { clients }),
  };
}

/** `bank-a`, `bank-b`, ... */
export function bankNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bank-${(index + 10).toString(36)}`);
}
