import { sha256 } from '../../../../src/kernel/digest.js';
import type { ReplicaId } from '../../../../src/kernel/ids.js';
import type { SessionMessage } from '../../../../src/session/message.js';
import { digestOfResult } from '../../../../src/session/proof.js';
import type { SessionBehaviour, SessionLiar } from './liar.js';

const wrong = sha256(new TextEncoder().encode('wrong'));

function changing(
  liar: SessionLiar,
  change: (message: SessionMessage, to: ReplicaId) => readonly SessionMessage[] | undefined,
): SessionBehaviour {
  return {
    outgoing: (to, message) => {
      const instead = change(message, to);
      if (instead) liar.lied();
      return instead;
    },
  };
}

/** Witnesses other results than it has simulated. */
export function falseWitness(liar: SessionLiar): SessionBehaviour {
  const result = digestOfResult({ kind: 'rejected', reason: 'I say no' });
  return changing(liar, (message) => {
    if (message.kind !== 'witness') return undefined;
    const witnesses = message.witnesses.map(({ statement }) => liar.sign({ ...statement, result }));
    return [{ ...message, witnesses }];
  });
}

/** Witnesses nothing. */
export function silentWitness(liar: SessionLiar): SessionBehaviour {
  return changing(liar, (message) => (message.kind === 'witness' ? [] : undefined));
}

/** Signs other histories than the agreed one. */
export function falseHistories(liar: SessionLiar): SessionBehaviour {
  return changing(liar, (message) => {
    if (message.kind !== 'history') return undefined;
    return [{ ...message, history: liar.sign({ ...message.history.statement, root: wrong }) }];
  });
}

/** Collects signatures, and sends nobody the certificate. */
export function withheldCertificates(liar: SessionLiar): SessionBehaviour {
  return changing(liar, (message) => (message.kind === 'certificate' ? [] : undefined));
}

/** Signs other orders than the agreed ones. */
export function falseOrders(liar: SessionLiar): SessionBehaviour {
  return changing(liar, (message) => {
    if (message.kind !== 'order') return undefined;
    return [{ ...message, order: liar.sign({ ...message.order.statement, transfers: wrong }) }];
  });
}

/** Says of orders what they did not come to. */
export function falseOrderReports(liar: SessionLiar): SessionBehaviour {
  return {
    ended: (input) => {
      liar.lied();
      const outcome = input.outcome === 'committed' ? { aborted: 'no money' } : 'committed';
      return { ...input, outcome };
    },
  };
}

/** Attests to other states, and to places far ahead. */
export function falseAttestations(liar: SessionLiar): SessionBehaviour {
  return {
    ...changing(liar, (message) => {
      if (message.kind !== 'attestation') return undefined;
      const { statement } = message.attestation;
      const attestation = liar.sign({ ...statement, value: wrong, position: 1_000_000 });
      return [{ ...message, attestation }];
    }),
    answering: (answer) => {
      if (answer.kind !== 'attested') return undefined;
      liar.lied();
      const { statement } = answer.attestation;
      return { ...answer, attestation: liar.sign({ ...statement, position: 1_000_000 }) };
    },
  };
}

/** Passes on finals with other outcomes in them. */
export function falseFinals(liar: SessionLiar): SessionBehaviour {
  return changing(liar, (message) => {
    if (message.kind !== 'final') return undefined;
    const outcomes = message.outcomes.map((outcome) => ({
      ...outcome,
      result: { kind: 'rejected', reason: 'so they say' } as const,
    }));
    return [{ ...message, outcomes }];
  });
}

/** Says again what it said long ago, to anybody. */
export function repeatOld(liar: SessionLiar): SessionBehaviour {
  const said: SessionMessage[] = [];
  liar.every(300, () => {
    if (said.length === 0) return;
    liar.lied();
    const message = liar.random.pick(said);
    for (let to = 0; to < liar.n; to += 1)
      if (to !== liar.self) liar.send(to as ReplicaId, message);
  });
  return {
    outgoing: (_to, message) => {
      said.push(message);
      if (said.length > 100) said.shift();
      return undefined;
    },
  };
}

/** Helps nobody who lacks something. */
export function neverShow(liar: SessionLiar): SessionBehaviour {
  return {
    incoming: (_from, message) => {
      if (message.kind !== 'fetch') return true;
      liar.lied();
      return false;
    },
  };
}
