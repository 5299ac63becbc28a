import { type ClusterId, unreachable } from '../../src/kernel/ids.js';
import type { Sign } from '../../src/kernel/keys.js';
import type { Signed } from '../../src/kernel/signed.js';
import { encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import { decodeAssistance } from '../../src/ordering/report-codec.js';
import { decodeSettlement } from '../../src/ordering/settlement-codec.js';
import type {
  Batch,
  OrderingMessage,
  ReportStatement,
  SequencePrepared,
  SequenceViewChange,
  SharedCertificate,
  TwoStepViewChange,
} from '../../src/ordering/types.js';

/** A message on its way, weighed once for all its receivers. */
export interface Parcel {
  readonly message: OrderingMessage;
  readonly bytes: number;
  /** Clients' requests in it; each entry of a batch stands for a bundle of them. */
  readonly requests: number;
  /** Numbers of the signatures that a receiver checks, but for those that it has checked before. */
  readonly signatures: readonly number[];
}

/** How a request of a model stands for many: their number, and the payload of each in bytes. */
export interface Bundling {
  readonly bundle: number;
  readonly requestBytes: number;
}

/** What a request has on the wire besides payload, client's name and signature: lengths and number. */
const requestFramingBytes = 14;

/** What a client or a key that a settled batch touches has besides its name. */
const nameFramingBytes = 4;

/** A signer that makes no signature but a number for it, which tells signatures apart. */
export function numberingSigner(counter: { signatures: number }): Sign {
  return () => {
    counter.signatures += 1;
    const signature = new Uint8Array(64);
    new DataView(signature.buffer).setUint32(0, counter.signatures);
    return signature;
  };
}

export function weigh(cluster: ClusterId, message: OrderingMessage, bundling: Bundling): Parcel {
  const requests = requestsOf(message);
  const { bundle, requestBytes } = bundling;
  // The message holds one request without payload for each bundle; the others are added here.
  const names = requests.reduce((sum, { client }) => sum + client.length, 0);
  const framed = names + requests.length * requestFramingBytes + settledBytes(cluster, message);
  const more = (bundle - 1) * framed;
  const payloads = requests.length * bundle * requestBytes;
  return {
    message,
    bytes: encodeOrderingMessage(message).length + more + payloads,
    requests: requests.length * bundle,
    signatures: signaturesOf(cluster, message).map(numberOf),
  };
}

/** Clients' requests; the Decision Module's commands are none. */
export function requestsOf(message: OrderingMessage): Batch {
  if (message.scope === 'decision-module' || message.scope === 'ezbft-decisions') return [];
  switch (message.kind) {
    case 'requests':
    case 'pre-prepare':
    case 'batch':
    case 'committed':
    case 'spec-order':
    case 'commit-fast':
    case 'fast-committed':
      return message.batch;
    case 'proposal':
      return message.value.batch;
    default:
      return [];
  }
}

/** What the batches of ezBFT's commands touch; as if each request of a bundle were of a client and a key of its own. */
function settledBytes(cluster: ClusterId, message: OrderingMessage): number {
  if (message.scope !== 'ezbft-decisions' || !('batch' in message)) return 0;
  return message.batch.reduce((sum, { payload }) => {
    const { touched } = decodeSettlement(cluster, payload);
    const named = [...(touched?.clients ?? []), ...(touched?.keys ?? [])];
    return sum + named.reduce((bytes, name) => bytes + name.length + nameFramingBytes, 0);
  }, 0);
}

/** Every signature that `verifyOrderingMessage` checks, nested ones too. */
export function signaturesOf(cluster: ClusterId, message: OrderingMessage): Uint8Array[] {
  switch (message.kind) {
    case 'requests':
    case 'batch':
      return inBatch(cluster, message.scope, message.batch);
    case 'pre-prepare': {
      const { prePrepare, scope, batch } = message;
      return [prePrepare.signature, ...inBatch(cluster, scope, batch)];
    }
    case 'phase':
    case 'checkpoint':
      return [message.signed.signature];
    case 'view-change':
      return ofViewChange(message.viewChange);
    case 'new-view': {
      const { signature, statement } = message.newView;
      return [signature, ...statement.viewChanges.flatMap(ofViewChange)];
    }
    case 'two-step-view-change':
      return ofTwoStepViewChange(message.viewChange);
    case 'two-step-new-view': {
      const { signature, statement } = message.newView;
      return [signature, ...statement.viewChanges.flatMap(ofTwoStepViewChange)];
    }
    case 'confirmation':
      return ofShared(message.confirmations);
    case 'fast-committed':
      return ofPrepared(message.acks);
    case 'committed':
      return ofShared(message.commits);
    case 'stable':
    case 'state':
      return ofShared(message.certificate);
    case 'proposal':
      return [message.proposal.signature];
    case 'report':
      return ofReport(message.report);
    case 'fast-decision':
      return message.reports.flatMap(ofReport);
    case 'spec-order':
      return [message.order.signature];
    case 'spec-reply':
      return [message.reply.signature];
    case 'commit-fast':
      return ofShared(message.replies);
    case 'fetch-instance':
    case 'lost-instances':
    case 'reach-instances':
    case 'fetch-batch':
    case 'fetch-value':
    case 'fetch-reports':
    case 'fetch-chunk':
    case 'chunk':
    case 'status':
    case 'rejoin':
    case 'slow':
    case 'lost':
    case 'reach':
      return [];
    default:
      return unreachable(message);
  }
}

function ofTwoStepViewChange({
  statement: { stable, acked, starts, prepared, committed },
  signature,
}: Signed<TwoStepViewChange>): Uint8Array[] {
  return [
    signature,
    ...(stable ? ofShared(stable) : []),
    ...acked.map((one) => one.signature),
    ...starts.flatMap(({ confirmations }) => ofShared(confirmations)),
    ...prepared.flatMap(ofPrepared),
    ...committed.flatMap(ofShared),
  ];
}

function inBatch(cluster: ClusterId, scope: OrderingMessage['scope'], batch: Batch): Uint8Array[] {
  if (scope === 'ezbft-decisions') {
    return batch.flatMap(({ payload }) =>
      decodeSettlement(cluster, payload).said.map(({ reply }) => reply.signature),
    );
  }
  if (scope !== 'decision-module') return [];
  return batch.flatMap(({ payload }) =>
    decodeAssistance(cluster, payload).reports.flatMap(ofReport),
  );
}

function ofReport({ statement, signature }: Signed<ReportStatement>): Uint8Array[] {
  return [signature, ...statement.entries.flatMap((entry) => (entry ? [entry.signature] : []))];
}

function ofViewChange({ statement, signature }: Signed<SequenceViewChange>): Uint8Array[] {
  const { stable, prepared, committed } = statement;
  return [
    signature,
    ...(stable ? ofShared(stable) : []),
    ...prepared.flatMap(ofPrepared),
    ...committed.flatMap(ofShared),
  ];
}

function ofPrepared({ prePrepare, prepares }: SequencePrepared): Uint8Array[] {
  return [prePrepare.signature, ...ofShared(prepares)];
}

function ofShared({ signatures }: SharedCertificate<unknown>): Uint8Array[] {
  return signatures.map(({ signature }) => signature);
}

function numberOf(signature: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = signature;
  return a * 2 ** 24 + (b << 16) + (c << 8) + d;
}
