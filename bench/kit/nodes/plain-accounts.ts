import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { PlainParty, type Received } from '../../../test/gateway/support/plain-party.js';
import { AccountBook, type Change } from './account-book.js';
import { type JsonAnswer, serveJson } from './json-server.js';

/**
 * A participant of plain WS-AtomicTransaction software, a process of its own: `node plain-accounts.js FOLDER PORT CLIENTS
 * PARTY_PORT`. Its client calls it at `/post` with the context's registration service, and it registers there for Durable2PC;
 * at the second port it receives what the coordinator sends.
 */

const [folder = '', port, clients, partyPort] = process.argv.slice(2);
const book = await AccountBook.open(folder, Number(clients));
const party = await PlainParty.start('1.1', Number(partyPort));

const postSchema = z.strictObject({
  registration: z.strictObject({ address: z.string(), instance: z.string() }),
  change: z.strictObject({ account: z.string(), amountMinor: z.int() }),
});

async function answer(path: string, body: unknown): Promise<JsonAnswer> {
  if (path === '/post') {
    const { registration, change } = postSchema.parse(body);
    const key = randomUUID();
    party.participants.set(key, (message) => take(key, change, message));
    await party.register({ registration }, 'Durable2PC', party.endpoint(key));
    return { status: 200, content: {} };
  }
  const balance = book.balance(path.replace('/accounts/', ''));
  return balance === undefined
    ? { status: 404, content: {} }
    : { status: 200, content: { balance } };
}

async function take(key: string, change: Change, { name, from }: Received): Promise<void> {
  // What was received is of no use here, and there would be ever more of it.
  party.received.splice(0);
  if (from === undefined) return;
  const said = await done(name, key, change);
  if (said === undefined) return;
  await party.notify(said, from, party.endpoint(key));
  if (said !== 'Prepared') party.participants.delete(key);
}

/** Does what the coordinator asks for; gives what to answer. */
async function done(name: string, key: string, change: Change): Promise<string | undefined> {
  switch (name) {
    case 'Prepare':
      return (await book.hold(key, change)) ? 'Prepared' : 'Aborted';
    case 'Commit':
      return (await book.confirm(key)) ? 'Committed' : undefined;
    case 'Rollback':
      await book.cancel(key);
      return 'Aborted';
    default:
      return undefined;
  }
}

await serveJson(Number(port), answer);
