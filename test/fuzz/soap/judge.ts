import { readEnvelope } from '../../../src/soap/envelope.js';
import { readFault } from '../../../src/soap/fault-body.js';
import type { SoapFault } from '../../../src/soap/faults.js';
import type { Shot } from '../attack.js';
import type { Answer } from './post.js';

/** What may come back. */
export interface Expectation {
  /**
   * `refused`: nothing may come of it, and no 2xx say that something did. `any`: it may be a message
   * to take, if without effect; it may also take longer than anybody waits.
   */
  readonly kind: 'refused' | 'any';
  /** Codes of the faults that are right; any fault where there are none. */
  readonly codes?: readonly string[];
}

/** What the port says where its own code threw something other than a fault. */
const internalErrors = ['The service failed to process the message.', 'internal error'];
const leak = /node:internal|\.js:\d+|node_modules|PRIVATE KEY/;

/** Judges an answer of a SOAP port. */
export function judge(answer: Answer, expected: Expectation): Shot {
  switch (answer.kind) {
    case 'closed':
      return { answer: 'closed' };
    case 'none':
      return expected.kind === 'any'
        ? { answer: 'no answer yet' }
        : { answer: 'no answer', violation: 'no answer in time' };
    case 'answer':
      return judgeStatus(answer.status, answer.text, expected);
  }
}

function judgeStatus(status: number, text: string, expected: Expectation): Shot {
  const fault = faultIn(text);
  const answer = fault === undefined ? String(status) : `${status} ${fault.code}`;
  const violation = violationOf(status, text, fault, expected);
  return violation === undefined ? { answer } : { answer, violation };
}

function violationOf(
  status: number,
  text: string,
  fault: SoapFault | undefined,
  { kind, codes }: Expectation,
): string | undefined {
  if (internalErrors.some((sign) => text.includes(sign))) return 'an error of the program itself';
  if (leak.test(text)) return 'the answer tells of the inside';
  if (status < 200 || (status >= 300 && status < 400)) return `status ${status}`;
  if (status < 300) return kind === 'refused' ? `taken, with status ${status}` : undefined;
  if (status >= 500 && status !== 503 && fault === undefined) return `${status} without a fault`;
  if (codes && fault && !codes.includes(fault.code)) return `the fault is ${fault.code}`;
  if (codes && !fault && status !== 503) return `${status} without a fault`;
  return undefined;
}

function faultIn(text: string): SoapFault | undefined {
  if (!text.includes('Envelope')) return undefined;
  try {
    return readFault(readEnvelope(text));
  } catch {
    return undefined;
  }
}
