import type { SessionEvent } from '../../src/session/core/outbox.js';
import type { CallResult, SessionId } from '../../src/session/types.js';
import type { AnswerOutput, SessionRig } from './session-rig.js';

export const done = (result: string): CallResult => ({ kind: 'done', result });
export const rejected = (reason: string): CallResult => ({ kind: 'rejected', reason });

/** The results in an answer, in the order of their operations. */
export function resultsOf(answer: AnswerOutput | undefined): CallResult[] {
  return answer?.kind === 'answer' ? answer.statuses.map(({ status }) => status.result) : [];
}

/** What watchers of the session were told at a replica. */
export function eventsOf(rig: SessionRig, replica: number, session: SessionId): SessionEvent[] {
  return (rig.outputs[replica] ?? []).flatMap((output) =>
    output.kind === 'event' && output.session === session ? [output.event] : [],
  );
}

/** The kinds of status that an operation had, as watchers were told. */
export function kindsOf(
  rig: SessionRig,
  replica: number,
  session: SessionId,
  sequence: number,
): string[] {
  return eventsOf(rig, replica, session).flatMap((event) =>
    event.kind === 'operation' && event.sequence === sequence ? [event.status.kind] : [],
  );
}
