import { describe, expect, it } from 'vitest';
import { ReplayCache } from '../../src/soap/replay-cache.js';
import { namespaces } from '../../src/soap/vocabulary.js';
import { faultOf } from '../support/signed-messages.js';

const now = 1_000_000_000;

describe('ReplayCache', () => {
  it('admits a message once for as long as it is good', () => {
    const cache = new ReplayCache();
    const until = now + 60_000;
    cache.admit('client a', 'm', until, now);
    for (const time of [now, now + 30_000, until]) {
      const fault = faultOf(() => cache.admit('client a', 'm', until, time));
      expect(fault.is(namespaces.wsse, 'InvalidSecurity')).toBe(true);
    }
  });

  it('keeps the messages of principals apart', () => {
    const cache = new ReplayCache();
    cache.admit('client a', 'm', now + 60_000, now);
    cache.admit('client b', 'm', now + 60_000, now);
  });

  it('refuses a principal whose share is full, and no other', () => {
    const cache = new ReplayCache({ share: 3 });
    for (const key of ['1', '2', '3']) cache.admit('client a', key, now + 60_000, now);
    const fault = faultOf(() => cache.admit('client a', '4', now + 60_000, now));
    expect(fault.is(namespaces.wsa, 'EndpointUnavailable')).toBe(true);
    cache.admit('client b', '4', now + 60_000, now);
  });

  it('has room again when messages have run out', () => {
    const cache = new ReplayCache({ share: 2 });
    cache.admit('client a', '1', now + 60_000, now);
    cache.admit('client a', '2', now + 600_000, now);
    cache.admit('client a', '3', now + 200_000, now + 80_000);
    expect(() => cache.admit('client a', '2', now + 600_000, now + 80_000)).toThrow('replayed');
    expect(() => cache.admit('client a', '4', now + 200_000, now + 80_000)).toThrow('share');
  });

  it('forgets principals that have nothing to remember, when it needs the room', () => {
    const cache = new ReplayCache({ principals: 2 });
    cache.admit('client a', '1', now + 60_000, now);
    cache.admit('client b', '1', now + 600_000, now);
    expect(() => cache.admit('client c', '1', now + 60_000, now)).toThrow('principals');
    cache.admit('client c', '1', now + 160_000, now + 80_000);
    expect(() => cache.admit('client b', '1', now + 600_000, now + 80_000)).toThrow('replayed');
  });
});
