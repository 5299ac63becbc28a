import { describe, expect, it } from 'vitest';
import { hottestText } from '../../../bench/support/profile/hottest.js';
import {
  type CpuProfile,
  MergedProfile,
  totalMs,
} from '../../../bench/support/profile/merged-profile.js';

const frame = (functionName: string, url = '', lineNumber = -1) => ({
  functionName,
  url,
  lineNumber,
});

/** `outer` calls `again`, which calls itself; `again` takes a millisecond at each depth. */
function profile(prefix: string): CpuProfile {
  const own = `file://${prefix}/dist/src/kernel/codec/reader.js`;
  return {
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2, 3, 6] },
      { id: 2, callFrame: frame('(idle)') },
      { id: 3, callFrame: frame('outer', own, 9), children: [4] },
      { id: 4, callFrame: frame('again', own, 19), children: [5] },
      { id: 5, callFrame: frame('again', own, 19) },
      {
        id: 6,
        callFrame: frame('sign', `file://${prefix}/node_modules/@noble/curves/ed25519.js`, 0),
      },
    ],
    samples: [2, 4, 5, 6, 2],
    timeDeltas: [0, 7000, 1000, 1000, 2000],
  };
}

describe('profiles of many processes', () => {
  const merged = new MergedProfile();
  merged.add(profile('/a'));
  merged.add(profile('/b'));

  it('become one tree without idle time, wherever the software is', () => {
    expect(totalMs(merged.root)).toBe(8);
    const [outer, sign] = [...merged.root.children.values()];
    expect(outer).toMatchObject({
      label: 'outer src/kernel/codec/reader.js:10',
      part: 'src/kernel',
    });
    expect(outer && totalMs(outer)).toBe(4);
    expect(sign).toMatchObject({ selfMs: 4, origin: 'package', part: '@noble/curves' });
  });

  it('say how long each function took, one that calls itself once', () => {
    const rows = hottestText('a', merged)
      .split('\n')
      .map((line) => line.split('│').map((cell) => cell.trim()));
    const of = (name: string) => rows.find(([, cell]) => cell?.startsWith(name))?.slice(2, 5);
    expect(of('again ')).toEqual(['4', '50.0 %', '50.0 %']);
    expect(of('outer ')).toEqual(['0', '0.0 %', '50.0 %']);
    expect(of('src/kernel')).toEqual(['4', '50.0 %', '50.0 %']);
  });
});
