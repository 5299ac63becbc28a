import type { ReplicaId } from '../../../src/kernel/ids.js';
import { verifyOperationProof } from '../../../src/session/check-proof.js';
import {
  LIVENESS_MS,
  outOfSteps,
  type Report,
  type RunOptions,
  runTrial,
  type Trial,
} from '../kit/trial.js';
import type { Violation } from '../kit/violation.js';
import { startChaos } from '../ordering/chaos.js';
import { checkRest, countPlan, notBack } from '../ordering/replica-trial.js';
import { isRefused } from './bank.js';
import { sendClients, sendPump } from './errands.js';
import { checkPromises } from './evidence.js';
import type { OwnedSession } from './owners.js';
import type { Answer } from './packets.js';
import type { SessionsPlan } from './plan.js';
import { operationKey } from './witness.js';
import { productionSessions, type SessionCoreFactory, SessionsWorld } from './world.js';

export interface SessionsSimulation extends RunOptions {
  readonly core?: SessionCoreFactory;
}

/** Until operations whose clients have gone away are final, too. */
const SETTLING_MS = 60_000;
const AUDIT_MS = 5000;
const AUDITS = 3;
/** Positions that the order is made to move on, so that short promises are over. */
const PUMPED = 25;

/** Runs a plan of sessions. */
export function simulateSessions(
  plan: SessionsPlan,
  options: SessionsSimulation = {},
): Report<SessionsPlan> {
  const world = new SessionsWorld(plan, options.core ?? productionSessions, options.narrate);
  sendClients(world);
  const chaos = startChaos(world);
  const trial: Trial = {
    isFinished: () => world.clientsBusy === 0 && world.lost.length === 0,
    settle: () => settle(world),
    unfinished: () => unfinished(world),
    always: () => safety(world),
    count: () => countRun(world),
  };
  return runTrial(world, chaos, trial, options.steps);
}

function unfinished(world: SessionsWorld): Violation[] {
  const { clientsBusy, cores, witness } = world;
  const places = cores.map(({ replica, core }) => `${replica} at ${core.metrics.position}`);
  const known = `${witness.finals.size} operations are final`;
  const what = `${clientsBusy} clients still wait; ${known}; ${places.join(', ')}`;
  return [
    ...(clientsBusy > 0 ? [{ checker: 'everything-final', what }] : []),
    ...notBack(world),
    ...outOfSteps(world, 'everything-final'),
  ];
}

/** All clients have what they came for: the same everywhere, provably, and nothing moves any more. */
function settle(world: SessionsWorld): readonly Violation[] {
  const { engine, coverage, plan, witness } = world;
  coverage.atLeast('longest ms until all was final', engine.nowMs - plan.chaosMs);
  const run = (durationMs: number, done: () => boolean = () => false): void => {
    const stepsMax = engine.steps + plan.stepsMax;
    engine.run({ untilMs: engine.nowMs + durationMs, stepsMax, done });
  };
  run(SETTLING_MS);
  if (isShort(plan)) {
    sendPump(world, PUMPED);
    run(LIVENESS_MS, () => world.clientsBusy === 0);
    run(AUDIT_MS);
  }
  const missing = audit(world, run);
  const standings = new Map<string, Map<ReplicaId, Extract<Answer, { kind: 'attested' }>>>();
  const everybody = Array.from({ length: plan.n }, (_, index) => index as ReplicaId);
  for (const session of witness.sessions.values()) {
    const of = new Map<ReplicaId, Extract<Answer, { kind: 'attested' }>>();
    standings.set(session.id, of);
    world.audit(everybody, { kind: 'attest', session: session.id }, (replica, answer) => {
      if (answer.kind === 'attested') of.set(replica, answer);
    });
  }
  run(AUDIT_MS);
  const promises = checkPromises(world, standings);
  return [...missing, ...promises, ...checkRest(world, SETTLING_MS)];
}

/** Every correct replica is asked what came of every operation, until it has fetched what it lacked. */
function audit(world: SessionsWorld, run: (durationMs: number) => void): readonly Violation[] {
  const final = new Map<string, Set<ReplicaId>>();
  for (let round = 0; round < AUDITS; round += 1) {
    for (const session of world.witness.sessions.values()) {
      if (session.length > 0) askAll(world, session, final);
    }
    run(AUDIT_MS);
  }
  return [...world.witness.sessions.values()].flatMap((session) => notFinal(world, session, final));
}

function askAll(
  world: SessionsWorld,
  session: OwnedSession,
  final: Map<string, Set<ReplicaId>>,
): void {
  const { witness, correct, cast } = world;
  const question = { kind: 'status', session: session.id, from: 1 } as const;
  world.audit(correct, question, (replica, answer) => {
    if (answer.kind !== 'answer') return;
    for (const { sequence, status } of answer.statuses) {
      if (!('proof' in status)) continue;
      const key = operationKey(session.id, sequence);
      final.set(key, (final.get(key) ?? new Set()).add(replica));
      witness.final(key, status.result, `replica ${replica}`);
      if (verifyOperationProof(cast.keyring, status.proof).ok) continue;
      witness.fault('proofs', `replica ${replica}'s proof of ${key} does not verify`);
    }
  });
}

function notFinal(
  world: SessionsWorld,
  session: OwnedSession,
  final: ReadonlyMap<string, ReadonlySet<ReplicaId>>,
): Violation[] {
  const { witness, correct } = world;
  const found: Violation[] = [];
  for (let sequence = 1; sequence <= session.length; sequence += 1) {
    const key = operationKey(session.id, sequence);
    const known = final.get(key)?.size ?? 0;
    if (known === correct.length) continue;
    const what = `${key} is final at ${known} of ${correct.length}`;
    if (!witness.left.has(session.id)) found.push({ checker: 'final-everywhere', what });
    else if (witness.losses > world.plan.f) continue;
    else if (witness.witnessed.has(key)) found.push({ checker: 'witnessed-survives', what });
    else if (isPromised(world, key)) found.push({ checker: 'promises', what });
  }
  return found;
}

/** Whether promises are of so few positions that a run can see them broken. */
function isShort({ promisePositions, liars }: SessionsPlan): boolean {
  const isLiar = liars.some(({ behaviours }) => behaviours.includes('promise-without-proposing'));
  return promisePositions <= 20 || isLiar;
}

/** Whether a correct replica has promised the operation. */
function isPromised({ witness, correct }: SessionsWorld, key: string): boolean {
  const keepers = correct.filter((replica) => !witness.lost.has(replica));
  return keepers.some((replica) => witness.receipts.has(`${replica} ${key}`));
}

function safety(world: SessionsWorld): readonly Violation[] {
  const { witness, bank } = world;
  return [...checkMoney(world), ...bank.violations, ...witness.contradictions];
}

/** What was moved is what operations say that they have paid, and the other way round. */
function checkMoney({ witness, bank }: SessionsWorld): Violation[] {
  const found: Violation[] = [];
  for (const session of witness.sessions.values()) {
    for (let sequence = 1; sequence <= session.length; sequence += 1) {
      const operation = session.operation(sequence);
      const result = witness.finals.get(operationKey(session.id, sequence));
      if (operation?.kind !== 'call' || !operation.payload.startsWith('pay ') || !result) continue;
      const amount = Number(operation.payload.slice('pay '.length));
      const isMoved = bank.moved.has(amount);
      if (isMoved !== (result.kind === 'done')) {
        found.push({ checker: 'money', what: `${amount}: moved ${isMoved}, ${result.kind}` });
      }
      if (isMoved && isRefused(amount)) found.push({ checker: 'money', what: `${amount} moved` });
    }
  }
  return found;
}

function countRun(world: SessionsWorld): void {
  const { coverage, witness, bank, cores } = world;
  countPlan(world);
  coverage.count('outcomes known', witness.finals.size);
  coverage.count('operations witnessed', witness.witnessed.size);
  coverage.count('orders at the bank', bank.orders);
  for (const { core } of cores) {
    const { committed, changed, aborted, doubted } = core.metrics;
    coverage.count('outcomes as simulated', committed);
    coverage.count('outcomes changed', changed);
    coverage.count('outcomes aborted', aborted);
    coverage.count('operations doubted', doubted);
  }
}
