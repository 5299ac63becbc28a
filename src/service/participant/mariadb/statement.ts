/**
 * Statements that begin or end a transaction, and temporary tables, which no other connection could finish. `ROLLBACK TO`
 * a savepoint is fine. What else would commit implicitly (`CREATE TABLE`, `LOCK TABLES`) the server refuses itself.
 */
const refused =
  /^(?:XA|BEGIN|START|COMMIT|ROLLBACK(?!\s+(?:WORK\s+)?TO\b)|CREATE\s+(?:OR\s+REPLACE\s+)?TEMPORARY)\b/i;
const returning = /^ROLLBACK\b/i;
const reading = /^SELECT\b/i;
/** `FOR UPDATE`, `LOCK IN SHARE MODE`, `INTO OUTFILE`, wherever they stand. */
const locking = /\b(?:FOR|LOCK|INTO)\b/i;
/** Where its words are looked for: the longest of them, with some space. */
const wordsLength = 100;

/**
 * What a statement is to a call's transaction. `reading` takes no lock by its own words. The text is one statement, as
 * the connection takes no more.
 */
export type StatementKind = 'refused' | 'returning' | 'reading' | 'other';

export function kindOf(text: string): StatementKind {
  const start = startOf(text);
  const words = text.slice(start, start + wordsLength);
  // The server runs what is in a comment of this form.
  if (/^\/\*M?!/.test(words) || refused.test(words)) return 'refused';
  if (returning.test(words)) return 'returning';
  return reading.test(words) && !locking.test(text) ? 'reading' : 'other';
}

/** The first character that is no space, comment or parenthesis. */
function startOf(text: string): number {
  const skipped = /(?:[\s;(]+|--(?=\s|$)[^\n]*|#[^\n]*|\/\*(?!M?!)[^*]*\*+(?:[^/*][^*]*\*+)*\/)*/y;
  skipped.test(text);
  return skipped.lastIndex;
}
