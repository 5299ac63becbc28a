import { clientId, type Digest, digest } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { SoapFault, soapFaults } from '../../soap/faults.js';
import { defaultXmlLimits } from '../../soap/parse-xml.js';
import { namespaces, session as s } from '../../soap/vocabulary.js';
import {
  element,
  isElement,
  isNamed,
  parseBase64,
  Sequence,
  wholeNumber,
  type XmlElement,
} from '../../soap/xml.js';
import type { OperationStatus } from '../core/outbox.js';
import type { SessionProblem } from '../http/problem.js';
import type { RunSubmission } from '../http/run-json.js';
import type { SessionAnswer } from '../http/status-json.js';
import { encodeOutcomeProof } from '../proof.js';
import {
  applicationName,
  type CallResult,
  type SessionId,
  type SessionOperation,
  type SessionRun,
  type SessionStatement,
} from '../types.js';

/** The messages of `wsdl/session.xsd`: operations of sessions. */

const ns = namespaces.session;

/** The action of every message is its namespace, a slash and the name of its body element. */
export const sessionActions = {
  perform: `${ns}/Perform`,
  performResponse: `${ns}/PerformResponse`,
  commit: `${ns}/Commit`,
  commitResponse: `${ns}/CommitResponse`,
  status: `${ns}/Status`,
  statusResponse: `${ns}/StatusResponse`,
} as const;

/** Throws a `SoapFault` where the body is no valid Perform; so do the other readers. */
export function readPerform(body: XmlElement | undefined): RunSubmission {
  const parts = open(body, 'Perform');
  const run = readRun(parts.required(ns, 'run'));
  const commit = parts.optionalValue(ns, 'commit', boolean) ?? false;
  parts.end();
  return { run, commit };
}

export function readCommit(body: XmlElement | undefined): SessionId {
  const parts = open(body, 'Commit');
  const session = parts.value(ns, 'session', sessionId);
  parts.end();
  return session;
}

export function readStatusRequest(body: XmlElement | undefined): {
  session: SessionId;
  from: number;
} {
  const parts = open(body, 'Status');
  const session = parts.value(ns, 'session', sessionId);
  const from = parts.optionalValue(ns, 'from', sequenceNumber) ?? 1;
  parts.end();
  return { session, from };
}

export function writeAnswer(
  name: 'PerformResponse' | 'CommitResponse' | 'StatusResponse',
  { session, next, statuses }: SessionAnswer,
): XmlElement {
  return element(
    s(name),
    [],
    leaf('session', session),
    leaf('next', next),
    ...statuses.map(({ sequence, status }) => writeStatus(sequence, status)),
  );
}

/** A sender's fault stays one however often the message is sent; a receiver's is for now. */
export function faultOfProblem(problem: SessionProblem, reason: string): SoapFault {
  switch (problem.code) {
    case 'malformed':
      return invalid(reason);
    case 'gap':
      return fault('Gap', 'Sender', reason, leaf('next', problem.next));
    case 'conflict':
      return fault('Conflict', 'Sender', reason, leaf('sequence', problem.sequence));
    case 'ended':
      return fault('Ended', 'Sender', reason);
    case 'not-owner':
      return fault('NotOwner', 'Sender', reason);
    case 'unknown-application':
      return fault('UnknownApplication', 'Sender', reason);
    case 'unknown-session':
    case 'unknown-key':
      return fault('UnknownSession', 'Sender', reason);
    case 'too-large':
      return fault('TooLarge', 'Sender', reason);
    case 'busy':
      return fault(
        'Busy',
        'Receiver',
        reason,
        leaf('retryAfterMs', Math.ceil(problem.retryAfterMs)),
      );
    case 'unavailable':
      return fault('Unavailable', 'Receiver', reason);
  }
}

function readRun(run: XmlElement): SessionRun {
  const parts = new Sequence(run, invalid);
  const header = new Sequence(parts.required(ns, 'header'), invalid);
  const read = {
    header: {
      application: header.value(ns, 'application', applicationName),
      owner: header.value(ns, 'owner', clientId),
      certificate: header.value(ns, 'certificate', bytes),
      nonce: header.value(ns, 'nonce', nonce),
    },
    first: parts.value(ns, 'first', sequenceNumber),
    before: parts.value(ns, 'before', digest),
    operations: parts
      .repeated(ns, 'operation', defaultXmlLimits.elements)
      .map((operation) => readOperation(operation)),
    signature: parts.value(ns, 'signature', bytes),
  };
  header.end();
  parts.end();
  return read;
}

function readOperation(operation: XmlElement): SessionOperation {
  const parts = new Sequence(operation, invalid);
  const end = parts.optional(ns, 'end');
  if (end !== undefined) {
    new Sequence(end, invalid).end();
    parts.end();
    return { kind: 'end' };
  }
  const payload = wholeText(parts.required(ns, 'call'));
  parts.end();
  return { kind: 'call', payload };
}

function writeStatus(sequence: number, status: OperationStatus): XmlElement {
  return element(
    s('status'),
    [],
    leaf('sequence', sequence),
    leaf('kind', status.kind),
    writeResult('result', status.result),
    'simulated' in status && status.simulated
      ? writeResult('simulated', status.simulated)
      : undefined,
    'receipt' in status ? writeSigned('receipt', status.receipt) : undefined,
    ...('witnesses' in status
      ? status.witnesses.map((witness) => writeSigned('witness', witness))
      : []),
    'proof' in status ? leaf('proof', base64(encodeOutcomeProof(status.proof))) : undefined,
  );
}

function writeResult(name: 'result' | 'simulated', result: CallResult): XmlElement {
  const content =
    result.kind === 'done' ? leaf('done', result.result) : leaf('rejected', result.reason);
  return element(s(name), [], content);
}

/** A receipt or witness: the signer, what it is of, and the bytes that were signed. */
function writeSigned(
  name: 'receipt' | 'witness',
  {
    statement,
    bytes,
    signature,
  }: Signed<Extract<SessionStatement, { readonly kind: 'receipt' | 'witness' }>>,
): XmlElement {
  return element(
    s(name),
    [],
    leaf('replica', statement.replica),
    leaf('head', statement.head),
    statement.kind === 'receipt' ? leaf('deadline', statement.deadline) : undefined,
    leaf('statement', base64(bytes)),
    leaf('signature', base64(signature)),
  );
}

/** The text as it is; white space at its ends is part of what was signed. */
function wholeText(from: XmlElement): string {
  return from.childNodes
    .map((node) => {
      if (isElement(node)) throw invalid(`${from.localName}: holds elements`);
      return node.data;
    })
    .join('');
}

const sequenceNumber = wholeNumber(1, Number.MAX_SAFE_INTEGER);

function sessionId(text: string): SessionId {
  return digest(text) as Digest as SessionId;
}

function nonce(text: string): Uint8Array {
  if (!/^[0-9a-f]{32}$/.test(text)) throw new RangeError('not 16 bytes in lower-case hexadecimal');
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** In memory of its own. */
function bytes(text: string): Uint8Array {
  return new Uint8Array(parseBase64(text));
}

function boolean(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new RangeError('neither true nor false');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function fault(
  code: string,
  soapCode: 'Sender' | 'Receiver',
  reason: string,
  ...detail: readonly XmlElement[]
): SoapFault {
  return new SoapFault({
    soapCode,
    namespace: ns,
    code,
    reason,
    detail: element(s(code), [], ...detail),
  });
}

function invalid(reason: string): SoapFault {
  return soapFaults.sender(reason);
}

function leaf(name: string, value: string | number): XmlElement {
  return element(s(name), [], xmlText(String(value)));
}

/** What XML 1.0 cannot hold is shown as U+FFFD; proofs have the text as it is. */
function xmlText(text: string): string {
  return text.replaceAll(
    /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu,
    '\u{fffd}',
  );
}

function open(body: XmlElement | undefined, name: string): Sequence {
  if (body === undefined || !isNamed(body, ns, name)) {
    throw invalid(`expected ${name} in the body`);
  }
  return new Sequence(body, invalid);
}
