import { type ClientNode, RequestError, type Ticket, TransferClient } from 'concordat/client';
import { type Demo, order, timeoutMs } from './demo.js';

/** A request that was made, and each message of it as it was sent. */
export interface Recorded {
  readonly transactionId: string;
  readonly amountMinor: number;
  readonly ticket: Ticket;
  readonly messages: readonly string[];
}

/** More than the coordinators remember, also where a few of them finish late. */
const furtherMax = 40;

/** Makes a transfer, and keeps all that is needed to send it again. */
export async function recordTransfer(
  demo: Demo,
  node: ClientNode,
  amountMinor: number,
): Promise<Recorded> {
  const messages: string[] = [];
  const tickets: Ticket[] = [];
  const client = new TransferClient({
    cluster: demo.cluster.cluster,
    node,
    onSent: (text) => messages.push(text),
  });
  const what = 'transfer 12.50 EUR from alice to bob';
  const transactionId = await demo.transfer(what, amountMinor, 'committed', {
    client,
    beforeSending: async (request) => void tickets.push(request),
  });
  await client.close();
  const [ticket] = tickets;
  if (ticket === undefined) throw new Error('nothing was sent');
  return { transactionId, amountMinor, ticket, messages };
}

/** A request is sent again when no coordinator and no initiator remembers it. */
export async function tellPast(demo: Demo, node: ClientNode, past: Recorded): Promise<void> {
  const { story, cluster } = demo;
  story.chapter('The first transfer is sent again, when it is forgotten');
  await story.step(
    'make more transfers of 0.01 EUR, until no coordinator remembers the first',
    () => forget(demo),
    (made) => `${made} more`,
  );
  await story.step('start all initiators again, which remember nothing', () =>
    Promise.all(cluster.cluster.initiators.map(({ name }) => cluster.restart(name))),
  );
  const before = await demo.balances();
  const said = await story.step('send the same messages again, byte for byte', () =>
    Promise.all(past.messages.map((text) => sendAgain(text, past))),
  );
  for (const answer of said) story.say(answer);
  await demo.nothingMoved(before);
  await story.step(
    'sign the same request again, and ask all initiators',
    () => askAgain(demo, node, past),
    (answer) => answer,
  );
  await demo.nothingMoved(before);
  await demo.transfer('transfer 1.00 EUR, with a new request', 100, 'committed');
}

/**
 * Gives how many transfers it took. Coordinators forget in the order in which transactions ended: once each has
 * forgotten as many more as it remembers, it has forgotten all that was over before.
 */
async function forget(demo: Demo): Promise<number> {
  const { retainedTransactions } = demo.cluster.cluster;
  const before = await forgotten(demo);
  for (let made = 0; ; made += 1) {
    const now = await forgotten(demo);
    const more = now.map((count, index) => count - (before[index] ?? 0));
    if (more.every((count) => count >= retainedTransactions)) return made;
    demo.story.check(`it is forgotten after ${furtherMax} more`, made < furtherMax);
    demo.count(await demo.client.transfer(order(1), { timeoutMs }), 1);
  }
}

/** Transactions that each coordinator has forgotten since it started. */
async function forgotten({ cluster: { cluster } }: Demo): Promise<number[]> {
  return Promise.all(
    cluster.coordinators.map(async ({ url }) => {
      const answer = await fetch(`${url}/status`);
      const status = (await answer.json()) as { readonly forgotten: number };
      return status.forgotten;
    }),
  );
}

/** Gives what the initiator answers, for people. Throws where it is another outcome than there was. */
async function sendAgain(text: string, past: Recorded): Promise<string> {
  const to = textOf(text, 'To') ?? '';
  const answer = await fetch(to, {
    method: 'POST',
    headers: { 'content-type': 'application/soap+xml; charset=utf-8' },
    body: text,
    signal: AbortSignal.timeout(timeoutMs),
  });
  const reply = await answer.text();
  const fault = textOf(reply, 'Text');
  if (fault !== undefined) return `${to}: ${fault}`;
  const outcome = textOf(reply, 'outcome');
  const transactionId = textOf(reply, 'transactionId');
  if (!outcome || !transactionId) throw new Error(`${to}: no answer to a transfer`);
  return `${to}: ${outcomeOf({ outcome, reason: textOf(reply, 'reason'), transactionId }, past)}`;
}

/** The text of an envelope's first element of this local name. */
function textOf(envelope: string, name: string): string | undefined {
  return new RegExp(`<(?:[\\w-]+:)?${name}(?:\\s[^>]*)?>([^<]*)<`).exec(envelope)?.[1];
}

/** Gives what `f + 1` initiators answer, for people. Throws where none of that is an answer. */
async function askAgain(demo: Demo, node: ClientNode, past: Recorded): Promise<string> {
  const client = new TransferClient({ cluster: demo.cluster.cluster, node });
  try {
    return outcomeOf(await client.ask(past.ticket, order(past.amountMinor), { timeoutMs }), past);
  } catch (error) {
    if (!(error instanceof RequestError) || error.code !== 'too-old') throw error;
    return `${error.code}, ${error.message}`;
  } finally {
    await client.close();
  }
}

interface Answer {
  readonly outcome: string;
  readonly reason?: string | undefined;
  readonly transactionId: string;
}

/** Throws where the outcome is that of a second payment. */
function outcomeOf({ outcome, reason, transactionId }: Answer, past: Recorded): string {
  if (outcome === 'committed' && transactionId !== past.transactionId) {
    throw new Error(`not so: the request is not made again, as ${transactionId}`);
  }
  return `${outcome}${reason ? ` (${reason})` : ''}  ${transactionId}`;
}
