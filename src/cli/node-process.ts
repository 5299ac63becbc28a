import { createWriteStream } from 'node:fs';
import { startBank } from '../banking/bank/bank-node.js';
import { startFront } from '../banking/front/front-node.js';
import { startInitiator } from '../banking/initiator/initiator-node.js';
import { startGateway } from '../gateway/node/gateway-node.js';
import type { Cluster } from '../kernel/cluster.js';
import { loadCluster } from '../kernel/config/cluster-file.js';
import {
  type CoordinatorNode,
  type FrontNode,
  type GatewayNode,
  type InitiatorNode,
  loadNode,
  type ParticipantNode,
} from '../kernel/config/node-file.js';
import { type Logger, openLog } from '../kernel/http/logger.js';
import type { RunningNode } from '../kernel/running-node.js';
import { StoreDamagedError } from '../kernel/store/mark.js';
import { startSidecar } from '../service/participant/http/sidecar.js';
import { startService } from '../service/participant/service-module.js';
import { CliError, type ExitCode, exitCodes, usageError } from './exit.js';
import { startCoordinator } from './nodes/coordinator-node.js';

/** What a node of a role is started with. */
export interface RoleOptions<Node> {
  /** The cluster, as `loadCluster` reads it. */
  readonly cluster: Cluster;
  /** Its private file, as `loadNode` reads it. */
  readonly node: Node;
  /** A logger of pino. */
  readonly log: Logger;
  /** The node cannot go on. */
  readonly onFatal: (error: Error) => void;
  /** Sees every envelope as it is sent. */
  readonly onSent?: (text: string) => void;
}

/** What starts a node of each role. */
export interface Roles {
  coordinator(options: RoleOptions<CoordinatorNode>): Promise<RunningNode>;
  initiator(options: RoleOptions<InitiatorNode>): Promise<RunningNode>;
  participant(options: RoleOptions<ParticipantNode>): Promise<RunningNode>;
  front(options: RoleOptions<FrontNode>): Promise<RunningNode>;
  gateway(options: RoleOptions<GatewayNode>): Promise<RunningNode>;
}

/**
 * The nodes of the protocol. A program that runs a node of its own making puts it in the place of one of them.
 *
 * @example
 * ```ts
 * import { runNode, standardRoles } from 'concordat';
 * import { AccountBook, BankCore, startBank } from 'concordat/participant';
 *
 * const [file = ''] = process.argv.slice(2);
 * process.exitCode = await runNode(file, {
 *   ...standardRoles,
 *   participant: (options) =>
 *     startBank({
 *       ...options,
 *       createCore: (core, accounts) => new BankCore(core, accounts, new AccountBook()),
 *     }),
 * });
 * ```
 */
export const standardRoles: Roles = {
  coordinator: startCoordinator,
  initiator: startInitiator,
  participant: (options) => {
    const { service, sidecar } = options.node;
    if (service !== undefined) return startService(service, options);
    return sidecar === undefined ? startBank(options) : startSidecar(sidecar, options);
  },
  front: startFront,
  gateway: startGateway,
};

/**
 * Runs the node of this file in this process until SIGTERM or SIGINT, or, where a parent process
 * holds a channel to it, until the parent is gone. Gives the status to exit with. Rejects where the
 * node cannot start. A program that runs a node of its own making passes its `roles`.
 *
 * Environment: `CONCORDAT_LOG_LEVEL`, `info` unless set; `CONCORDAT_TRACE`, a file that gets every
 * envelope sent, one JSON string a line.
 *
 * @example
 * ```ts
 * import { runNode } from 'concordat';
 *
 * const [file = ''] = process.argv.slice(2);
 * process.exitCode = await runNode(file);
 * ```
 */
export async function runNode(nodeFile: string, roles: Roles = standardRoles): Promise<ExitCode> {
  const node = await loadNode(nodeFile);
  const cluster = await loadCluster(node.clusterFile);
  const ending = new Ending();
  const mayRunWithout = !('logFailure' in node) || node.logFailure !== 'stop';
  let lost: NodeJS.Timeout | undefined;
  const { log, output } = openLog({ name: node.name, level: logLevel() }, (code) => {
    clearTimeout(lost);
    if (code === undefined || mayRunWithout) return;
    lost = setTimeout(() => ending.resolve(logLost), logPatienceMs);
  });
  process.once('exit', () => output.endNow());
  const onFatal = (error: Error) => {
    log.fatal({ err: error }, 'fatal');
    ending.resolve(error instanceof StoreDamagedError ? 'damaged' : 'fatal');
  };
  const shared = { cluster, log, onFatal, ...tracing() };

  const start = (): Promise<RunningNode> => {
    switch (node.role) {
      case 'coordinator':
        return roles.coordinator({ ...shared, node });
      case 'initiator':
        return roles.initiator({ ...shared, node });
      case 'participant':
        return roles.participant({ ...shared, node });
      case 'front':
        return roles.front({ ...shared, node });
      case 'gateway':
        return roles.gateway({ ...shared, node });
      case 'client':
        throw usageError(`${nodeFile} is a client's; give it to "transfer" or "balance" instead`);
    }
  };
  const running = await start().catch((error: unknown) => {
    throw isTaken(error) ? taken(nodeFile, error) : error;
  });
  const threads = 'threads' in node ? node.threads : undefined;
  log.info({ role: node.role, url: running.url, ...(threads && { threads }) }, 'started');
  const why = await ending.promise;
  log.info({ why }, 'stopping');
  await running.stop();
  clearTimeout(lost);
  log.info('stopped');
  await output.end(logEndMs);
  // The channel to a parent would keep this process alive.
  if (process.connected) process.disconnect();
  if (why === logLost) return exitCodes.logLost;
  if (why === 'damaged') return exitCodes.damaged;
  return why === 'fatal' ? exitCodes.internal : exitCodes.ok;
}

const logLost = 'log lost';
/** A log that may not be lost may be away for so long, as while its disk is made room on. */
const logPatienceMs = 5000;
/** For the last lines. */
const logEndMs = 1000;

/** The first thing that calls for the end of this process. */
class Ending {
  readonly promise: Promise<string>;
  resolve: (why: string) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve) => {
      this.resolve = resolve;
    });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => this.resolve(signal));
    }
    process.once('disconnect', () => this.resolve('parent gone'));
    // It went while this process was loading: nobody listened yet. Without a parent it is undefined.
    if (process.connected === false) this.resolve('parent gone');
  }
}

interface TakenError extends Error {
  readonly port: number;
}

function isTaken(error: unknown): error is TakenError {
  return (
    error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && 'port' in error
  );
}

function taken(nodeFile: string, error: TakenError): CliError {
  const message = `port ${error.port} is in use; stop who uses it, or choose another in ${nodeFile}`;
  return new CliError('failed', message, { cause: error });
}

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

function logLevel(): (typeof levels)[number] {
  const { CONCORDAT_LOG_LEVEL: text = 'info' } = process.env;
  const level = levels.find((each) => each === text);
  if (level === undefined) {
    throw usageError(`CONCORDAT_LOG_LEVEL is "${text}"; set one of ${levels.join(', ')}`);
  }
  return level;
}

function tracing(): { onSent?: (text: string) => void } {
  const { CONCORDAT_TRACE: file } = process.env;
  if (file === undefined) return {};
  const stream = createWriteStream(file, { flags: 'a' });
  return { onSent: (text) => stream.write(`${JSON.stringify(text)}\n`) };
}
