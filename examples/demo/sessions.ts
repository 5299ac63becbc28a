import type { LocalCluster } from 'concordat';
import type { CallResult, SessionTransfer } from 'concordat/application';
import { type ClientNode, type FinalStatus, type Performed, SessionClient } from 'concordat/client';
import { registration, sampleSupplier, signedPackage } from '../supply-chain/sample.js';
import type { Step } from '../supply-chain/steps.js';
import { verifyPackageProof } from '../supply-chain/verify.js';
import { publicFile } from './public-file.js';
import type { Story } from './story.js';

/** Tries to have two sessions ordered otherwise than they were answered. */
const triesMax = 5;

interface Party {
  readonly story: Story;
  readonly cluster: LocalCluster;
  /** Two owners of sessions. */
  readonly alice: ClientNode;
  readonly carol: ClientNode;
}

/** Sessions: answered at once, certain a little later, whoever dies in between. */
export async function tellSessions(party: Party): Promise<void> {
  const { story, cluster } = party;
  const [first, , third] = cluster.cluster.coordinators;
  if (!first || !third) throw new Error('too few coordinators');
  const mine = open(party, party.alice, first.name, (home, reason) => {
    story.say(`the session goes on at ${home}: ${reason}`);
  });
  const hers = open(party, party.carol, third.name);

  story.chapter(`A session of several steps, at ${first.name}`);
  const acme = sampleSupplier();
  await answered(party, mine, registration(acme));
  await answered(party, mine, { do: 'start-work', station: 'dock-1' });
  await answered(party, hers, { do: 'start-work', station: 'dock-2' });

  story.chapter('A concurrent session contradicts it');
  await contradiction(party, mine, hers);

  story.chapter('Its home dies in the middle, and it goes on elsewhere');
  const id = 'P-100';
  await answered(party, mine, signedPackage(acme, id));
  await answered(party, mine, { do: 'scan', package: id });
  const before = await answered(party, mine, { do: 'validate-signature', package: id });
  await story.step('f + 1 others witness it', () => before.witnessed);
  await story.step(`kill ${first.name} (SIGKILL)`, () => cluster.kill(first.name));
  const steps: readonly Step[] = [
    { do: 'quality-check', package: id, passed: true, notes: 'as ordered' },
    { do: 'label', package: id, courier: 'dhl', label: id },
  ];
  const rest: Performed[] = [];
  for (const step of steps) rest.push(await answered(party, mine, step));
  const end = await story.step('end the session', () => mine.end());
  await finals(party, [before, ...rest, end], 'committed');
  await nothingTwice(party, third.url, id, mine.session);
  await story.step(`start ${first.name} again`, () => cluster.restart(first.name));
  await hers.end().then(({ final }) => final);
  for (const session of [mine, hers]) session.close();
}

/**
 * A session of transfers is one transaction; where the banks refuse one of them, the others are made. Gives
 * what they took from alice.
 */
export async function tellTransferSession(party: Party): Promise<number> {
  const { story } = party;
  story.chapter('A session of transfers: one transaction, and one culprit');
  const session = open(party, party.alice, undefined, undefined, 'banking');
  const pay = (amountMinor: number, what: string) =>
    story.step(
      `transfer ${what} from alice to bob`,
      () => session.call(JSON.stringify({ transfer: transferOf(amountMinor) })),
      ({ result }) => `provisional, ${textOf(result)}`,
    );
  const good = [await pay(100, '1.00 EUR'), await pay(200, '2.00 EUR')];
  const bad = await pay(100_000_000, '1,000,000.00 EUR');
  await session.commit();
  await finals(party, good, 'committed');
  const { kind, result } = await story.step(
    'the third becomes final',
    () => bad.final,
    (status) => `${status.kind}, ${textOf(status.result)}`,
  );
  story.check('it alone is aborted', kind === 'aborted' && result.kind === 'rejected');
  session.close();
  return 100 + 200;
}

function open(
  { cluster }: Party,
  node: ClientNode,
  home?: string,
  onHome?: (name: string, reason: string) => void,
  application = 'supply-chain',
): SessionClient {
  return new SessionClient({
    cluster: cluster.cluster,
    node,
    application,
    ...(home !== undefined && { home }),
    ...(onHome && { onHome }),
  });
}

/** Performs a step, and tells how soon it was answered. */
function answered({ story }: Party, session: SessionClient, step: Step): Promise<Performed> {
  const subject = 'package' in step ? ` ${step.package}` : '';
  return story.step(
    `${step.do}${subject}`,
    () => session.call(JSON.stringify(step)),
    ({ result }) => `provisional, ${result.kind === 'done' ? 'done' : textOf(result)}`,
  );
}

/**
 * Alice scans a package and is told that it is hers; before that is ordered, Carol, who is told that she
 * comes too late, has hers ordered at once. The agreed order is what counts, so both are told otherwise.
 */
async function contradiction(party: Party, mine: SessionClient, hers: SessionClient) {
  const { story } = party;
  const acme = sampleSupplier();
  for (let number = 1; number <= triesMax; number += 1) {
    const id = `P-${number}`;
    await mine.call(JSON.stringify(signedPackage(acme, id)));
    const known = await mine.call(JSON.stringify({ do: 'history', package: id }));
    await mine.commit();
    await known.final;
    const scan: Step = { do: 'scan', package: id };
    const alice = await answered(party, mine, scan);
    const carol = await hers.call(JSON.stringify(scan));
    await hers.commit();
    story.say(`carol scans ${id}, too, elsewhere, and has it ordered first`);
    const [a, c] = await Promise.all([alice.final, carol.final]);
    if (a.kind !== 'aborted' || c.kind === 'aborted') continue;
    story.say(`alice’s is final: ${a.kind}, ${textOf(a.result)}`);
    story.say(`carol’s is final: ${c.kind}`);
    return;
  }
  throw new Error(`not so: one of two sessions is contradicted, in ${triesMax} tries`);
}

async function finals({ story }: Party, all: readonly Performed[], kind: FinalStatus['kind']) {
  const last = all.at(-1)?.sequence;
  const first = all[0]?.sequence;
  const statuses = await story.step(
    `operations ${first} to ${last} become final`,
    () => Promise.all(all.map(({ final }) => final)),
    (ended) => ended.map((status) => status.kind).join(', '),
  );
  story.check(
    `all are ${kind}`,
    statuses.every((status) => status.kind === kind),
  );
}

/** The package's history, proved by another coordinator, has each step once. */
async function nothingTwice({ story, cluster }: Party, url: string, id: string, session: string) {
  const deeds = await story.step(
    `fetch the proof of ${id}’s history and verify it offline`,
    async () => {
      const path = encodeURIComponent(`package/${id}`);
      const answer = await fetch(`${url}/state/supply-chain/${path}/proof`);
      const checked = verifyPackageProof(await publicFile(cluster), await answer.text());
      if (!checked.ok) throw new Error(checked.error);
      story.check(
        'it is of this session',
        checked.value.history.every((one) => one.session === session),
      );
      return checked.value.history.map(({ record }) => (JSON.parse(record) as { do: string }).do);
    },
    (done) => done.join(', '),
  );
  story.check('each step was done, and once', deeds.length === 5 && new Set(deeds).size === 5);
}

function transferOf(amountMinor: number): SessionTransfer {
  return {
    from: { bank: 'bank-a', account: 'alice' },
    to: { bank: 'bank-b', account: 'bob' },
    amountMinor,
    currency: 'EUR',
  };
}

function textOf(result: CallResult): string {
  return result.kind === 'done' ? 'done' : result.reason;
}
