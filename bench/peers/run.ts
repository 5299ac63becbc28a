import { Downloads } from '../../test/interop/narayana/downloads.js';
import type { RunContext } from '../benchmark.js';
import { Group } from '../ordering/processes/group.js';
import { engineNames } from '../simulated/cluster.js';
import { describeMachine, type Machine } from '../support/machine.js';
import { type LiveContext, whileAlive } from '../support/while-alive.js';
import { ownVariants } from '../transfer/variants.js';
import { BftSmart, lackOfBftSmart } from './bft-smart/bft-smart.js';
import { Narayana } from './narayana.js';
import { enginePeer } from './own-engine.js';
import { type Peer, startOwn } from './peer.js';
import { PeerResults, type PeerSummary } from './results.js';
import type { Settings } from './settings.js';

/** Systems that do the same work. */
export interface ComparedSystems {
  /** What the ratios are to. */
  readonly base: string;
  readonly systems: readonly PeerSummary[];
  /** Transfers or requests of each system, those of the warm-up included; each was committed, or answered. */
  readonly done: Readonly<Record<string, number>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** What `--json` prints. */
export interface Report {
  readonly transfers: ComparedSystems;
  /** Only where there is another system that orders. */
  readonly ordering?: ComparedSystems;
  /** Those that could not be had, and why. */
  readonly skipped: readonly string[];
  readonly moneyConserved: true;
  readonly settings: Settings;
  readonly machine: Machine;
}

/** What is measured at the same numbers of clients. */
interface Field {
  readonly base: string;
  readonly clients: readonly number[];
  readonly warmUpSeconds: number;
  readonly peers: readonly Peer[];
}

/** At most: at thousands a second compilers are soon done. */
const orderingWarmUpSecondsMax = 30;
const depth = 10;

/**
 * Starts all systems, warms them up, and measures them in turn, window by window. Before the first window it waits for
 * `isReady`. Throws `BenchmarkError` where a transfer does not commit or money is lost.
 */
export async function runPeers(
  settings: Settings,
  context: RunContext,
  isReady: () => Promise<void>,
): Promise<Report> {
  const started: Peer[] = [];
  const skipped: string[] = [];
  try {
    return await whileAlive(context, async (inner) => {
      const start: Start = async (name, begin) => {
        inner.progress(`starting ${name} ...`);
        inner.signal.throwIfAborted();
        const peer = await inner.starting(begin());
        started.push(peer);
        return peer;
      };
      const skip = (line: string) => {
        inner.progress(line);
        skipped.push(line);
      };
      const transfers = await transferField(settings, inner, start, skip);
      const ordering = await orderingField(settings, inner, start, skip);
      const fields = [transfers, ...(ordering ? [ordering] : [])];
      for (const field of fields) await warmUp(field, inner);
      await isReady();
      const machine = describeMachine();
      const results = await measureAll(fields, settings, inner);
      const compared = (field: Field) => comparedSystems(field, results);
      return {
        transfers: await compared(transfers),
        ...(ordering && { ordering: await compared(ordering) }),
        skipped,
        moneyConserved: true,
        settings,
        machine,
      };
    });
  } finally {
    await Promise.all(started.map((peer) => peer.stop()));
  }
}

/** Starts a system by the name that it has for people. */
type Start = (name: string, begin: () => Promise<Peer>) => Promise<Peer>;

async function transferField(
  settings: Settings,
  context: LiveContext,
  start: Start,
  skip: (line: string) => void,
): Promise<Field> {
  const { clients, warmUpSeconds } = settings;
  const downloads = new Downloads(settings.downloads);
  const lack = await downloads.lack();
  if (lack !== undefined) skip(`narayana is skipped: ${lack}`);
  const peers: Peer[] = [];
  for (const variant of ownVariants()) {
    peers.push(await start(variant.name, () => startOwn(variant, settings, context)));
  }
  if (lack !== undefined) return { base: 'bft soap', clients, warmUpSeconds, peers };
  const narayana = () => Narayana.start(downloads, settings, context);
  peers.push(await start('narayana', narayana));
  return { base: 'narayana', clients, warmUpSeconds, peers };
}

async function orderingField(
  { bftSmart: folder, orderingClients: clients, warmUpSeconds: seconds }: Settings,
  context: LiveContext,
  start: Start,
  skip: (line: string) => void,
): Promise<Field | undefined> {
  const lack = lackOfBftSmart(folder);
  if (folder === undefined || lack !== undefined) {
    skip(`bft-smart is skipped: ${lack}`);
    return undefined;
  }
  const { signal, onDied } = context;
  const peers: Peer[] = [];
  for (const engine of engineNames) {
    const group = async () => enginePeer(await Group.start(engine, { depth }, onDied), signal);
    peers.push(await start(engine, group));
  }
  peers.push(await start('bft-smart', () => BftSmart.start(folder, context)));
  const warmUpSeconds = Math.min(seconds, orderingWarmUpSecondsMax);
  return { base: 'bft-smart', clients, warmUpSeconds, peers };
}

async function warmUp({ peers, clients, warmUpSeconds }: Field, { progress }: RunContext) {
  for (const peer of peers) {
    progress(`warming up ${peer.name} ...`);
    await peer.warmUp(warmUpSeconds, clients);
  }
}

async function measureAll(
  fields: readonly Field[],
  { rounds, seconds }: Settings,
  { progress }: RunContext,
): Promise<PeerResults> {
  const results = new PeerResults();
  for (let round = 1; round <= rounds; round += 1) {
    for (const { peers, clients: numbers } of fields) {
      for (const clients of numbers) {
        // Who is first changes, in case it matters.
        for (const peer of round % 2 === 1 ? peers : peers.toReversed()) {
          const window = await peer.measure(clients, seconds * 1000);
          results.add(peer.name, clients, window);
          progress(
            `round ${round}/${rounds}  ${String(clients).padStart(3)} clients  ${peer.name.padEnd(20)}  ` +
              `${window.perSecond.toFixed(1)}/s  p50 ${window.p50Ms.toFixed(1)} ms  ` +
              `${window.processorMs.toFixed(3)} ms of processor time each`,
          );
        }
      }
    }
  }
  return results;
}

async function comparedSystems(
  { base, peers }: Field,
  results: PeerResults,
): Promise<ComparedSystems> {
  const done: Record<string, number> = {};
  for (const peer of peers) done[peer.name] = await peer.check();
  const versions = Object.fromEntries(peers.map(({ name, version }) => [name, version]));
  const names = peers.map(({ name }) => name);
  return { base, systems: results.summaries(names, base), done, versions };
}
