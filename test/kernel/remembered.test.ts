import { describe, expect, it } from 'vitest';
import { remembered } from '../../src/kernel/remembered.js';

describe('remembered', () => {
  function counted(max: number) {
    const asked: string[] = [];
    const lengthOf = remembered(max, (text) => {
      asked.push(text);
      return text === '' ? undefined : { length: text.length };
    });
    return { asked, lengthOf };
  }

  it('returns what it has returned before', () => {
    const { asked, lengthOf } = counted(2);
    const first = lengthOf('one');
    expect(first).toEqual({ length: 3 });
    expect(lengthOf('one')).toBe(first);
    expect(lengthOf('three')).toEqual({ length: 5 });
    expect(asked).toEqual(['one', 'three']);
  });

  it('begins anew when it is full', () => {
    const { asked, lengthOf } = counted(2);
    for (const text of ['a', 'b', 'c', 'c', 'a']) lengthOf(text);
    expect(asked).toEqual(['a', 'b', 'c', 'a']);
  });

  it('does not remember that there is nothing', () => {
    const { asked, lengthOf } = counted(2);
    expect([lengthOf(''), lengthOf('')]).toEqual([undefined, undefined]);
    expect(asked).toEqual(['', '']);
  });
});
