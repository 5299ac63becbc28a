import { describe, expect, it } from 'vitest';
import { isRefused } from '../../../src/service/participant/postgres/statement.js';

describe('the statements that a call may not send', () => {
  it.each([
    'COMMIT',
    'commit;',
    'Commit and chain',
    '\r\n\t\f end',
    'ABORT WORK',
    'rollback',
    'ROLLBACK TRANSACTION',
    'ROLLBACK -- TO a',
    'BEGIN',
    'start transaction',
    "PREPARE TRANSACTION 'a'",
    "PREPARE/* */TRANSACTION 'a'",
    ';;COMMIT',
    '-- a\nCOMMIT',
    '/* a /* b */ c */COMMIT',
    '/**//**/--\r; /* */ COMMIT',
    'LISTEN a',
    'UNLISTEN *',
    "NOTIFY a, 'b'",
  ])('have %j', (text) => expect(isRefused(text)).toBe(true));

  it.each([
    '',
    ';',
    'SELECT 1 -- COMMIT',
    "SELECT 'COMMIT'",
    '-- COMMIT',
    '/* COMMIT',
    '/* a /* b */ COMMIT',
    'ends',
    'commits',
    'SAVEPOINT a',
    'RELEASE a',
    'ROLLBACK TO a',
    'rollback work to savepoint a',
    'ROLLBACK TRANSACTION\n TO a',
    'EXECUTE a',
  ])('have not %j', (text) => expect(isRefused(text)).toBe(false));

  it('are found in time, however long the comments', () => {
    expect(isRefused(`${'/* */ -- a\n;'.repeat(100_000)}COMMIT`)).toBe(true);
    expect(isRefused('/*'.repeat(1_000_000))).toBe(false);
  });
});
