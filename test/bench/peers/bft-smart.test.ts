import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lackOfBftSmart } from '../../../bench/peers/bft-smart/bft-smart.js';
import { missingOf } from '../../interop/programs.js';

describe('a folder with BFT-SMaRt', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'concordat-bft-smart-test-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('must be named', () => {
    expect(lackOfBftSmart(undefined)).toContain('--bft-smart');
  });

  it.skipIf(missingOf('java', 'javac'))('must be as its build makes it', () => {
    expect(lackOfBftSmart(folder)).toContain('has no lib');
    mkdirSync(join(folder, 'lib'));
    expect(lackOfBftSmart(folder)).toContain('has no config/system.config');
    mkdirSync(join(folder, 'config'));
    writeFileSync(join(folder, 'config/system.config'), '');
    expect(lackOfBftSmart(folder)).toBeUndefined();
  });
});
