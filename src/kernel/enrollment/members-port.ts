import type { FastifyInstance } from 'fastify';
import type { Logger } from '../http/logger.js';
import { EnrollmentError, type EnrollmentErrorCode } from './enrollment-error.js';
import type { Members } from './members.js';
import { recordBytesMax } from './record.js';
import { passOn } from './spread.js';

/**
 * Serves `/members`: a POST of an enrollment record admits its participant, and is passed on; `/members/NAME` is the
 * record of one that was admitted. Answers are JSON: `admission`, or `error` and `message`.
 */
export function registerMembers(
  app: FastifyInstance,
  members: Members,
  self: { readonly name: string },
  log: Logger,
): void {
  app.register(async (scope) => {
    scope.addContentTypeParser(
      'application/octet-stream',
      { parseAs: 'buffer', bodyLimit: recordBytesMax },
      (_request, body, done) => done(null, body),
    );
    scope.post('/members', async ({ body }, reply) => {
      try {
        const bytes = Buffer.isBuffer(body) ? new Uint8Array(body) : new Uint8Array();
        const admission = await members.admit(bytes);
        if (admission !== 'known') {
          const participants = members.cluster.participants.length;
          log.info({ admission, participants }, 'member-enrolled');
          void passOn(members, self, bytes, log);
        }
        return { admission };
      } catch (error) {
        if (!(error instanceof EnrollmentError)) throw error;
        const { code, message } = error;
        return reply.code(statusOf(code)).send({ error: code, message });
      }
    });
  });
  app.get<{ Params: { name: string } }>('/members/:name', (request, reply) => {
    const record = members.record(request.params.name);
    if (!record) return reply.code(404).send({ error: 'no record of this participant here' });
    return reply.type('application/octet-stream').send(Buffer.from(record));
  });
}

function statusOf(code: EnrollmentErrorCode): number {
  switch (code) {
    case 'taken':
      return 409;
    case 'full':
      return 507;
    default:
      return 400;
  }
}
