import { type CommonOutput, invariant } from '../../kernel/core.js';
import { type Digest, digest, unreachable } from '../../kernel/ids.js';

/** The timers of one request. */
export type RequestTimer =
  /**
   * `resend`: coordinators have had their time to answer. `deadline`: the initiator waits no longer in the phase
   * that the request is in.
   */
  | { readonly kind: 'resend' | 'deadline' }
  /** A participant is asked again for its leg: its place among the legs. */
  | { readonly kind: 'leg'; readonly leg: number };

/** The timers of an initiator, each of a request that is named by its digest. */
export interface InitiatorTimer {
  readonly request: Digest;
  readonly timer: RequestTimer;
}

/** One reader for each kind: a kind without one does not compile. */
const readers: Readonly<Record<RequestTimer['kind'], (of: string) => RequestTimer>> = {
  resend: () => ({ kind: 'resend' }),
  deadline: () => ({ kind: 'deadline' }),
  leg: (of) => ({ kind: 'leg', leg: Number(of) }),
};

export function startTimer(timer: InitiatorTimer, delayMs: number): CommonOutput {
  return { kind: 'start-timer', name: nameOf(timer), delayMs };
}

export function stopTimer(timer: InitiatorTimer): CommonOutput {
  return { kind: 'stop-timer', name: nameOf(timer) };
}

/** Reads what `startTimer` has named. Another name ends the core: no step may be taken for it. */
export function readTimer(name: string): InitiatorTimer {
  const [request = '', own = ''] = name.split('/', 2);
  const [kind = '', of = ''] = own.split('-', 2);
  invariant(isKind(kind), `${name} is a timer of the initiator`);
  return { request: digest(request), timer: readers[kind](of) };
}

function isKind(text: string): text is RequestTimer['kind'] {
  return Object.hasOwn(readers, text);
}

function nameOf({ request, timer }: InitiatorTimer): string {
  switch (timer.kind) {
    case 'resend':
    case 'deadline':
      return `${request}/${timer.kind}`;
    case 'leg':
      return `${request}/${timer.kind}-${timer.leg}`;
    default:
      return unreachable(timer);
  }
}
