import type { Mutant } from './mutant.js';

const soap = ['test/edge/soap'];

/** Rules of the edges: what a port takes, and what it costs. */
export const edgeMutants: readonly Mutant[] = [
  {
    name: 'charset-of-http-ignored',
    rule: 'the charset that HTTP names wins over what the document declares',
    file: 'src/edge/soap/text-encoding.ts',
    find: 'markOf(bytes) ?? charset?.toLowerCase() ?? declaredEncoding(bytes)',
    replace: 'markOf(bytes) ?? declaredEncoding(bytes)',
    tests: ['test/edge/soap/ports-encodings.test.ts'],
  },
  {
    name: 'inflated-without-proportion',
    rule: 'a packed body may not grow out of proportion',
    file: 'src/edge/http/content-coding.ts',
    find: 'out > smallBytes && out > ratioMax * bounded.receivedEncodedLength',
    replace: 'out < 0',
    tests: ['test/edge/soap/ports-encodings.test.ts'],
  },
  {
    name: 'bindings-unbounded',
    rule: 'the namespace declarations in scope are bounded',
    file: 'src/edge/soap/parse-xml.ts',
    find: 'if (bindings > this.#limits.bindings)',
    replace: 'if (bindings < 0)',
    tests: ['test/edge/soap/parse-xml.test.ts'],
  },
  {
    name: 'canonical-form-unbounded',
    rule: 'canonical forms are bounded, however often they repeat a namespace',
    file: 'src/edge/soap/canonical.ts',
    find: 'if (this.#left < 0) throw',
    replace: 'if (this.#left === Number.NaN) throw',
    tests: soap,
  },
  {
    name: 'spoilt-message-remembered',
    rule: 'a message that is refused does not keep the good one out',
    file: 'src/edge/soap/port.ts',
    find: '      believed = this.#options.read(envelope, posted.text);',
    replace: '      believed = this.#options.read(envelope, posted.text);\n      believed.admit();',
    tests: ['test/edge/soap/ports-signed.test.ts'],
  },
  {
    name: 'replay-found-late',
    rule: 'a replay is refused before the expensive work',
    file: 'src/edge/soap/verification.ts',
    find: 'if (claimed !== undefined) this.#replays?.refuseSeen(owner, claimed);',
    replace: '',
    tests: ['test/edge/soap/verification.test.ts'],
  },
  {
    name: 'refusal-not-related',
    rule: 'a fault that answers an addressed message relates to it',
    file: 'src/edge/soap/port.ts',
    find: '? { action, messageId: newMessageId(), relatesTo: messageId }\n        : { action },\n      headers: faultHeaders',
    replace:
      '? { action, messageId: newMessageId() }\n        : { action },\n      headers: faultHeaders',
    tests: ['test/edge/soap/ports-signed.test.ts'],
  },
  {
    name: 'log-waits-without-bound',
    rule: 'lines that cannot be written wait within a bound',
    file: 'src/edge/http/log-output.ts',
    find: 'if (this.#waitingBytes + bytes.length > waitingBytesMax) {',
    replace: 'if (this.#waitingBytes < 0) {',
    tests: ['test/edge/http/log-output.test.ts'],
  },
  {
    name: 'log-failure-unsaid',
    rule: 'a node that cannot write its log says so',
    file: 'src/edge/http/log-output.ts',
    find: '    this.#options.onChange?.(failure);',
    replace: '',
    tests: ['test/edge/http/log-output.test.ts'],
  },
  {
    name: 'log-pipe-blocks',
    rule: 'a pipe that nobody reads holds nothing up',
    file: 'src/edge/http/log-output.ts',
    find: 'constants.O_WRONLY | constants.O_NONBLOCK',
    replace: 'constants.O_WRONLY',
    tests: ['test/edge/http/log-output.test.ts'],
  },
];
