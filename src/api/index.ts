export { ConfigError } from '../kernel/config/config-error.js';
export { ConcordatError } from '../kernel/error.js';
export { TestCluster, type TestClusterOptions } from './test-cluster.js';
