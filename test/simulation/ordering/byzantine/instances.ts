import { digestOfText } from '../../../../src/kernel/digest.js';
import type { ReplicaId } from '../../../../src/kernel/ids.js';
import type { Signed } from '../../../../src/kernel/signed.js';
import { encodeSettlement } from '../../../../src/ordering/settlement-codec.js';
import { digestOfTouched } from '../../../../src/ordering/touched-codec.js';
import {
  type Batch,
  type Dependencies,
  type Instance,
  type InstanceValue,
  instanceClient,
  type OrderingMessage,
  type OrderingMessageOf,
  type SpecReply,
} from '../../../../src/ordering/types.js';
import { laneJudge } from '../machine.js';
import { genuineRequest } from '../requests.js';
import { type Behaviour, halves, type Liar, othersOf } from './liar.js';
import { nameOfInstance } from './memory.js';

type SpecOrderMessage = OrderingMessageOf<'spec-order'>;

/** Instances that are remembered. */
const REMEMBERED = 60;
/** How far beyond what it knows a liar names what nobody has. */
const INVENTED = 4;

/** What is known of an instance: all that anybody said, and the batches. */
interface Known {
  readonly instance: Instance;
  readonly replies: Map<ReplicaId, Signed<SpecReply>>;
  readonly batches: Map<string, Batch>;
}

function replyOf(
  liar: Liar,
  replica: ReplicaId,
  instance: Instance,
  value: InstanceValue | null,
): Signed<SpecReply> {
  return liar.signAs(replica, { kind: 'spec-reply', scope: 'ezbft', instance, value });
}

function orderOf(
  liar: Liar,
  instance: Instance,
  batch: Batch,
  deps: Dependencies,
): SpecOrderMessage {
  const order = replyOf(liar, liar.self, instance, laneJudge.valueOf(batch, deps));
  return { kind: 'spec-order', scope: 'ezbft', order, batch };
}

/** Changes the liar's own proposals, for some or for all. */
function changingOrders(
  liar: Liar,
  change: (
    own: SpecOrderMessage,
    value: InstanceValue,
    to: ReplicaId,
  ) => readonly OrderingMessage[] | undefined,
): Behaviour {
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'spec-order') return undefined;
      const { instance, value } = message.order.statement;
      const instead = value && instance.space === liar.self && change(message, value, to);
      if (!instead) return undefined;
      liar.lied();
      return instead;
    },
  };
}

/** Changes what the liar says of others' instances. */
function changingReplies(
  liar: Liar,
  change: (said: SpecReply, to: ReplicaId) => InstanceValue | null | 'nothing' | undefined,
): Behaviour {
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'spec-reply') return undefined;
      const said = message.reply.statement;
      const value = change(said, to);
      if (value === undefined) return undefined;
      liar.lied();
      if (value === 'nothing') return [];
      return [{ ...message, reply: replyOf(liar, liar.self, said.instance, value) }];
    },
  };
}

function onlyOwn({ space, index }: Instance, { deps }: InstanceValue): Dependencies {
  return deps.map((_, of) => (of === space ? index - 1 : 0));
}

function invented(liar: Liar, { space }: Instance, { deps }: InstanceValue): Dependencies {
  return deps.map((place, of) => (of === space ? place : place + liar.random.int(INVENTED)));
}

/** Two batches of one instance, or the same with other dependencies. */
export function equivocateOrders(liar: Liar): Behaviour {
  const isOther = halves(liar);
  return changingOrders(liar, ({ order, batch }, value, to) => {
    const { instance } = order.statement;
    if (!isOther(to, instance.index)) return undefined;
    if (instance.index % 2 === 0) return [orderOf(liar, instance, batch, onlyOwn(instance, value))];
    const own = genuineRequest(`own${liar.self}`, instance.index, `x${instance.index}`);
    return [orderOf(liar, instance, [...batch, own], value.deps)];
  });
}

export function orderToOne(liar: Liar): Behaviour {
  const [victim] = liar.random.sample(othersOf(liar), 1);
  return changingOrders(liar, (_own, _value, to) => (to === victim ? undefined : []));
}

/** Its proposals name nothing that they interfere with. */
export function withholdDependencies(liar: Liar): Behaviour {
  return changingOrders(liar, ({ order, batch }, value) => [
    orderOf(liar, order.statement.instance, batch, onlyOwn(order.statement.instance, value)),
  ]);
}

/** Its proposals name what nobody has, and sometimes what nobody may have. */
export function inventDependencies(liar: Liar): Behaviour {
  return changingOrders(liar, ({ order, batch }, value) => {
    const { instance } = order.statement;
    const deps = invented(liar, instance, value);
    const far = deps.map((place, of) => (of === instance.space ? place : place + 2 ** 30));
    return [orderOf(liar, instance, batch, liar.random.chance(0.2) ? far : deps)];
  });
}

/** Leaves places of its own space out. */
export function skipInstances(liar: Liar): Behaviour {
  return changingOrders(liar, ({ order, batch }, value) => {
    const { space, index } = order.statement.instance;
    if (index % 3 !== 0) return undefined;
    const instance = { space, index: index + 2 };
    const deps = value.deps.map((place, of) => (of === space ? index + 1 : place));
    return [orderOf(liar, instance, batch, deps)];
  });
}

/** Barriers in place of its requests, so that checkpoints are due all the time. */
export function barriersOnly(liar: Liar): Behaviour {
  return changingOrders(liar, ({ order }, value) => [
    orderOf(liar, order.statement.instance, [], value.deps),
  ]);
}

export function equivocateReplies(liar: Liar): Behaviour {
  const isOther = halves(liar);
  return changingReplies(liar, ({ instance, value }, to) => {
    if (!value || !isOther(to, instance.index)) return undefined;
    const deps =
      instance.index % 2 === 0 ? onlyOwn(instance, value) : invented(liar, instance, value);
    return { ...value, deps };
  });
}

/** Its proposals, and what it says of others', name a batch that would touch nothing else. */
export function falselyTouched(liar: Liar): Behaviour {
  const isOther = halves(liar);
  const nothing = digestOfTouched({ isBarrier: false, clients: [], keys: [], asked: [] });
  const changed = (value: InstanceValue): InstanceValue => ({ ...value, touched: nothing });
  const orders = changingOrders(liar, ({ order, batch }, value, to) => {
    const { instance } = order.statement;
    if (!isOther(to, instance.index)) return undefined;
    const lie = replyOf(liar, liar.self, instance, changed(value));
    return [{ kind: 'spec-order', scope: 'ezbft', order: lie, batch }];
  });
  const replies = changingReplies(liar, ({ instance, value }, to) =>
    value && isOther(to, instance.index) ? changed(value) : undefined,
  );
  return {
    outgoing: (to, message) => orders.outgoing?.(to, message) ?? replies.outgoing?.(to, message),
  };
}

export function refuseEverything(liar: Liar): Behaviour {
  const isOther = halves(liar);
  return changingReplies(liar, ({ instance }, to) =>
    isOther(to, instance.index) ? null : undefined,
  );
}

export function silentReplier(liar: Liar): Behaviour {
  const isLeftOut = halves(liar);
  return changingReplies(liar, (_said, to) => (isLeftOut(to) ? 'nothing' : undefined));
}

/** Keeps what everybody said; the liars' own is changed by `lie`. */
function remembering(): { readonly known: Known[]; readonly behaviour: Behaviour } {
  const known: Known[] = [];
  const find = (instance: Instance): Known => {
    const found = known.find(
      (one) => one.instance.space === instance.space && one.instance.index === instance.index,
    );
    if (found) return found;
    const fresh = { instance, replies: new Map(), batches: new Map<string, Batch>() };
    known.push(fresh);
    if (known.length > REMEMBERED) known.shift();
    return fresh;
  };
  const behaviour: Behaviour = {
    incoming: (from, message) => {
      if (message.kind === 'spec-order') {
        const { instance, value } = message.order.statement;
        const entry = find(instance);
        entry.replies.set(instance.space, message.order);
        if (value) entry.batches.set(value.digest, message.batch);
      }
      if (message.kind === 'spec-reply') {
        find(message.reply.statement.instance).replies.set(from, message.reply);
      }
      return true;
    },
  };
  return { known, behaviour };
}

/** Has instances settled by other lies of its own and its friends' than the others were told, and early. */
export function falseSettlements(liar: Liar): Behaviour {
  const { known, behaviour } = remembering();
  liar.every(150, () => {
    const { n, f } = liar.resilience;
    const usable = known.filter(({ replies }) => replies.size >= n - f - 1);
    if (usable.length === 0) return;
    const { instance, replies, batches } = liar.random.pick(usable);
    const lies = new Map(replies);
    const [honest] = [...replies.values()].flatMap(({ statement }) => statement.value ?? []);
    for (const friend of liar.conspiracy.signers.keys()) {
      const deps = honest && invented(liar, instance, honest);
      const value = honest && deps && liar.random.chance(0.7) ? { ...honest, deps } : null;
      lies.set(friend, replyOf(liar, friend, instance, value));
    }
    const chosen = liar.random.sample([...lies], n - f).sort(([a], [b]) => a - b);
    if (chosen.length < n - f) return;
    liar.lied();
    const said = chosen.map(([replica, reply]) => ({ replica, reply }));
    const batch = liar.random.pick([null, ...batches.values()]);
    const touched = batch && laneJudge.touchedBy(liar.random.chance(0.3) ? [] : batch);
    const payload = encodeSettlement({ said, touched });
    const request = { client: instanceClient(instance.space), number: instance.index, payload };
    liar.broadcast({ kind: 'requests', scope: 'ezbft-decisions', batch: [request] });
  });
  return behaviour;
}

/** Shows as fast what is not: signatures of other values, or the same one twice; at once where replies differ. */
export function mixedReplies(liar: Liar): Behaviour {
  const { memory, conspiracy, resilience, random } = liar;
  const show = (replies: ReadonlyMap<ReplicaId, Signed<SpecReply>>): void => {
    const named = [...replies.values()].filter(({ statement }) => statement.value);
    if (named.length === 0) return;
    const any = random.pick(named);
    const batch = any.statement.value && memory.batches.get(any.statement.value.digest);
    if (!batch) return;
    liar.lied();
    const { statement, bytes } = any;
    const signatures = Array.from({ length: resilience.n }, (_, index) => {
      const replica = index as ReplicaId;
      const isFriend = conspiracy.signers.has(replica);
      const own = isFriend ? liar.signAs(replica, statement) : undefined;
      return { replica, signature: (own ?? replies.get(replica) ?? any).signature };
    });
    const shared = { statement, bytes, signatures };
    liar.broadcast({ kind: 'commit-fast', scope: 'ezbft', replies: shared, batch });
  };
  liar.every(200, () => {
    const known = [...memory.replies.values()].filter(({ size }) => size > 1);
    if (known.length > 0) show(random.pick(known));
  });
  return {
    incoming: (_from, message) => {
      if (message.kind !== 'spec-reply') return true;
      const { space, index } = message.reply.statement.instance;
      const replies = memory.replies.get(nameOfInstance(space, index)) ?? new Map();
      const said = new Set([...replies.values()].map(({ bytes }) => bytes.join()));
      if (said.size > 1) show(replies);
      return true;
    },
  };
}

/** Asks for every instance, those to come as well. */
export function floodInstances(liar: Liar): Behaviour {
  const { known, behaviour } = remembering();
  liar.every(80, () => {
    if (known.length === 0) return;
    liar.lied();
    const { space, index } = liar.random.pick(known).instance;
    const instance = { space, index: index + liar.random.int(INVENTED) };
    liar.broadcast({ kind: 'fetch-instance', scope: 'ezbft', instance });
  });
  return behaviour;
}

/** Has lost its store again and again, and tells those that have lost theirs that it was nowhere, or far away. */
export function criesLostInstances(liar: Liar): Behaviour {
  const { known, behaviour } = remembering();
  const far = (): number[] =>
    Array.from({ length: liar.resilience.n }, () => {
      const last = Math.max(0, ...known.map(({ instance }) => instance.index));
      return liar.random.pick([0, last, last + 20, 2 ** 40]);
    });
  liar.every(400, () => {
    liar.lied();
    const nonce = digestOfText(`${liar.self} ${liar.random.int(1_000_000)}`);
    liar.broadcast({ kind: 'lost-instances', scope: 'ezbft', nonce, closed: far() });
  });
  return {
    ...behaviour,
    outgoing: (_to, message) => {
      if (message.kind !== 'reach-instances') return undefined;
      liar.lied();
      return [{ ...message, executed: far() }];
    },
  };
}
