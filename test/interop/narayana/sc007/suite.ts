import { setTimeout as sleep } from 'node:timers/promises';
import type { InitiatorAnswer } from '../wildfly.js';
import type { Conversation } from './conversation.js';
import type { Listener, RoleAddresses } from './listener.js';
import { type Role, roles, type Scenario, scenarios } from './scenarios.js';

/** The addresses of one role, and the initiator. */
export interface Sides extends RoleAddresses {
  readonly listener: Listener;
  readonly initiator: string;
  /** Rejects where the initiator does not answer. */
  readonly run: (parameters: Readonly<Record<string, string>>) => Promise<InitiatorAnswer>;
}

/** What came of a scenario; `why` where it is not what it has to be. */
export interface Sc007Result {
  readonly number: string;
  readonly name: string;
  readonly role: Role;
  readonly ms: number;
  readonly why?: string;
  /** Every message in its order, with `~` after what was lost. */
  readonly messages: string;
}

/** After the client has its outcome. */
const settledWithinMs = 60_000;
const pollMs = 100;

/** Runs all scenarios of the roles, both roles at the same time. */
export async function runSuite(
  sides: Readonly<Partial<Record<Role, Sides>>>,
  progress: (line: string) => void,
): Promise<Sc007Result[]> {
  const results = await Promise.all(
    roles.map(async (role) => {
      const side = sides[role];
      return side === undefined ? [] : await runRole(role, side, progress);
    }),
  );
  return results.flat();
}

async function runRole(
  role: Role,
  sides: Sides,
  progress: (line: string) => void,
): Promise<Sc007Result[]> {
  const run = async (scenario: Scenario): Promise<Sc007Result> => {
    const result = await runOne(role, sides, scenario);
    progress(`${role} ${result.number} ${result.name}: ${result.why ?? 'right'}`);
    return result;
  };
  const inTurn = async (some: readonly Scenario[]): Promise<Sc007Result[]> => {
    const results: Sc007Result[] = [];
    for (const scenario of some) results.push(await run(scenario));
    return results;
  };
  // What the first two begin is known only by its turn.
  const alone = await inTurn(scenarios.filter(({ end }) => end === 'none'));
  const others = scenarios.filter(({ end }) => end !== 'none');
  const quick = () => inTurn(others.filter(({ repeats }) => repeats !== true));
  const slow = async () => Promise.all(others.filter(({ repeats }) => repeats === true).map(run));
  // XTS waits half a minute and more in these; the gateway's own clock runs, so it has them by themselves.
  const [first, last] =
    role === 'participant' ? await Promise.all([quick(), slow()]) : [await quick(), await slow()];
  return [...alone, ...first, ...last];
}

async function runOne(role: Role, sides: Sides, scenario: Scenario): Promise<Sc007Result> {
  const { number, name, end } = scenario;
  const begun = performance.now();
  const { listener, activation, participant, initiator } = sides;
  const told = await sides
    .run({ ...{ name, end, activation, participant, initiator } })
    .catch((error) => ({ answer: '', outcome: 'none' as const, error: String(error) }));
  const why = (await settled(listener, role, scenario)) ?? contradiction(scenario, told);
  const conversation = conversationOf(listener, role, scenario);
  return {
    ...{ number, name, role, ms: Math.round(performance.now() - begun) },
    ...(why !== undefined && { why: told.error === '' ? why : `${why}; ${told.error}` }),
    messages: conversation?.toString() ?? '',
  };
}

async function settled(
  listener: Listener,
  role: Role,
  scenario: Scenario,
): Promise<string | undefined> {
  const deadline = performance.now() + settledWithinMs;
  for (;;) {
    const conversation = conversationOf(listener, role, scenario);
    const lack = conversation === undefined ? 'nothing was seen' : conversation.lack();
    if (lack === undefined || performance.now() > deadline) return lack;
    await sleep(pollMs);
  }
}

function conversationOf(
  listener: Listener,
  role: Role,
  scenario: Scenario,
): Conversation | undefined {
  return listener.conversations.find((each) => each.role === role && each.scenario === scenario);
}

/** Where the client was told something else than what was sent to it. */
function contradiction(
  { messages, end }: Scenario,
  { answer, outcome, error }: InitiatorAnswer,
): string | undefined {
  if (answer !== 'Response') return `the initiator got ${answer || 'nothing'}`;
  const isCommitted = messages.I?.endsWith('Committed') === true;
  const expected = end === 'none' ? 'none' : isCommitted ? 'committed' : 'rolledBack';
  if (outcome === expected) return undefined;
  return `the client believes ${outcome}${error}`;
}
