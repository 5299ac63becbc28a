import type { Mutant } from './mutant.js';

const crash = ['test/service/participant/postgres-crash.test.ts'];
const start = ['test/service/participant/postgres-start.test.ts'];
const votes = ['test/service/participant/postgres.test.ts'];
const work = ['test/service/participant/postgres-work.test.ts'];
const folder = 'src/service/participant/postgres';

/** Rules of two-phase commit in PostgreSQL. They need a server: without one all survive. */
export const postgresMutants: readonly Mutant[] = [
  {
    name: 'postgres-marker-unread',
    rule: 'what is no longer prepared was committed where its marker is there',
    file: `${folder}/prepared.ts`,
    find: 'if (await this.#hasMarker(connection, gid)) return;',
    replace: '',
    tests: crash,
  },
  {
    name: 'postgres-lost-counts-as-committed',
    rule: 'what is neither prepared nor committed is lost',
    file: `${folder}/prepared.ts`,
    find: "throw this.#error('lost', gid, lostText(gid, this.table));",
    replace: '',
    tests: start,
  },
  {
    name: 'postgres-committed-counts-as-rolled-back',
    rule: 'what is committed is not rolled back',
    file: `${folder}/prepared.ts`,
    find: "throw this.#error('committed', gid, committedText(gid, this.table));",
    replace: '',
    tests: start,
  },
  {
    name: 'postgres-late-prepare',
    rule: 'an unknown vote is rolled back once nothing can prepare it any more',
    file: `${folder}/prepared.ts`,
    find: '    await this.end(backend, gid);\n',
    replace: '',
    tests: crash,
  },
  {
    name: 'postgres-unknown-counts-as-aborted',
    rule: 'a connection that breaks while it prepares leaves the vote unknown',
    file: `${folder}/postgres.ts`,
    find: "this.#held.set(key, { kind: 'unknown', backend: vote.backend });",
    replace: 'this.#held.delete(key);',
    tests: crash,
  },
  {
    name: 'postgres-orphans-stay',
    rule: 'what is prepared and not on record is rolled back at the start',
    file: `${folder}/server.ts`,
    find: '    try {\n      await connection.execute([`ROLLBACK',
    replace: '    try {\n      await connection.execute([`SELECT 1 -- ROLLBACK',
    tests: start,
  },
  {
    name: 'postgres-recorded-rolled-back',
    rule: 'what is on record stays prepared',
    file: `${folder}/server.ts`,
    find: 'starts_with(gid, $1) AND gid <> ALL($2::text[])`,\n    [prefixOf(settings.participant), kept],\n  );\n  for',
    replace:
      'starts_with(gid, $1) AND $2::text[] IS NOT NULL`,\n    [prefixOf(settings.participant), kept],\n  );\n  for',
    tests: start,
  },
  {
    name: 'postgres-recorded-markers-removed',
    rule: 'the marker of a commit that is not on record as ended stays',
    file: `${folder}/server.ts`,
    find: 'WHERE pg_catalog.starts_with(gid, $1) AND gid <> ALL($2::text[])`,',
    replace: 'WHERE pg_catalog.starts_with(gid, $1) AND $2::text[] IS NOT NULL`,',
    tests: start,
  },
  {
    name: 'postgres-starts-beside-another',
    rule: 'no participant starts while connections of an earlier run may still prepare',
    file: `${folder}/server.ts`,
    find: '  await awaitAlone(connection, settings);\n',
    replace: '',
    tests: [...start, ...crash],
  },
  {
    name: 'postgres-commit-by-the-call',
    rule: 'no statement of a call ends its transaction',
    file: `${folder}/work.ts`,
    find: 'if (isRefused(text)) {',
    replace: 'if (false) {',
    tests: votes,
  },
  {
    name: 'postgres-several-statements',
    rule: 'a text is one statement, so that its first word says what it is',
    file: `${folder}/connections.ts`,
    find: "const extended = { queryMode: 'extended' };",
    replace: 'const extended = {};',
    tests: votes,
  },
  {
    name: 'postgres-another-transaction-votes',
    rule: 'a call votes for the transaction that it began in',
    file: `${folder}/work.ts`,
    find: "if (gid === this.#gid) return written === 'true';",
    replace: "return written === 'true';",
    tests: work,
  },
  {
    name: 'postgres-marker-outside',
    rule: 'a marker is part of the transaction that it speaks of',
    file: `${folder}/work.ts`,
    find: 'const current = "pg_catalog.current_setting(\'concordat.gid\', true)";',
    replace: 'const current = "\'" + this.#gid + "\'";',
    tests: work,
  },
  {
    name: 'postgres-session-left',
    rule: 'nothing of one call is left in the session of the next',
    file: `${folder}/connections.ts`,
    find: "['DISCARD ALL']",
    replace: "['SELECT 1']",
    tests: votes,
  },
  {
    name: 'postgres-pooler',
    rule: 'the process behind a connection is known',
    file: `${folder}/connections.ts`,
    find: 'started != null && pid ===',
    replace: 'started != null || pid ===',
    tests: crash,
  },
  {
    name: 'postgres-outcomes-wait-for-calls',
    rule: 'an outcome never waits for a connection of a call',
    file: `${folder}/connections.ts`,
    find: 'await this.#take(this.#outcomes);',
    replace: 'await this.#take(this.#works);',
    tests: votes,
  },
  {
    name: 'postgres-busy-is-final',
    rule: 'while another process of the server has a prepared transaction, it is asked for again',
    file: 'src/service/participant/postgres/prepared.ts',
    find: 'if (state !== inUse || looks >= looksMax) throw error;',
    replace: 'if (looks >= 0) throw error;',
    tests: ['test/service/participant/postgres-prepared.test.ts'],
  },
];
