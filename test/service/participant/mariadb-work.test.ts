import { describe, expect, it } from 'vitest';
import { settingsOf } from '../../../src/service/participant/mariadb/options.js';
import type { Session } from '../../../src/service/participant/mariadb/session.js';
import { OpenWork } from '../../../src/service/participant/mariadb/work.js';
import { turn } from './runner-rig.js';

const settings = settingsOf({ name: 'warehouse', connection: { database: 'stock' } });
const xid = `${'0'.repeat(36)}:warehouse:e`;

/** One connection: answers come in the order of the statements. Those that contain `slow` wait until they fail. */
class FakeSession {
  readonly thread = { id: 1, lockName: 'lock' };
  readonly isRunning = true;
  readonly isBroken = false;
  readonly sent: string[] = [];
  #last: Promise<unknown> = Promise.resolve();
  fail: (error: Error) => void = () => {};

  get asSession(): Session {
    return this as unknown as Session;
  }

  run(text: string): Promise<unknown> {
    const answer = this.#last.then(() => {
      this.sent.push(text);
      if (!text.includes('slow')) return { rows: [], count: 1, warnings: 0 };
      return new Promise((_, reject) => {
        this.fail = reject;
      });
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async rows(text: string): Promise<readonly object[]> {
    await this.run(text);
    return text.includes('IS_USED_LOCK')
      ? [{ held: 1 }]
      : ['Com_select', 'Handler_write', 'Handler_update', 'Handler_delete'].map((name) => ({
          Variable_name: name,
          Value: this.sent.filter((one) => name === 'Com_select' && one.startsWith('SELECT '))
            .length,
        }));
  }

  async end(): Promise<void> {}

  destroy(): void {}
}

describe('the vote on work of which a statement is under way', () => {
  it.each([
    ['a change', 'INSERT INTO ledger VALUES (1)', 'UPDATE slow SET pieces = 1'],
    ['a read', 'SELECT 1', 'SELECT pieces FROM slow'],
  ])('is to abort if it fails: %s', async (_, before, floating) => {
    const session = new FakeSession();
    const work = new OpenWork(settings, xid, session.asSession, () => {});
    await work.begin();
    await work.query(before);
    const ended = work.query(floating).catch((error: Error) => error.message);
    const vote = work.vote('concordat_done');
    while (!session.sent.includes(floating)) await turn();
    session.fail(new Error('Lock wait timeout exceeded'));
    expect(await ended).toBe('Lock wait timeout exceeded');
    expect(await vote).toMatchObject({ vote: 'aborted', reason: { message: await ended } });
    expect(session.sent.filter((text) => text.startsWith('XA PREPARE'))).toEqual([]);
    expect(session.sent.at(-1)).toMatch('XA ROLLBACK');
  });
});
