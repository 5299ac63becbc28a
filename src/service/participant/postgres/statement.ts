/**
 * Statements that begin or end a transaction, and those after which PostgreSQL prepares none. `ROLLBACK TO` a savepoint
 * is fine.
 */
const refused =
  /^(?:BEGIN|START|COMMIT|END|ABORT|ROLLBACK(?!\s+(?:WORK\s+|TRANSACTION\s+)?TO\b)|PREPARE|LISTEN|UNLISTEN|NOTIFY)\b/i;
/** Where its words are looked for: the longest of them, with some space. */
const wordsLength = 100;

/**
 * Whether a call must not send this. The text is one statement, as in the extended protocol: so its first words say
 * what it is. Statements inside of functions and `DO` cannot end the transaction of a client: the server refuses them.
 */
export function isRefused(text: string): boolean {
  const start = startOf(text);
  return refused.test(text.slice(start, start + wordsLength));
}

/** The first character that is no space, comment or empty statement. */
function startOf(text: string): number {
  const spaces = /(?:[\s;]+|--[^\r\n]*)*/y;
  let at = 0;
  for (;;) {
    spaces.lastIndex = at;
    spaces.test(text);
    at = spaces.lastIndex;
    if (!text.startsWith('/*', at)) return at;
    at = afterBlockComment(text, at);
  }
}

/** Block comments nest. */
function afterBlockComment(text: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}
