import type { Application, Call, CallResult, State } from 'concordat/application';
import { interferes } from './interference.js';
import { keys, supplyChainLimits } from './keys.js';
import { append, type Deed, encodeHistory, type Package, readPackage } from './package-history.js';
import { Rejection } from './rejection.js';
import { parseStep, type Step, unknownStep } from './steps.js';
import { isSupplierSignature } from './supplier-signature.js';

/**
 * Goods on their way from suppliers to couriers. Calls are `Step`s as JSON, results are JSON too. A
 * package's whole history is one value, under `keys.package(id)`: one proof shows all of it.
 */
export const supplyChain: Application = {
  name: 'supply-chain',
  simulate: perform,
  apply: perform,
  interferes,
};

/** Compiled modules stand two folders deeper than the pages, which are served as they are. */
const pages = new URL(
  import.meta.url.endsWith('.ts') ? 'pages/' : '../../../examples/supply-chain/pages/',
  import.meta.url,
);

export default { application: supplyChain, pages };

function perform(state: State, call: Call): CallResult {
  try {
    return { kind: 'done', result: JSON.stringify(take(state, call, parseStep(call.payload))) };
  } catch (error) {
    if (error instanceof Rejection) return { kind: 'rejected', reason: error.message };
    throw error;
  }
}

function take(state: State, call: Call, step: Step): object {
  switch (step.do) {
    case 'register-supplier':
      return registerSupplier(state, call, step);
    case 'create-package':
      return createPackage(state, call, step);
    case 'start-work':
      return startWork(state, call, step.station);
    case 'scan':
      return scan(state, call, step);
    case 'validate-signature': {
      const item = heldPackage(state, call, step.package);
      const valid = isSupplierSignature(item, item.publicKey, item.signature);
      return { ...record(state, call, step, item, { do: step.do, valid }), valid };
    }
    case 'quality-check': {
      const { passed, notes } = step;
      const item = heldPackage(state, call, step.package);
      return { ...record(state, call, step, item, { do: step.do, passed, notes }), passed };
    }
    case 'label':
      return label(state, call, step);
    case 'release': {
      const item = openPackage(state, step.package);
      if (item.holder?.owner !== call.owner) {
        throw new Rejection(`package ${step.package} is not yours to release: ${holderOf(item)}`);
      }
      return record(state, call, step, item, { do: step.do });
    }
    case 'archive':
      return archive(state, call, step.package);
    case 'history': {
      const { history, signature, publicKey, ...rest } = knownPackage(state, step.package);
      return { ...rest, entries: history.length, hash: history.at(-1)?.hash };
    }
    default:
      return unknownStep(step);
  }
}

type StepOf<Do extends Step['do']> = Extract<Step, { readonly do: Do }>;

function registerSupplier(state: State, call: Call, step: StepOf<'register-supplier'>): object {
  const { supplier, publicKey } = step;
  const key = keys.supplier(supplier);
  if (state.get(key) !== undefined)
    throw new Rejection(`supplier ${supplier} is registered already`);
  countOf(state, call.owner);
  state.set(key, JSON.stringify({ publicKey, registeredBy: call.owner }));
  return { supplier };
}

function createPackage(state: State, call: Call, step: StepOf<'create-package'>): object {
  const { package: id, supplier, contents, weightGrams, signature } = step;
  const known = state.get(keys.supplier(supplier));
  if (known === undefined) throw new Rejection(`supplier ${supplier} is not registered`);
  if (state.get(keys.package(id)) !== undefined)
    throw new Rejection(`package ${id} exists already`);
  if (state.get(keys.archived(id)) !== undefined) throw new Rejection(`package ${id} is archived`);
  const { publicKey } = JSON.parse(known) as { publicKey: string };
  const deed = { do: step.do, supplier, contents, weightGrams, signature, publicKey };
  return record(state, call, step, { package: id, history: [] }, deed);
}

interface Work {
  readonly session: string;
  readonly station: string;
}

function startWork(state: State, { owner, session }: Call, station: string): object {
  const others = workOf(state, owner).filter((work) => work.session !== session);
  const work = [...others, { session, station }].slice(-supplyChainLimits.sessionsOfOwner);
  state.set(keys.operator(owner), JSON.stringify(work));
  return { station };
}

function workOf(state: State, owner: string): readonly Work[] {
  return JSON.parse(state.get(keys.operator(owner)) ?? '[]') as Work[];
}

function scan(state: State, call: Call, step: StepOf<'scan'>): object {
  const work = workOf(state, call.owner).find(({ session }) => session === call.session);
  if (work === undefined) throw new Rejection('say at which station you work first: start-work');
  const item = openPackage(state, step.package);
  if (item.holder !== undefined) {
    throw new Rejection(`package ${step.package} is taken: ${holderOf(item)}`);
  }
  const { supplier, contents, weightGrams } = item;
  const entry = record(state, call, step, item, { do: step.do, station: work.station });
  return { ...entry, supplier, contents, weightGrams };
}

function label(state: State, call: Call, step: StepOf<'label'>): object {
  const { package: id, courier } = step;
  const item = heldPackage(state, call, id);
  if (item.signatureValid === undefined)
    throw new Rejection(`validate the signature of ${id} first`);
  if (!item.signatureValid) {
    throw new Rejection(`package ${id} is not signed by ${item.supplier}: it cannot be sent`);
  }
  if (item.passed === undefined) throw new Rejection(`check the quality of ${id} first`);
  if (!item.passed)
    throw new Rejection(`package ${id} failed its quality check: it cannot be sent`);
  const key = keys.label(courier, step.label);
  const taken = state.get(key);
  if (taken !== undefined) {
    throw new Rejection(`label ${step.label} of ${courier} is on package ${taken} already`);
  }
  state.set(key, id);
  return record(state, call, step, item, { do: step.do, courier, label: step.label });
}

/** The operator who labelled the package, and nobody else, may archive it. */
function archive(state: State, { owner }: Call, id: string): object {
  const { label: given, history } = knownPackage(state, id);
  if (given === undefined) throw new Rejection(`package ${id} has no label yet`);
  if (given.owner !== owner) throw new Rejection(`package ${id} is ${given.owner}'s to archive`);
  const hash = history.at(-1)?.hash ?? '';
  state.delete(keys.package(id));
  state.set(keys.archived(id), hash);
  return { package: id, entries: history.length, hash };
}

/** Writes what was done into the package's history. */
function record(
  state: State,
  call: Call,
  { at }: Step,
  { package: id, history }: Pick<Package, 'package' | 'history'>,
  deed: Deed,
): { package: string; entry: number; hash: string } {
  const { owner, session, sequence } = call;
  if (history.length >= supplyChainLimits.entriesOfPackage) {
    throw new Rejection(`the history of package ${id} is full: ${history.length} entries`);
  }
  const longer = append(id, history, deed, { owner, session, sequence, ...(at && { at }) });
  state.set(keys.package(id), encodeHistory(id, longer));
  return { package: id, entry: longer.length, hash: longer.at(-1)?.hash ?? '' };
}

function knownPackage(state: State, id: string): Package {
  const value = state.get(keys.package(id));
  const isArchived = state.get(keys.archived(id)) !== undefined;
  if (isArchived) throw new Rejection(`package ${id} is archived`);
  if (value === undefined) throw new Rejection(`package ${id} is not known here`);
  return readPackage(value);
}

/** A package that is not under way yet. */
function openPackage(state: State, id: string): Package {
  const item = knownPackage(state, id);
  if (item.label === undefined) return item;
  const { owner, courier, label: number } = item.label;
  throw new Rejection(`package ${id} has a label already: ${courier} ${number}, by ${owner}`);
}

/** A package that the session has scanned. */
function heldPackage(state: State, call: Call, id: string): Package {
  const item = openPackage(state, id);
  if (item.holder?.session === call.session) return item;
  const why = item.holder === undefined ? 'scan it first' : holderOf(item);
  throw new Rejection(`this session does not hold package ${id}: ${why}`);
}

function holderOf({ holder }: Package): string {
  if (holder === undefined) return 'nobody works on it';
  const { owner, session, station } = holder;
  return `${owner} works on it at ${station}, session ${session.slice(0, 8)}`;
}

/** One more supplier of the owner. */
function countOf(state: State, owner: string): void {
  const key = keys.suppliersOf(owner);
  const next = Number(state.get(key) ?? 0) + 1;
  const most = supplyChainLimits.suppliersOfOwner;
  if (next > most)
    throw new Rejection(`${owner} has registered ${most} suppliers: there is no room for more`);
  state.set(key, String(next));
}
