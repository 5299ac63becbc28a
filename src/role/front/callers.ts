import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance } from 'fastify';
import type { SoapMessage } from '../../edge/soap/envelope.js';
import { SoapFault } from '../../edge/soap/faults.js';
import { namespaces } from '../../edge/soap/vocabulary.js';
import { bookLimits } from './request-book.js';
import type { Caller } from './requests.js';

interface HttpCaller {
  readonly address: string;
  /** Of the header `Idempotency-Key`. */
  readonly key: string | undefined;
}

/** Remembers, for what handles a SOAP message, who sent it by HTTP and under which key. */
export class Callers {
  readonly #current = new AsyncLocalStorage<HttpCaller>();

  constructor(app: FastifyInstance) {
    app.addHook('preHandler', (request, _reply, done) => {
      const header = request.headers['idempotency-key'];
      const key = Array.isArray(header) ? header.join() : header;
      this.#current.run({ address: request.ip, key: key?.replace(/^"(.*)"$/, '$1') }, done);
    });
  }

  /** The key is the `Idempotency-Key`, else the `wsa:MessageID`, else none. Throws a `SoapFault` where it is no key. */
  of({ addressing }: SoapMessage): Caller {
    const { address = '', key: header } = this.#current.getStore() ?? {};
    const key = header ?? addressing.messageId;
    if (key !== undefined && (key === '' || key.length > bookLimits.keyLength)) {
      throw new SoapFault({
        soapCode: 'Sender',
        namespace: namespaces.concordat,
        code: 'InvalidKey',
        reason: `A key has 1 to ${bookLimits.keyLength} characters.`,
      });
    }
    return { address, key };
  }
}
