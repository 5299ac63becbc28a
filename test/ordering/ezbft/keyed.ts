import { digestOfText } from '../../../src/kernel/digest.js';
import type { ReplicaId, View } from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import { digestOfBatch, signOrdering } from '../../../src/ordering/check-message.js';
import type { StateMachine } from '../../../src/ordering/core/engine.js';
import { EzbftEngine } from '../../../src/ordering/core/ezbft/engine.js';
import { Judge } from '../../../src/ordering/core/ezbft/interference.js';
import {
  type Batch,
  type InstanceValue,
  type OrderingMessage,
  type OrderingRequest,
  type SequencePhase,
  type SpecReply,
  sequenceNumber,
} from '../../../src/ordering/types.js';
import {
  type HistoryMachine,
  OrderingRig,
  type OrderingRigOptions,
} from '../../support/ordering-rig.js';

/** A history for each key, which is the first word of a payload: requests of different keys commute. */
class KeyedMachine implements StateMachine {
  readonly #flat: HistoryMachine;
  readonly #keys = new Map<string, string[]>();

  constructor(flat: HistoryMachine) {
    this.#flat = flat;
  }

  apply(position: number, batch: Batch): void {
    this.#flat.apply(position, batch);
    for (const request of batch) {
      const history = this.#keys.get(keyOf(request)) ?? [];
      this.#keys.set(keyOf(request), [...history, `${request.client}:${request.number}`]);
    }
  }

  snapshot(): readonly Uint8Array[] {
    return [new TextEncoder().encode(JSON.stringify(this.sorted()))];
  }

  differences(): readonly string[] {
    return ['histories'];
  }

  install(snapshot: Uint8Array): void {
    this.#keys.clear();
    const entries: [string, string[]][] = JSON.parse(new TextDecoder().decode(snapshot));
    for (const [key, history] of entries) this.#keys.set(key, history);
    this.#flat.history = entries.flatMap(([, history]) => history.map((one) => `0:${one}:`));
  }

  interferes(a: OrderingRequest, b: OrderingRequest): boolean {
    return keyOf(a) === keyOf(b);
  }

  sorted(): readonly (readonly [string, readonly string[]])[] {
    return [...this.#keys].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

function keyOf({ payload }: OrderingRequest): string {
  return new TextDecoder().decode(payload).split(' ', 1)[0] ?? '';
}

/** What such a machine says of batches. */
export const keyedJudge = new Judge({ interferes: (a, b) => keyOf(a) === keyOf(b) });

/** Replicas whose requests commute where their keys differ, and a liar's pen. */
export class KeyedRig extends OrderingRig<EzbftEngine> {
  readonly #machines: Map<HistoryMachine, KeyedMachine>;

  constructor(options: OrderingRigOptions = {}) {
    const machines = new Map<HistoryMachine, KeyedMachine>();
    super((engineOptions, machine) => {
      const keyed = new KeyedMachine(machine as HistoryMachine);
      machines.set(machine as HistoryMachine, keyed);
      return new EzbftEngine(engineOptions, keyed);
    }, options);
    this.#machines = machines;
  }

  histories(replica: number): readonly (readonly [string, readonly string[]])[] {
    const machine = this.machines[replica];
    return (machine && this.#machines.get(machine)?.sorted()) ?? [];
  }

  /** Throws where two replicas have executed requests of one key in different orders, or one twice. */
  checkKeys(replicas: Iterable<number> = this.alive): void {
    const longest = new Map<string, readonly string[]>();
    const all = [...replicas].flatMap((replica) => this.histories(replica));
    for (const [key, history] of all) {
      if (new Set(history).size !== history.length) throw new Error(`${key}: executed twice`);
      if (history.length > (longest.get(key)?.length ?? 0)) longest.set(key, history);
    }
    for (const [key, history] of all) {
      const most = longest.get(key) ?? [];
      if (history.some((entry, index) => entry !== most[index])) {
        throw new Error(`${key}: ${history.join(' ')}, not ${most.join(' ')}`);
      }
    }
  }

  /** Events of a replica's log of this name. */
  logged(replica: number, event: string): number {
    const outputs = this.outputs[replica] ?? [];
    return outputs.filter((output) => output.kind === 'log' && output.event === event).length;
  }

  /** What a replica, a liar, signs of an instance. */
  reply(
    signer: number,
    space: number,
    index: number,
    value: InstanceValue | null,
  ): Signed<SpecReply> {
    const { cluster } = this.parties;
    return signOrdering(this.parties.replicaSign(signer), cluster.id, {
      kind: 'spec-reply',
      scope: 'ezbft',
      instance: { space: space as ReplicaId, index },
      value,
    });
  }

  /** What a primary of the Decision Module, a liar, proposes in the first view. */
  proposed(signer: number, sequence: number, batch: Batch): OrderingMessage {
    const statement: SequencePhase = {
      kind: 'phase',
      scope: 'ezbft-decisions',
      phase: 'pre-prepare',
      view: 0 as View,
      sequence: sequenceNumber(sequence),
      digest: digestOfBatch(batch),
    };
    const { cluster } = this.parties;
    const prePrepare = signOrdering(this.parties.replicaSign(signer), cluster.id, statement);
    return { kind: 'pre-prepare', scope: 'ezbft-decisions', prePrepare, batch };
  }

  order(
    space: number,
    index: number,
    batch: Batch,
    deps: readonly number[],
  ): Extract<OrderingMessage, { kind: 'spec-order' }> {
    const order = this.reply(space, space, index, keyedJudge.valueOf(batch, deps));
    return { kind: 'spec-order', scope: 'ezbft', order, batch };
  }
}

export const nobodysBatch = digestOfText('a batch that nobody has');
