import { sha256 } from '../../../../src/kernel/digest.js';
import type { Digest, View } from '../../../../src/kernel/ids.js';
import {
  type Cycle,
  cycleNumber,
  type OrderingMessage,
  type OrderingScope,
} from '../../../../src/ordering/types.js';
import { type Behaviour, halves, type Liar } from './liar.js';

const scopes = ['antipaxos', 'decision-module', 'pbft'] as const;
const instanceScopes = ['ezbft', 'ezbft-decisions'] as const;

/** What it lies about: Antipaxos and PBFT, or ezBFT, or FaB. */
function scopesOf({ memory }: Liar): readonly OrderingScope[] {
  if (memory.twoStepScope === 'fab') return ['fab'];
  return memory.hasInstances ? instanceScopes : scopes;
}

/** Says nothing to some, to one half at a time, or to anybody. */
export function silentToSome(liar: Liar): Behaviour {
  const isLeftOut = halves(liar);
  return {
    outgoing: (to) => {
      if (!isLeftOut(to)) return undefined;
      liar.lied();
      return [];
    },
  };
}

/** Does as it should until it stops for good. */
export function silent(liar: Liar): Behaviour {
  let isSilent = false;
  liar.after(liar.random.between(0, 8000), () => {
    isSilent = true;
  });
  return {
    outgoing: () => {
      if (!isSilent) return undefined;
      liar.lied();
      return [];
    },
  };
}

/** Takes turns: as it should for a while, then silent but for wanting to come back. */
export function awayAndBack(liar: Liar): Behaviour {
  let isAway = false;
  liar.every(2500, () => {
    isAway = !isAway;
  });
  liar.every(500, () => {
    if (isAway || liar.random.chance(0.3)) rejoin(liar);
  });
  return {
    outgoing: (_to, message) => {
      if (!isAway || (message.kind !== 'proposal' && message.kind !== 'report')) return undefined;
      liar.lied();
      return [];
    },
  };
}

function rejoin(liar: Liar): void {
  liar.lied();
  const position = liar.memory.highestCycle + liar.random.int(3);
  liar.broadcast({ kind: 'rejoin', scope: 'antipaxos', position });
}

/** Wants to come back though it has not been away, from places where nobody is. */
export function rejoinAlways(liar: Liar): Behaviour {
  liar.every(300, () => {
    liar.lied();
    const position = liar.random.pick([0, liar.memory.highestCycle, 2 ** 40]);
    liar.broadcast({ kind: 'rejoin', scope: 'antipaxos', position });
  });
  return {};
}

/** Is everywhere at once, as far as one believes it. */
export function falseStatus(liar: Liar): Behaviour {
  liar.every(300, () => {
    liar.lied();
    for (const scope of scopesOf(liar)) {
      const position = liar.random.pick([0, liar.memory.highestCycle, 2 ** 40]);
      const stable = liar.random.pick([0, position, 2 ** 40]);
      const view = liar.random.pick([0, liar.memory.view, 1_000_000]) as View;
      liar.broadcast({ kind: 'status', scope, view, position, stable });
    }
  });
  return {};
}

/**
 * Has lost its store again and again, and wants everybody elsewhere for that. Those that have lost theirs it tells
 * that it was nowhere, or far away.
 */
export function criesLost(liar: Liar): Behaviour {
  liar.every(400, () => {
    liar.lied();
    const nonce = sha256(new TextEncoder().encode(`${liar.self} ${liar.random.int(1_000_000)}`));
    for (const scope of scopesOf(liar)) {
      const position = liar.random.pick([0, liar.memory.highestCycle + 5, 2 ** 40]);
      const view = liar.random.pick([0, liar.memory.view, liar.memory.view + 1, 2 ** 40]) as View;
      liar.broadcast({ kind: 'lost', scope, nonce, view, position });
    }
  });
  return {
    outgoing: (_to, message) => {
      if (message.kind !== 'reach') return undefined;
      liar.lied();
      const far = liar.random.pick([0, 2 ** 40, 2 ** 52]);
      return [{ ...message, view: far as View, position: far }];
    },
  };
}

/** Its checkpoints are of other states, and of places that nobody has reached. */
export function falseCheckpoints(liar: Liar): Behaviour {
  const wrong: Digest = sha256(new TextEncoder().encode(`state of ${liar.self}`));
  liar.every(1500, () => {
    liar.lied();
    const scope = liar.random.pick(scopesOf(liar));
    const position = 64 * (1 + liar.random.int(1_000_000));
    const statement = { kind: 'checkpoint', scope, position, digest: wrong } as const;
    liar.broadcast({ kind: 'checkpoint', scope, signed: liar.sign(statement) });
  });
  return {
    outgoing: (_to, message) => {
      if (message.kind !== 'checkpoint' || message.signed.statement.kind !== 'checkpoint') {
        return undefined;
      }
      liar.lied();
      return [{ ...message, signed: liar.sign({ ...message.signed.statement, digest: wrong }) }];
    },
  };
}

/** Shows states that nobody vouches for, and old ones, and hands out chunks of none. */
export function falseStates(liar: Liar): Behaviour {
  liar.every(1200, () => {
    const [old] = liar.memory.states;
    if (!old) return;
    liar.lied();
    liar.broadcast(old);
    liar.broadcast({ ...old, manifest: { own: 0, chunks: old.manifest.chunks.slice(1) } });
  });
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'chunk') return undefined;
      liar.lied();
      liar.send(to, { ...message, bytes: message.bytes.map((byte) => byte ^ 1) });
      return [];
    },
  };
}

/** Shows fast decisions of its own making, of reports that do not make one. */
export function falseFastDecisions(liar: Liar): Behaviour {
  liar.every(500, () => {
    const { memory, resilience, conspiracy } = liar;
    const cycle = memory.highestCycle - liar.random.int(3);
    const reports = new Map(memory.reports.get(cycle) ?? []);
    const any = reports.values().next().value;
    if (!any) return;
    for (const friend of conspiracy.signers.keys()) {
      reports.set(friend, liar.signAs(friend, { ...any.statement, replica: friend }));
    }
    const sorted = [...reports.values()].sort((a, b) => a.statement.replica - b.statement.replica);
    if (sorted.length < resilience.n - resilience.f) return;
    liar.lied();
    liar.broadcast({ kind: 'fast-decision', scope: 'antipaxos', reports: sorted });
  });
  return {};
}

/** Asks for everything, again and again. */
export function floodFetches(liar: Liar): Behaviour {
  liar.every(60, () => {
    liar.lied();
    const { highestCycle, proposals } = liar.memory;
    const cycle = cycleNumber(Math.max(1, highestCycle - liar.random.int(20))) as Cycle;
    for (const of of proposals.get(cycle)?.values() ?? []) {
      for (const digest of of.keys()) {
        liar.broadcast({ kind: 'fetch-value', scope: 'antipaxos', cycle, digest });
      }
    }
    for (const scope of scopesOf(liar)) {
      const digest = sha256(new TextEncoder().encode(`${liar.random.int(1000)}`));
      liar.broadcast({ kind: 'fetch-batch', scope, digest });
    }
  });
  return {};
}

/** Says again what it said long ago, to anybody. */
export function repeatStale(liar: Liar): Behaviour {
  liar.every(250, () => {
    const { said } = liar.memory;
    if (said.length === 0) return;
    liar.lied();
    const { message } = liar.random.pick(said);
    liar.broadcast(message);
  });
  return {};
}

/** Everything that it says comes late. */
export function slowEverything(liar: Liar): Behaviour {
  const delayMs = liar.random.between(30, 700);
  return {
    outgoing: (to, message) => {
      liar.lied();
      liar.after(delayMs * liar.random.between(0.8, 1.2), () => liar.send(to, message));
      return [];
    },
  };
}

/** Keeps to itself what others ask for. */
export function neverHelp(liar: Liar): Behaviour {
  const helpful = new Set<OrderingMessage['kind']>([
    ...(['committed', 'fast-committed', 'state', 'batch', 'stable'] as const),
  ]);
  return {
    incoming: (_from, message) => {
      if (message.kind !== 'fetch-value' && message.kind !== 'fetch-batch') return true;
      liar.lied();
      return false;
    },
    outgoing: (_to, message) => {
      if (!helpful.has(message.kind) && message.kind !== 'fast-decision') return undefined;
      liar.lied();
      return [];
    },
  };
}
