import { Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { FastifyInstance, RequestPayload } from 'fastify';

/** The request cannot be taken as it is; fastify answers with the status. */
class BodyError extends Error {
  constructor(
    readonly statusCode: 400 | 413 | 415,
    message: string,
  ) {
    super(message);
  }
}

/** What a body may grow to by being inflated, whatever its ratio. */
const smallBytes = 65_536;
/** XML and JSON are seldom packed to less than a twentieth; a bomb to a thousandth. */
const ratioMax = 100;

/**
 * Takes bodies in `Content-Encoding: gzip`. What they inflate to counts for the body limit, and may not
 * be out of proportion. Any other coding is refused with 415 and `Accept-Encoding` (RFC 9110 §12.5.3).
 */
export function acceptGzip(app: FastifyInstance): void {
  app.addHook('preParsing', (request, reply, payload, done) => {
    const coding = request.headers['content-encoding']?.trim().toLowerCase();
    if (coding === undefined || coding === '' || coding === 'identity') return done(null, payload);
    if (coding === 'gzip' || coding === 'x-gzip') return done(null, inflated(payload));
    reply.header('accept-encoding', 'gzip, identity');
    done(new BodyError(415, 'this Content-Encoding is not supported; send gzip, or none'));
  });
}

/** The bytes in what was packed. The packed stream stays open, so that an answer can be sent. */
function inflated(packed: RequestPayload): RequestPayload {
  let out = 0;
  const bounded = Object.assign(
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        out += chunk.length;
        if (out > smallBytes && out > ratioMax * bounded.receivedEncodedLength) {
          return done(new BodyError(413, 'the body grows too much when it is inflated'));
        }
        done(null, chunk);
      },
    }),
    { receivedEncodedLength: 0 },
  );
  const gunzip = createGunzip();
  gunzip.on('error', () => bounded.destroy(new BodyError(400, 'the body is not in gzip')));
  bounded.on('close', () => {
    packed.unpipe(gunzip);
    gunzip.destroy();
  });
  let ended = false;
  packed.on('end', () => {
    ended = true;
  });
  packed.on('data', (chunk: Buffer) => {
    bounded.receivedEncodedLength += chunk.length;
  });
  packed.on('close', () => {
    if (!ended) gunzip.destroy();
  });
  packed.pipe(gunzip).pipe(bounded);
  return bounded;
}
