/**
 * Clusters on this machine, and what runs a node: for tests, and for programs that put a node of their own making into
 * a cluster.
 *
 * @packageDocumentation
 */

export { CliError, type CliErrorCode, type ExitCode } from '../cli/exit.js';
export {
  type ClusterEvent,
  LocalCluster,
  type LocalClusterOptions,
  type LocalNode,
} from '../cli/local-cluster.js';
export {
  type RoleOptions,
  type Roles,
  runNode,
  standardRoles,
} from '../cli/node-process.js';
export { ConfigError } from '../kernel/config/config-error.js';
export type { NewCluster, NewSessions } from '../kernel/config/new-cluster.js';
export { ConcordatError } from '../kernel/error.js';
export type { RunningNode } from '../kernel/running-node.js';
export { type StartService, TestCluster, type TestClusterOptions } from './test-cluster.js';
