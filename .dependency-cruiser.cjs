/**
 * Imports point one way: vocabulary, then wire and crypto, then cores, then edges, then roles,
 * then the command line. Each rule below forbids one arrow that would point back.
 */
const layers = ['vocabulary', 'wire', 'crypto', 'core', 'edge', 'role', 'cli'];

const oneWay = layers.slice(0, -1).map((layer, index) => ({
  name: `${layer}-imports-no-later-layer`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${layers.slice(index + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...oneWay,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'cores-do-no-io',
      comment: 'A core is a state machine: no socket, clock, randomness or storage.',
      severity: 'error',
      from: { path: '^src/(vocabulary|wire|core)/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: '^node_modules/@noble/hashes' },
    },
    {
      name: 'source-imports-no-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples|sim|chaos|fuzz|mutants)/' },
    },
    {
      name: 'source-imports-no-dev-dependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '@types/' },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
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
