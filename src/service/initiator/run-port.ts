import type { Cluster } from '../../kernel/cluster.js';
import { sha256 } from '../../kernel/digest.js';
import type { ClusterId, Digest } from '../../kernel/ids.js';
import { SoapFault } from '../../soap/faults.js';
import type { Operations } from '../../soap/port.js';
import type { ReceivedMessage } from '../../soap/verification.js';
import { namespaces } from '../../soap/vocabulary.js';
import type {
  ClientRequest,
  RequestOutcome,
  Warrant,
} from '../../transaction/initiator/messages.js';
import type { RequestHeader } from '../../transaction/soap/extension.js';
import { type Run, readRun, serviceActions, writeRunResponse } from '../messages.js';
import { type InitiatorApplication, type ProcedureCall, procedureOf } from './procedures.js';

/** A request for a procedure; the node adds the handle of its caller. */
export type ProcedureRun = Omit<ClientRequest<ProcedureCall>, 'requestId'>;

export interface RunPortOptions {
  readonly cluster: Cluster;
  readonly applications: ReadonlyMap<string, InitiatorApplication>;
  /** Checks that the message is a client's request in its own name; throws a `SoapFault` else. */
  readonly readHeader: (message: ReceivedMessage) => RequestHeader & { readonly warrant: Warrant };
  /** Receives what a procedure throws. */
  readonly onFailed?: (run: Pick<Run, 'application' | 'procedure'>, error: unknown) => void;
  /** Resolves when the transaction has ended. Throws a `SoapFault` where the request is refused. */
  readonly ask: (request: ProcedureRun) => Promise<RequestOutcome>;
}

/** `/run`: takes a client's signed request for a procedure, and answers when its transaction has ended. */
export function runOperations(options: RunPortOptions): Operations<ReceivedMessage> {
  return {
    [serviceActions.run]: {
      kind: 'request-reply',
      replyAction: serviceActions.runResponse,
      handle: async (message) => {
        const outcome = await options.ask(readRequest(options, message));
        return { body: writeRunResponse(outcome) };
      },
    },
  };
}

function readRequest(
  { cluster, applications, readHeader, onFailed }: RunPortOptions,
  message: ReceivedMessage,
): ProcedureRun {
  const { warrant, ...header } = readHeader(message);
  const run = readRun(message.body);
  const application = applications.get(run.application);
  if (application === undefined) {
    throw unknown('UnknownApplication', `This initiator has no application ${run.application}.`);
  }
  const operation = procedureOf(application, run, warrant.of, (error) => onFailed?.(run, error));
  if (operation === undefined) {
    throw unknown('UnknownProcedure', `${run.application} has no procedure ${run.procedure}.`);
  }
  return {
    kind: 'request',
    ...header,
    digest: runDigest(cluster.id, header, run),
    operation,
    warrant,
  };
}

/** Digest of a client's request: what it asks for, as whom and when; the same at every initiator. */
function runDigest(cluster: ClusterId, { client, timestamp }: RequestHeader, run: Run): Digest {
  const { application, procedure, payload, permits } = run;
  const content = [
    ...['concordat/1 run', cluster, client, timestamp, application, procedure, payload],
    permits.map((permit) => [permit.participant, permit.operation, permit.payload]),
  ];
  return sha256(Buffer.from(JSON.stringify(content)));
}

function unknown(code: string, reason: string): SoapFault {
  return new SoapFault({ soapCode: 'Sender', namespace: namespaces.concordat, code, reason });
}
