import type { FastifyInstance } from 'fastify';
import type { SoapMessage } from '../../soap/envelope.js';
import type { Operations, Reply } from '../../soap/port.js';
import { registerPort } from '../../soap/server.js';
import type { OnSent } from '../../soap/transport.js';
import { SessionProblemError } from '../http/problem.js';
import type { SessionService } from './service.js';
import {
  faultOfProblem,
  readCommit,
  readPerform,
  readStatusRequest,
  sessionActions,
  writeAnswer,
} from './soap.js';

/** Requests under way at the port. */
const inFlightMax = 1024;

/**
 * Serves sessions as plain SOAP at `/session`. Nothing is signed by WS-Security: the owner's signature in
 * the run is what authenticates it.
 */
export function registerSessionPort(
  app: FastifyInstance,
  service: SessionService,
  onSent: OnSent | undefined,
): void {
  registerPort(app, {
    path: '/session',
    wsdl: 'session',
    security: { kind: 'plain' },
    operations: sessionOperations(service),
    inFlightMax,
    onSent,
  });
}

function sessionOperations(service: SessionService): Operations<SoapMessage> {
  const operation = (
    replyAction: string,
    handle: (message: SoapMessage) => Promise<Reply['body']>,
  ) => ({
    kind: 'request-reply' as const,
    replyAction,
    handle: async (message: SoapMessage): Promise<Reply> => {
      try {
        return { body: await handle(message) };
      } catch (error) {
        if (error instanceof SessionProblemError) throw faultOfProblem(error.data, error.message);
        throw error;
      }
    },
  });
  return {
    [sessionActions.perform]: operation(sessionActions.performResponse, async ({ body }) =>
      writeAnswer('PerformResponse', await service.perform(readPerform(body))),
    ),
    [sessionActions.commit]: operation(sessionActions.commitResponse, async ({ body }) =>
      writeAnswer('CommitResponse', await service.commit(readCommit(body))),
    ),
    [sessionActions.status]: operation(sessionActions.statusResponse, async ({ body }) => {
      const { session, from } = readStatusRequest(body);
      return writeAnswer('StatusResponse', await service.status(session, from));
    }),
  };
}
