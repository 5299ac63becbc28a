import { z } from 'zod';
import { AccountBook } from './account-book.js';
import { type JsonAnswer, serveJson } from './json-server.js';

/**
 * The service behind a sidecar, a process of its own: `node account-service.js FOLDER PORT CLIENTS`. It speaks try,
 * confirm and cancel, as docs/other-languages.md says.
 */

const [folder = '', port, clients] = process.argv.slice(2);
const book = await AccountBook.open(folder, Number(clients));

const namesSchema = z.object({ transactionId: z.string(), enlistment: z.string() });
const trySchema = namesSchema.extend({
  operation: z.enum(['debit', 'credit', 'balance']),
  payload: z.object({ account: z.string(), amountMinor: z.int().positive().default(0) }),
  isPermitted: z.boolean(),
});
type Try = z.output<typeof trySchema>;

async function answer(path: string, body: unknown): Promise<JsonAnswer> {
  switch (path) {
    case '/held':
      return { status: 200, content: book.held.map(namesOf) };
    case '/try':
      return attempt(trySchema.parse(body));
    case '/confirm':
      return { status: (await book.confirm(keyOf(body))) ? 200 : 404, content: {} };
    case '/cancel':
      await book.cancel(keyOf(body));
      return { status: 200, content: {} };
    default:
      return { status: 404, content: {} };
  }
}

async function attempt({ operation, payload, isPermitted, ...names }: Try): Promise<JsonAnswer> {
  const { account, amountMinor } = payload;
  if (operation === 'debit' && !isPermitted) return refused('NotPermitted');
  const change = { account, amountMinor: operation === 'debit' ? -amountMinor : amountMinor };
  if (!(await book.hold(keyOf(names), change))) return refused('InsufficientFunds');
  return { status: 200, content: { result: book.balance(account) ?? null } };
}

function refused(reason: string): JsonAnswer {
  return { status: 409, content: { reason } };
}

function keyOf(names: unknown): string {
  const { transactionId, enlistment } = namesSchema.parse(names);
  return `${transactionId}/${enlistment}`;
}

function namesOf(key: string) {
  const [transactionId, enlistment] = key.split('/');
  return { transactionId, enlistment };
}

await serveJson(Number(port), answer);
