export { TestCluster, type TestClusterOptions } from './test-cluster.js';
