import { describe, expect, it } from 'vitest';
import { Watchers } from '../../../src/session/node/service.js';
import type { SessionId } from '../../../src/session/types.js';

const session = 'ab'.repeat(32) as SessionId;
const at = (principal: string) => ({ principal, partOf: (max: number) => max / 4 });

describe('the streams of one session', () => {
  it('are shared out by address: one that has its share is refused, and another is not', () => {
    const watchers = new Watchers();
    const ends = Array.from({ length: 8 }, () =>
      watchers.add(session, 'alice', at('192.0.2.1'), () => undefined),
    );
    const more = () => watchers.add(session, 'alice', at('192.0.2.1'), () => undefined);
    expect(more).toThrow('from this address');
    watchers.add(session, 'alice', at('192.0.2.2'), () => undefined);
    expect(watchers.count).toBe(9);
    ends[0]?.();
    more();
    expect(watchers.count).toBe(9);
  });

  it('are given back, and tell nobody any more, when the last has ended', () => {
    const watchers = new Watchers();
    const told: number[] = [];
    const end = watchers.add(session, 'alice', at('192.0.2.1'), ({ sequence }) => {
      told.push(sequence);
    });
    const event = { kind: 'operation', sequence: 1 } as Parameters<Watchers['tell']>[1];
    watchers.tell(session, event);
    end();
    end();
    watchers.tell(session, event);
    expect(told).toEqual([1]);
    expect(watchers.count).toBe(0);
  });
});
