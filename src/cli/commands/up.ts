import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadNode } from '../../kernel/config/node-file.js';
import { httpGet } from '../../kernel/http/http-get.js';
import { unreachable } from '../../kernel/ids.js';
import {
  addClusterOptions,
  allBuiltIn,
  type ClusterOptions,
  newClusterOf,
} from '../cluster-options.js';
import { CliError, usageError } from '../exit.js';
import { endText } from '../local/child-node.js';
import { type ClusterEvent, LocalCluster } from '../local-cluster.js';
import { printJson, table } from '../output.js';
import { curlLine, type SampleTransfer } from '../sample-transfer.js';
import { type AddCommand, defaultDirectory } from './command.js';

interface Options extends ClusterOptions {
  /** `--no-restart` */
  readonly restart: boolean;
  readonly json?: boolean;
}

export const addUp: AddCommand = (program) => {
  const command = program
    .command('up')
    .description('run a whole cluster on this machine until Ctrl-C, one process a node')
    .argument('[directory]', 'its files; made where there are none', defaultDirectory);
  addClusterOptions(command, 'all that are built in')
    .option('--no-restart', 'leave nodes that die dead')
    .option('--json', 'print the nodes as JSON once all are up')
    .addHelpText(
      'after',
      `
The options from --id to --base-port are for a cluster that is made; where it does not start, nothing
but the logs is left of it, as where it is interrupted. Each node logs to logs/NAME.log in the directory. CONCORDAT_LOG_LEVEL sets how
much.

Examples:
  concordat up
  concordat up /tmp/wide --f 2 --banks 3`,
    )
    .action(async (directory: string, options: Options) => {
      const create = creation(directory, options);
      const { json = false, restart } = options;
      console.error(
        `${create ? `Making a cluster in ${directory}` : `Starting the cluster in ${directory}`} ...`,
      );
      const ending = endingSignal();
      const cluster = await LocalCluster.start({
        directory,
        ...create,
        supervise: restart,
        onEvent: (event) => console.error(eventText(event)),
        signal: ending,
      }).catch((error: unknown) => {
        if (!ending.aborted) throw error;
      });
      if (cluster === undefined) {
        console.error('All nodes stopped.');
        return;
      }
      if (json) printJson(await describe(cluster));
      else console.log(await greeting(cluster));
      if (!ending.aborted) await once(ending, 'abort');
      const bad = await cluster.stop();
      if (bad.length > 0) {
        const what = bad.map(({ name, end }) => `${name} ${endText(end)}`).join(', ');
        throw new CliError('failed', `not all nodes stopped in peace: ${what}`);
      }
      console.error('All nodes stopped.');
    });
};

/** What to make the cluster with, where there is none yet. */
function creation(directory: string, { restart: _, json: __, ...options }: Options) {
  if (!existsSync(join(directory, 'cluster.json'))) {
    const { basePort } = options;
    const create = newClusterOf({ sessions: allBuiltIn(), ...options });
    return { create, ...(basePort !== undefined && { basePort }) };
  }
  if (Object.keys(options).length > 0) {
    throw usageError(
      `${directory} holds a cluster already; leave out the options for a new one, ` +
        'or name another directory',
    );
  }
  return undefined;
}

/**
 * Aborted by the first SIGINT or SIGTERM, also while the cluster starts. A second one meets no handler and ends the
 * program at once; the nodes follow by themselves.
 */
function endingSignal(): AbortSignal {
  const ending = new AbortController();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const onSignal = (name: NodeJS.Signals) => {
    for (const signal of signals) process.off(signal, onSignal);
    console.error('Stopping ...');
    ending.abort(new Error(name));
  };
  for (const signal of signals) process.on(signal, onSignal);
  return ending.signal;
}

async function describe(cluster: LocalCluster) {
  const { directory, nodes, transferUrl } = cluster;
  const pages = await pagesOf(cluster);
  return {
    directory,
    nodes: nodes.map(({ name, role, pid, url, peer, logFile }) => {
      return { name, role, pid, url, ...(peer !== undefined && { peer }), logFile };
    }),
    wsdl: `${transferUrl}?wsdl`,
    curl: curlLine(transferUrl, await sampleOf(cluster)),
    ...(pages.length > 0 && { pages }),
  };
}

/** Pages of applications that have sessions, at the first coordinator; any other serves them, too. */
async function pagesOf({ cluster: { coordinators, sessions } }: LocalCluster): Promise<string[]> {
  const [first] = coordinators;
  const urls = sessions?.applications.map((name) => `${first?.url}/${name}/`) ?? [];
  const answers = await Promise.all(
    urls.map((url) => httpGet(url, { timeoutMs: 5000, maxBytes: 1024 * 1024 })),
  );
  return urls.filter((_, index) => answers[index]?.status === 200);
}

async function greeting(cluster: LocalCluster): Promise<string> {
  const { nodes, wsdl, curl, pages } = await describe(cluster);
  const owner = cluster.nodeFile('alice');
  const pagesText = pages ? `\nPages, for the holder of ${owner}:\n  ${pages.join('\n  ')}\n` : '';
  const isCompact = cluster.cluster.binding === 'compact';
  const bindingText = isCompact
    ? '\nIts nodes send messages to each other on links: compact, over mutual TLS, at the same addresses.\n'
    : '';
  const rows = nodes.map(({ name, role, pid, url, peer = '' }) => {
    return [name, role, String(pid ?? '-'), url, peer];
  });
  return `
${table(['NODE', 'ROLE', 'PID', 'URL', 'PEERS (TLS)'], rows)}
${bindingText}
The front door's WSDL, for any SOAP client:
  ${wsdl}

A transfer of one euro, from another shell:
  ${curl}
${pagesText}
Logs: ${join(cluster.directory, 'logs')}. Ctrl-C stops everything.
`;
}

/** One euro from the first account of the first bank to that of the second. */
async function sampleOf(cluster: LocalCluster): Promise<SampleTransfer> {
  const accounts = await Promise.all(
    cluster.cluster.participants.map(async ({ name }) => {
      const node = await loadNode(cluster.nodeFile(name));
      const account = node.role === 'participant' ? node.accounts[0] : undefined;
      return { bank: name, account: account?.account ?? 'ACCOUNT', currency: account?.currency };
    }),
  );
  const [debtor, creditor] = accounts;
  if (debtor === undefined || creditor === undefined) {
    throw usageError(
      `${cluster.directory}: a transfer takes two banks; make a cluster that has them`,
    );
  }
  return { debtor, creditor, amountMinor: 100, currency: debtor.currency ?? 'EUR' };
}

function eventText(event: ClusterEvent): string {
  switch (event.kind) {
    case 'died': {
      const { name, end, logFile, restartInMs } = event;
      const next =
        restartInMs === undefined ? 'it stays down' : `starting it again in ${restartInMs} ms`;
      return `${name} ${endText(end)} (see ${logFile}); ${next}`;
    }
    case 'restarted':
      return `${event.name} is up again`;
    case 'restart-failed':
      return `${event.message}; trying again in ${event.restartInMs} ms`;
    default:
      return unreachable(event);
  }
}
