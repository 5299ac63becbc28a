import { setTimeout as sleep } from 'node:timers/promises';
import type { Scene } from './scene.js';
import type { Books, TransferAnswer } from './wildfly.js';

/** The last that became of a posting; undefined where it never prepared, nor had to be rolled back. */
type Last = Books['A'][number]['steps'][number] | undefined;

/** Of the servlet `/transfer`. */
type Parameters = Readonly<Partial<{ end: 'rollback'; a: 'readonly'; b: 'abort'; async: '1' }>>;

interface Scenario {
  readonly name: string;
  readonly parameters: Parameters;
  /** Whether a bank of the cluster is credited in the same transaction. */
  readonly isMixed?: boolean;
  readonly outcome: TransferAnswer['outcome'];
  readonly a: Last;
  readonly b: Last;
}

/** What came of a scenario; `why` where it is not what it has to be. */
export interface ScenarioResult {
  readonly name: string;
  readonly ms: number;
  readonly why?: string;
}

const committed = { outcome: 'committed', a: 'committed', b: 'committed' } as const;
const rolledBack = { outcome: 'rolledBack', a: 'rolledBack', b: 'rolledBack' } as const;

export const scenarios: readonly Scenario[] = [
  { name: 'commit', parameters: {}, ...committed },
  { name: 'rollback', parameters: { end: 'rollback' }, ...rolledBack },
  { name: 'abort vote', parameters: { b: 'abort' }, ...rolledBack, b: undefined },
  { name: 'read-only vote', parameters: { a: 'readonly' }, ...committed, a: undefined },
  { name: 'mixed commit', parameters: {}, isMixed: true, ...committed },
  { name: 'mixed rollback', parameters: { end: 'rollback' }, isMixed: true, ...rolledBack },
  { name: 'asynchronous registration', parameters: { async: '1' }, ...committed },
];

const amount = 7;
const settledWithinMs = 30_000;
const pollMs = 250;

export async function runScenario(scene: Scene, scenario: Scenario): Promise<ScenarioResult> {
  const { name, parameters, isMixed = false, outcome } = scenario;
  const transfer = `scenario-${name.replaceAll(' ', '-')}`;
  const before = isMixed ? await scene.balance() : 0;
  const mixed = isMixed ? scene.mixed(amount) : {};
  const answer = await scene.wildfly.transfer({
    ...{ transfer, amount: String(amount), ...parameters, ...mixed },
  });
  const result = { name, ms: answer.ms };
  const said = `${answer.outcome} at ${answer.step} ${answer.error}`;
  const { end = 'commit' } = parameters;
  if (answer.outcome !== outcome || answer.step !== end) {
    return { ...result, why: `the client: ${said}` };
  }
  const expected = before + (isMixed && outcome === 'committed' ? amount : 0);
  const why = await settled(scene, scenario, transfer, isMixed ? expected : undefined);
  return why === undefined ? result : { ...result, why };
}

async function settled(
  scene: Scene,
  { a, b }: Scenario,
  transfer: string,
  balance: number | undefined,
): Promise<string | undefined> {
  const deadline = performance.now() + settledWithinMs;
  for (;;) {
    const books = await scene.wildfly.books();
    const found = { a: lastOf(books.A, transfer), b: lastOf(books.B, transfer) };
    const isBooked = found.a === a && found.b === b;
    const is = balance === undefined ? undefined : await scene.balance();
    if (isBooked && is === balance) return undefined;
    if (performance.now() > deadline) {
      return `the books: ${JSON.stringify(found)}; the balance: ${is}, not ${balance}`;
    }
    await sleep(pollMs);
  }
}

/** The last that became of a transfer's posting. */
export function lastOf(book: Books['A'], transfer: string): Last {
  return book.find((row) => row.transfer === transfer)?.steps.at(-1);
}
