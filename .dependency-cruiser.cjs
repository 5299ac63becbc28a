/**
 * Folders of `src` are capabilities, and imports point one way: each may import those before it. Inside a
 * capability the protocol is pure, and its edges (`node`, `http`, `client`, `soap`) import it, never the
 * other way round. Each rule forbids what would point back.
 */
const capabilities = [
  'kernel',
  'soap',
  'agreement',
  'ordering',
  'transaction',
  'session',
  'service',
  'gateway',
  'banking',
  'cli',
  'api',
];

const oneWay = capabilities.slice(0, -1).map((capability, index) => ({
  name: `${capability}-imports-no-later-capability`,
  severity: 'error',
  from: { path: `^src/${capability}/` },
  to: { path: `^src/(${capabilities.slice(index + 1).join('|')})/` },
}));

/**
 * State machines, and what is signed and sent between them; `test/architecture.test.ts` has the same list.
 * What checks owners and certificates is deterministic as well, but takes crypto or a cache from packages.
 */
const pure = [
  '^src/agreement/',
  '^src/ordering/',
  '^src/transaction/coordinator/core/',
  '^src/transaction/participant/',
  '^src/transaction/initiator/',
  '^src/transaction/[^/]+$',
  '^src/session/core/',
  '^src/gateway/core/',
  '^src/session/[^/]+$',
  '^src/kernel/codec/',
  '^src/kernel/(ids|core|sequencer|cluster|error|signed)[.]ts$',
];
const checks = '/(check-certificates|check-instances|check-reports|owners)[.]ts$';
const edges = [
  '^src/kernel/(driver|store|links|http|config|enrollment|workers)/',
  '^src/transaction/(soap|checks|coordinator/node)/',
  '^src/session/(http|node|client)/',
  '^src/gateway/node/',
  '^src/(soap|service|banking|cli|api)/',
];

module.exports = {
  forbidden: [
    ...oneWay,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'cores-do-no-io',
      comment: 'A core is a state machine: no socket, clock, randomness or storage.',
      severity: 'error',
      from: { path: pure, pathNot: checks },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: '^node_modules/@noble/hashes' },
    },
    {
      name: 'cores-import-no-edge',
      severity: 'error',
      from: { path: pure },
      to: { path: edges },
    },
    {
      name: 'source-imports-no-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples)/' },
    },
    {
      name: 'examples-import-the-public-api-only',
      comment:
        'As users do, by the name of the package. A coordinator that lies needs what no user does: messages and ' +
        'their signing.',
      severity: 'error',
      from: { path: '^examples/', pathNot: '^examples/demo/byzantine-coordinator[.]ts$' },
      to: { path: '^(src|test|bench|dist/(?!src/api/))' },
    },
    {
      name: 'source-imports-no-dev-dependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer'], pathNot: '@types/' },
    },
    {
      name: 'optional-packages-have-one-user',
      comment: 'A participant without PostgreSQL does not need pg, and so on: one folder for each.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/service/participant/(postgres|mariadb|nats)/' },
      to: { dependencyTypes: ['npm-peer'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'Pages import verify.js as it is served to them.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^[.]/verify[.]js$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
};
