import type { Mutant } from './mutant.js';

const crash = ['test/service/participant/mariadb-crash.test.ts'];
const start = ['test/service/participant/mariadb-start.test.ts'];
const votes = ['test/service/participant/mariadb.test.ts'];
const folder = 'src/service/participant/mariadb';

/** Rules of two-phase commit in MariaDB. They need a server: without one all survive. */
export const mariadbMutants: readonly Mutant[] = [
  {
    name: 'mariadb-marker-unread',
    rule: 'what is no longer prepared was committed where its marker is there',
    file: `${folder}/prepared.ts`,
    find: 'if (await this.#hasMarker(session, xid)) return;',
    replace: '',
    tests: crash,
  },
  {
    name: 'mariadb-lost-counts-as-committed',
    rule: 'what is neither prepared nor committed is lost',
    file: `${folder}/prepared.ts`,
    find: "throw this.#error('lost', xid, lostText(xid, this.table));",
    replace: '',
    tests: start,
  },
  {
    name: 'mariadb-committed-counts-as-rolled-back',
    rule: 'what is committed is not rolled back',
    file: `${folder}/prepared.ts`,
    find: "throw this.#error('committed', xid, committedText(xid, this.table));",
    replace: '',
    tests: start,
  },
  {
    name: 'mariadb-unknown-counts-as-gone',
    rule: 'what the server does not know may belong to a connection that is still there',
    file: `${folder}/prepared.ts`,
    find: "return (await preparedXids(session)).includes(xid) ? 'attached' : 'none';",
    replace: "return 'none';",
    tests: crash,
  },
  {
    name: 'mariadb-thread-lives-on',
    rule: 'a thread that holds what is to end is ended',
    file: `${folder}/prepared.ts`,
    find: '    if (thread !== undefined) await this.#ended(session, thread, xid);\n',
    replace: '',
    tests: crash,
  },
  {
    name: 'mariadb-unknown-counts-as-aborted',
    rule: 'a vote that fails while the server prepares is unknown',
    file: `${folder}/mariadb.ts`,
    find: "this.#held.set(key, { kind: 'unknown', thread: vote.thread });",
    replace: 'this.#held.delete(key);',
    tests: crash,
  },
  {
    name: 'mariadb-others-rolled-back',
    rule: 'what others have prepared stays',
    file: `${folder}/server.ts`,
    find: 'if (!isOf(settings.owner, xid) || kept.includes(xid)) continue;',
    replace: 'if (kept.includes(xid)) continue;',
    tests: start,
  },
  {
    name: 'mariadb-recorded-rolled-back',
    rule: 'what is on record stays prepared',
    file: `${folder}/server.ts`,
    find: 'if (!isOf(settings.owner, xid) || kept.includes(xid)) continue;',
    replace: 'if (!isOf(settings.owner, xid)) continue;',
    tests: start,
  },
  {
    name: 'mariadb-orphans-stay',
    rule: 'what is prepared and not on record is rolled back at the start',
    file: `${folder}/server.ts`,
    find: '  await giveUpOthers(session, settings, kept);\n',
    replace: '',
    tests: start,
  },
  {
    name: 'mariadb-starts-beside-another',
    rule: 'no participant starts while connections of an earlier run may still prepare',
    file: `${folder}/server.ts`,
    find: '  await awaitAlone(session, settings, lockNames);\n',
    replace: '',
    tests: start,
  },
  {
    name: 'mariadb-reads-by-words',
    rule: 'a call that locked or wrote rows in a function is prepared',
    file: `${folder}/reads.ts`,
    find: 'return now.every((value, index) => value === expected[index]);',
    replace: 'return now.length === expected.length;',
    tests: votes,
  },
  {
    name: 'mariadb-half-of-the-work',
    rule: 'a call with a statement that failed votes to abort',
    file: `${folder}/work.ts`,
    find: 'const fault = this.#doom ?? this.#failure;',
    replace: 'const fault = this.#doom;',
    tests: votes,
  },
  {
    name: 'mariadb-changes-that-stay',
    rule: 'a call that changed what cannot be rolled back does not vote for it',
    file: `${folder}/work.ts`,
    find: '    if (warnings === 0) return;',
    replace: '    if (warnings >= 0) return;',
    tests: votes,
  },
];
