import type { Mutant } from './mutant.js';

const tests = ['test/service/participant/http-service.test.ts'];
const resource = 'src/service/participant/http/http-service.ts';
const orphans = 'src/service/participant/http/orphans.ts';
const calls = 'src/service/participant/http/service-calls.ts';

/** Rules of a participant in front of a service in another language. */
export const sidecarMutants: readonly Mutant[] = [
  {
    name: 'held-in-time-cancelled',
    rule: 'what was open at any time while the service was asked is no orphan',
    file: orphans,
    find: 'this.#openMeanwhile.add(refKey(ref));',
    replace: '',
    tests,
  },
  {
    name: 'held-of-another-cancelled',
    rule: 'what a service holds of another participant is left alone',
    file: orphans,
    find: 'belongsTo(ref.enlistment, this.#participant) && ',
    replace: '',
    tests,
  },
  {
    name: 'prepared-cancelled-at-start',
    rule: 'what is on record is held after a restart',
    file: resource,
    find: 'for (const { ref } of prepared) this.#orphans.opened(ref);',
    replace: 'void prepared;',
    tests,
  },
  {
    name: 'orphans-once-only',
    rule: 'a try that a service receives after its cancel is cancelled later',
    file: resource,
    find: '.finally(() => this.#checkLater());',
    replace: ';',
    tests,
  },
  {
    name: 'broken-try-not-cancelled',
    rule: 'a try whose answer is lost is cancelled',
    file: resource,
    find: "error.code === 'unreachable'",
    replace: "error.code !== 'timeout'",
    tests,
  },
  {
    name: 'late-try-sent',
    rule: 'a try is not sent after the end of its call: nothing would cancel it',
    file: resource,
    find: 'call.signal.throwIfAborted();',
    replace: '',
    tests,
  },
  {
    name: 'confirm-with-any-status',
    rule: 'a confirm is done with 2xx alone',
    file: calls,
    find: 'if (status >= 200 && status <= 299) return answer;',
    replace: 'if (status >= 200 && status <= 499) return answer;',
    tests,
  },
  {
    name: 'service-anywhere',
    rule: 'what is not signed stays on this machine, unless an operator says so',
    file: 'src/kernel/config/http-service.ts',
    find: 'return isLoopback || allowedOrigins.includes(origin);',
    replace: 'return isLoopback || allowedOrigins.length > 0 || hostname !== url;',
    tests,
  },
];
