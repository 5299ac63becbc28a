import { describe, expect, it } from 'vitest';
import { clientId, enlistmentId, transactionId } from '../../../src/kernel/ids.js';
import { UsedRequests } from '../../../src/service/participant/used-requests.js';

const ref = (number: number) => ({
  tid: transactionId(`00000000-0000-8000-8000-00000000000${number}`),
  enlistment: enlistmentId(`bank-a.${number}`),
});
const request = (timestamp: number, client = 'alice/0') => ({
  client: clientId(client),
  timestamp,
});

describe('the requests that a participant has used', () => {
  it('are used in one transaction each, and in their order', () => {
    const used = new UsedRequests();
    used.hold(ref(1), request(5));
    used.hold(ref(2), request(5));
    expect(used.use(ref(1))).toHaveLength(1);
    expect(used.use(ref(2))).toBeUndefined();
    expect(used.isOpen(request(5), ref(1).tid)).toBe(true);
    expect(used.isOpen(request(5), ref(2).tid)).toBe(false);
    expect(used.isOpen(request(4), ref(1).tid)).toBe(false);
    expect(used.isOpen(request(6), ref(2).tid)).toBe(true);
    expect(used.isOpen(request(1, 'alice/1'), ref(2).tid)).toBe(true);
  });

  it('are known again after a restart', () => {
    const before = new UsedRequests();
    before.hold(ref(1), request(5));
    const writes = before.use(ref(1)) ?? [];
    const after = new UsedRequests();
    after.restore(writes.map(({ key, value }) => ({ key, value: value ?? new Uint8Array() })));
    expect(after.isOpen(request(5), ref(2).tid)).toBe(false);
    expect(after.isOpen(request(5), ref(1).tid)).toBe(true);
  });

  it('permit as many calls as they say in their transaction, and none more after a restart', () => {
    const before = new UsedRequests();
    const permitting = { ...request(5), permits: 2 };
    const other = { tid: ref(1).tid, enlistment: enlistmentId('bank-a.2') };
    expect(before.permitsMore(ref(1), permitting, 'a debit')).toBe(true);
    before.hold(ref(1), permitting, 'a debit');
    expect(before.permitsMore(other, permitting, 'a debit')).toBe(true);
    before.hold(other, permitting, 'a debit');
    expect(before.permitsMore(other, permitting, 'a debit')).toBe(false);
    const writes = before.use(ref(1)) ?? [];
    const after = new UsedRequests();
    after.restore(writes.map(({ key, value }) => ({ key, value: value ?? new Uint8Array() })));
    expect(after.permitsMore(other, permitting, 'a debit')).toBe(false);
    expect(after.permitsMore(other, { ...request(6), permits: 1 }, 'a debit'), 'a later one').toBe(
      false,
    );
    expect(after.permitsMore(ref(2), { ...request(6), permits: 1 }, 'a debit')).toBe(true);
  });

  it('are not used by what is rolled back before the vote', () => {
    const used = new UsedRequests();
    used.hold(ref(1), request(5));
    used.release(ref(1));
    expect(used.use(ref(1))).toEqual([]);
    expect(used.isOpen(request(5), ref(2).tid)).toBe(true);
  });
});
