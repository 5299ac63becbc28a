import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../src/service/participant/mariadb/statement.js';

describe('the statements that a call in MariaDB may not send', () => {
  it.each([
    'COMMIT',
    'commit;',
    '\r\n\t ;;Commit and chain',
    'rollback',
    'ROLLBACK WORK',
    'ROLLBACK -- TO a',
    'BEGIN',
    'BEGIN NOT ATOMIC COMMIT; END',
    'start transaction',
    "XA END 'a'",
    'XA/* */RECOVER',
    '-- a\nCOMMIT',
    '#COMMIT\nCOMMIT',
    '/* a /* b */COMMIT',
    '/**//***/-- \r; \n /* */ COMMIT',
    '/*!50000 COMMIT*/',
    '/*M!100500 COMMIT */',
    '/*! */ COMMIT',
    'CREATE TEMPORARY TABLE a (n INT)',
    'create or replace temporary table a (n int)',
  ])('have %j', (text) => expect(kindOf(text)).toBe('refused'));

  it.each([
    '',
    'xas',
    'SAVEPOINT a',
    'RELEASE SAVEPOINT a',
    '-- COMMIT',
    '/* COMMIT',
    'UPDATE a SET b = 1',
  ])('have not %j', (text) => expect(kindOf(text)).toBe('other'));

  it.each(['ROLLBACK TO a', 'rollback work to savepoint a'])('return to a savepoint: %j', (text) =>
    expect(kindOf(text)).toBe('returning'),
  );

  it.each(['SELECT 1 -- COMMIT', '(SELECT 1)', "/* a */ select 'COMMIT'"])('read: %j', (text) =>
    expect(kindOf(text)).toBe('reading'),
  );

  it.each(['SELECT 1 FOR UPDATE', 'select 1 lock in share mode', 'SELECT 1 INTO @a'])(
    'may lock: %j',
    (text) => expect(kindOf(text)).toBe('other'),
  );

  it('are found in time, however long the comments', () => {
    expect(kindOf(`${'/* */ -- a\n;'.repeat(100_000)}COMMIT`)).toBe('refused');
    expect(kindOf('/*'.repeat(1_000_000))).toBe('other');
    expect(kindOf(`/*${'*'.repeat(1_000_000)}`)).toBe('other');
  });
});
