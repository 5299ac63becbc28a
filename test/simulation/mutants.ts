import type { OutcomeValue, Slot } from '../../src/agreement/messages.js';
import { signStatement } from '../../src/agreement/signing.js';
import { BankCore } from '../../src/banking/bank/bank-core.js';
import type { PostingCall } from '../../src/banking/soap.js';
import type { Core } from '../../src/kernel/core.js';
import { sha256 } from '../../src/kernel/digest.js';
import { clientId, type Digest, replicaId, type View } from '../../src/kernel/ids.js';
import {
  CoordinatorCore,
  type CoordinatorOptions,
} from '../../src/transaction/coordinator/core/coordinator.js';
import type { CoordinatorOutput } from '../../src/transaction/coordinator/core/messages.js';
import { Initiator } from '../../src/transaction/initiator/initiator.js';
import type {
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
} from '../../src/transaction/initiator/messages.js';
import type { Cores } from './run/cores.js';

/** Deliberately broken cores, each for a checker to catch. */

/** A core whose outputs are changed. */
function changed<Input, Output>(
  core: Core<Input, Output>,
  change: (output: Output | CommonOf<Output>) => readonly (Output | CommonOf<Output>)[],
): Core<Input, Output> {
  return {
    restore: (records) => core.restore(records).flatMap((one) => change(one as never)) as never,
    handle: (input) => core.handle(input).flatMap((one) => change(one as never)) as never,
  };
}

type CommonOf<Output> = ReturnType<Core<never, Output>['handle']>[number];

const coordinator = (
  change: (output: CoordinatorOutput, options: CoordinatorOptions) => readonly CoordinatorOutput[],
): Partial<Cores> => ({
  coordinator: (options) =>
    changed(new CoordinatorCore(options), (output) => change(output as CoordinatorOutput, options)),
});

const initiator = (
  change: (
    output: InitiatorOutput<PostingCall>,
    options: InitiatorOptions,
  ) => readonly InitiatorOutput<PostingCall>[],
): Partial<Cores> => ({
  initiator: (options) =>
    changed(new Initiator<PostingCall>(options), (output) =>
      change(output as InitiatorOutput<PostingCall>, options),
    ),
});

/** Votes twice at one ballot. */
export const votesTwice = coordinator((output, { sign, cluster }) => {
  if (output.kind !== 'broadcast' || output.message.kind !== 'phase') return [output];
  const { statement } = output.message.signed;
  if (statement.phase !== 'prepare') return [output];
  const other = { ...statement, digest: sha256(Buffer.from('another value')) };
  const signed = signStatement(sign, cluster, other);
  return [output, { kind: 'broadcast', message: { kind: 'phase', signed } }];
});

/** Never says that it commits. */
export const neverCommits = coordinator((output) =>
  output.kind === 'broadcast' &&
  output.message.kind === 'phase' &&
  output.message.signed.statement.phase === 'commit'
    ? []
    : [output],
);

/** Cuts a signature short in what it tells the banks. */
export const spoilsProofs = coordinator((output) => {
  if (output.kind !== 'notify-participant' || !output.certificate) return [output];
  const signatures = output.certificate.signatures.slice(1);
  return [{ ...output, certificate: { ...output.certificate, signatures } }];
});

/** Keeps its votes on disk when they have served. */
export const keepsVotes = coordinator((output) =>
  output.kind === 'persist' && output.key.startsWith('voted/') && output.value === null
    ? []
    : [output],
);

/** Writes ten records for every message that it sends. */
export const hoards = (): Partial<Cores> => {
  let records = 0;
  return coordinator((output) => {
    if (output.kind !== 'send' && output.kind !== 'broadcast') return [output];
    const junk = Array.from({ length: 10 }, () => {
      records += 1;
      return { kind: 'persist', key: `junk/${records}`, value: new Uint8Array(1) } as const;
    });
    return [...junk, output];
  });
};

/** Asks for another view every now and then, without a reason. */
export const isRestless: Partial<Cores> = {
  coordinator: (options) => {
    const core = new CoordinatorCore(options);
    const again = { kind: 'start-timer', name: 'restless', delayMs: 5000 } as const;
    return {
      restore: (records) => [...core.restore(records), again],
      handle: (input) => {
        if (input.kind !== 'timer' || input.name !== 'restless') return core.handle(input);
        const view = (core.status.view + 1) as View;
        const statement = { kind: 'view-change', view, prepared: [] } as const;
        const signed = signStatement(options.sign, options.cluster, statement);
        const viewChange = { ...signed, replica: options.self };
        return [{ kind: 'broadcast', message: { kind: 'view-change', viewChange } }, again];
      },
    };
  },
};

/** Throws where a vote comes. */
export const throws: Partial<Cores> = {
  coordinator: (options) => {
    const core = new CoordinatorCore(options);
    return {
      restore: (records) => core.restore(records),
      handle: (input) => {
        if (input.kind === 'vote') throw new Error('a vote');
        return core.handle(input);
      },
    };
  },
};

/** Proposes, and takes from others, a commit without one of the participants. */
class ForgetsParticipant extends CoordinatorCore {
  override outcomeFor(slot: Slot): OutcomeValue | undefined {
    const value = super.outcomeFor(slot);
    return value?.outcome === 'commit' ? { ...value, records: value.records.slice(1) } : value;
  }

  override judge(): { verdict: 'accept' } {
    return { verdict: 'accept' };
  }
}

export const forgetsParticipant: Partial<Cores> = {
  coordinator: (options) => new ForgetsParticipant(options),
};

/** Takes an abort for a timeout without waiting for one. */
class AbortsAtOnce extends CoordinatorCore {
  override outcomeFor(slot: Slot): OutcomeValue | undefined {
    const value = super.outcomeFor(slot);
    if (!value) return undefined;
    return { ...value, outcome: 'abort', reason: 'timeout', completion: [] };
  }

  override judge(): { verdict: 'accept' } {
    return { verdict: 'accept' };
  }
}

export const abortsAtOnce: Partial<Cores> = { coordinator: (options) => new AbortsAtOnce(options) };

/** Takes each coordinator's notice for that of two. */
export const believesAnyone: Partial<Cores> = {
  bank: (options, accounts) => {
    const { n } = options.resilience;
    const core = new BankCore(options, accounts);
    return {
      restore: (records) => core.restore(records),
      handle: (input) => {
        if (input.kind !== 'notified') return core.handle(input);
        const replica = replicaId((input.replica + 1) % n);
        return [...core.handle(input), ...core.handle({ ...input, replica })];
      },
    };
  },
};

/** Never hears an outcome. */
export const deafToOutcomes: Partial<Cores> = {
  bank: (options, accounts) => {
    const core = new BankCore(options, accounts);
    return {
      restore: (records) => core.restore(records),
      handle: (input) =>
        input.kind === 'notified' && input.message !== 'prepare' ? [] : core.handle(input),
    };
  },
};

/** Credits twice of what it is told. */
export const creditsTwice: Partial<Cores> = {
  bank: (options, accounts) => {
    const core = new BankCore(options, accounts);
    return {
      restore: (records) => core.restore(records),
      handle: (input) => {
        if (input.kind !== 'invited' || input.operation.kind !== 'credit')
          return core.handle(input);
        const amountMinor = 2 * input.operation.amountMinor;
        return core.handle({ ...input, operation: { ...input.operation, amountMinor } });
      },
    };
  },
};

/** Tells the client the opposite. */
export const tellsTheOpposite = initiator((output) => {
  if (output.kind !== 'answer' || output.reply.kind !== 'outcome') return [output];
  const outcome = output.reply.outcome === 'committed' ? 'aborted' : 'committed';
  return [{ ...output, reply: { ...output.reply, outcome } }];
});

/** Asks for a transaction of its own along with each that a client wants. */
export const asksForItself = initiator((output, { sign }) => {
  if (output.kind !== 'send-activation') return [output];
  const { statement } = output.statement;
  const own = { ...statement, client: clientId('nobody'), request: 'ab'.repeat(32) as Digest };
  return [output, { ...output, request: own.request, statement: sign(own) }];
});

/** Makes two transactions of each request: the second one under a timestamp of its own. */
export const doesItTwice: Partial<Cores> = {
  initiator: (options) => {
    const second = { ...options.timing, defaultExpiresMs: options.timing.defaultExpiresMs + 1 };
    const cores = [
      new Initiator<PostingCall>(options),
      new Initiator<PostingCall>({ ...options, timing: second }),
    ];
    return {
      restore: () => [],
      handle: (input) => cores.flatMap((core, index) => forCore(core, index, input)),
    };
  },
};

function forCore(
  core: Initiator<PostingCall>,
  index: number,
  input: InitiatorInput<PostingCall> | { kind: 'timer'; name: string },
) {
  const mine = input.kind === 'timer' ? Number(input.name.slice(-1)) === index : true;
  if (!mine) return [];
  const own = ownOf(index, input);
  return core
    .handle(own)
    .map((output) =>
      output.kind === 'start-timer' || output.kind === 'stop-timer'
        ? { ...output, name: `${output.name}#${index}` }
        : output,
    );
}

function ownOf(
  index: number,
  input: InitiatorInput<PostingCall> | { kind: 'timer'; name: string },
) {
  if (input.kind === 'timer') return { ...input, name: input.name.slice(0, -2) };
  if (input.kind !== 'request') return input;
  return { ...input, timestamp: input.timestamp + index * 1_000_000 };
}
