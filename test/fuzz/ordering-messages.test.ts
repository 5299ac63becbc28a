import { describe, expect, it } from 'vitest';
import { WireError } from '../../src/kernel/codec/bytes.js';
import { type ReplicaId, replicaId } from '../../src/kernel/ids.js';
import { verifyOrderingMessage } from '../../src/ordering/check-message.js';
import type { OrderingEngine } from '../../src/ordering/core/engine.js';
import { decodeOrderingMessage, encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import type { OrderingMessage, OrderingRequest } from '../../src/ordering/types.js';
import { productionEngines } from '../simulation/ordering/engines.js';
import { type EngineFactory, OrderingRig } from '../support/ordering-rig.js';
import { distortedBytes } from './peer/ordering-lies.js';
import { faultsOf } from './peer/ordering-oracle.js';
import { Random } from './support/random.js';

const antipaxos = { exclusion: 'S1', timeoutMaxMs: 2000 } as const;
const engines: Readonly<Record<string, EngineFactory<OrderingEngine>>> = {
  ...Object.fromEntries(
    Object.entries(productionEngines).map(
      ([name, make]): [string, EngineFactory<OrderingEngine>] => [
        name,
        (own, machine) => make({ ...own, ...antipaxos }, machine),
      ],
    ),
  ),
  'antipaxos over fab': (own, machine) =>
    productionEngines.antipaxos({ ...own, ...antipaxos, decisionsBy: 'fab' }, machine),
};
const names = Object.keys(engines);
const games = 5;
const requests = 10;
/** Recorded messages of one kind. */
const truthsOfKind = 12;

/** What its client has made: the rig's requests say whose they are. */
function isGenuine({ client, number, payload }: OrderingRequest): boolean {
  return new TextDecoder().decode(payload) === `${client}${number}`;
}

interface Game {
  readonly rig: OrderingRig;
  readonly correct: readonly number[];
  readonly liar: number;
}

/**
 * Four replicas, some of whose messages are lost, so that views change and what is slow is settled. All that is sent
 * passes through `tamper`.
 */
function play(
  name: string,
  seed: number,
  tamper: (game: Game, message: OrderingMessage, from: number, to: number) => OrderingMessage,
): Game {
  const factory = engines[name];
  if (!factory) throw new RangeError(name);
  const options = { checkpointInterval: 4, batchDelayMs: 0 };
  const rig = new OrderingRig(factory, { seed, options, isGenuine });
  const liar = [0, 1, 3][seed % 3] ?? 0;
  const correct = [0, 1, 2, 3].filter((replica) => replica !== liar);
  const game = { rig, correct, liar };
  let isLossy = true;
  rig.tamper = (from, to, message) => {
    if (isLossy && rig.random() < 0.15) return [];
    return [tamper(game, message, from, to)];
  };
  for (let number = 1; number <= requests; number += 1) {
    for (const replica of correct) rig.submit(replica, `c${replica}`, number);
    rig.runFor(400);
    if (number === 4) rig.crash(correct[0] ?? 0);
    if (number === 6) rig.start(correct[0] ?? 0);
  }
  isLossy = false;
  for (const replica of correct) {
    for (let number = 1; number <= requests; number += 1)
      rig.submit(replica, `c${replica}`, number);
  }
  rig.runUntil(() => correct.every((replica) => isDone(game, replica)), 900_000);
  return game;
}

/** It has executed all that correct replicas were given. */
function isDone({ rig, correct }: Game, replica: number): boolean {
  const own = ` ${rig.history(replica).map(requestIn).join(' ')} `;
  return correct.every((one) =>
    Array.from({ length: requests }, (_, index) => ` c${one}:${index + 1} `).every((request) =>
      own.includes(request),
    ),
  );
}

/** Without its place: of ezBFT that is a replica's own. */
function requestIn(entry: string): string {
  return entry.split(':').slice(1, 3).join(':');
}

function expectOneOrder({ rig, correct }: Game): void {
  const [first = [], ...others] = correct.map((replica) => rig.history(replica).map(requestIn));
  expect(new Set(first).size).toBe(first.length);
  for (const other of others) {
    const common = Math.min(first.length, other.length);
    expect(other.slice(0, common)).toEqual(first.slice(0, common));
  }
}

describe.each(names)('a liar among replicas of %s', (name) => {
  it('cannot make the codec or the checks fail by changing bytes, nor say a thing in two ways', () => {
    const truths: { readonly from: number; readonly bytes: Uint8Array }[] = [];
    const kinds = new Map<string, number>();
    const { rig } = play(name, 2, (_game, message, from) => {
      const count = kinds.get(message.kind) ?? 0;
      kinds.set(message.kind, count + 1);
      if (count < truthsOfKind) truths.push({ from, bytes: encodeOrderingMessage(message) });
      return message;
    });
    expect(kinds.size).toBeGreaterThan(7);
    const { cluster, keyring } = rig.parties;
    let takenCount = 0;
    for (let stream = 0; stream < 2500; stream += 1) {
      const random = new Random(1, stream);
      const { from, bytes: truth } = random.pick(truths);
      const self = from as ReplicaId;
      const liar = { cluster: cluster.id, self, sign: rig.parties.replicaSign(from) };
      const bytes = distortedBytes(random, liar, decodeOrderingMessage(cluster.id, truth));
      const message = decoded(rig, bytes);
      if (message === undefined) continue;
      expect(Buffer.from(encodeOrderingMessage(message)).equals(bytes)).toBe(true);
      const taken = verifyOrderingMessage(keyring, isGenuine, replicaId(from), message);
      if (!taken.ok) continue;
      takenCount += 1;
      expect({ message, faults: faultsOf(message, 1) }).toEqual({ message, faults: [] });
    }
    expect(takenCount).toBeGreaterThan(100);
  });

  it.each(Array.from({ length: games }, (_, index) => index + 1))(
    'neither splits nor stops the others by what it signs (game %i)',
    (seed) => {
      let lies = 0;
      const random = new Random(seed, 1);
      // Some games have lies beside the truth, some in its place.
      const isInstead = seed % 2 === 0;
      const game = play(name, seed, ({ rig, liar }, message, from, to) => {
        if (from !== liar || !random.oneIn(3)) return message;
        const { cluster } = rig.parties;
        const sign = rig.parties.replicaSign(liar);
        const own = { cluster: cluster.id, self: liar as ReplicaId, sign };
        const lie = decoded(rig, distortedBytes(random, own, message));
        if (lie === undefined) return message;
        lies += 1;
        if (isInstead) return lie;
        rig.transmit(liar, to, lie);
        return message;
      });
      expectOneOrder(game);
      expect(lies).toBeGreaterThan(20);
    },
  );
});

/** `undefined` where the bytes are refused as they should be. */
function decoded({ parties }: OrderingRig, bytes: Uint8Array): OrderingMessage | undefined {
  try {
    return decodeOrderingMessage(parties.cluster.id, bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
