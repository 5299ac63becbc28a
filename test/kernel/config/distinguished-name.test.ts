import { describe, expect, it } from 'vitest';
import { isSameName } from '../../../src/kernel/config/distinguished-name.js';

describe('a distinguished name', () => {
  const node = 'C=DE\nO=Bank\\, Inc.\nCN=M\\C3\\BCller';

  it.each([
    'CN=Müller,O=Bank\\, Inc.,C=DE',
    'CN=Müller, O="Bank, Inc.", C=DE',
    'C = DE, O = Bank\\2C Inc., CN = Müller',
    'cn=Müller;o=Bank\\, Inc.;c=DE',
  ])('is the same as %s', (text) => {
    expect(isSameName(node, text)).toBe(true);
  });

  it.each([
    ['another value', 'CN=Muller,O=Bank\\, Inc.,C=DE'],
    ['another type', 'OU=Müller,O=Bank\\, Inc.,C=DE'],
    ['more', 'CN=Müller,O=Bank\\, Inc.,C=DE,L=x'],
    ['less', 'CN=Müller,O=Bank\\, Inc.'],
    ['another order', 'O=Bank\\, Inc.,CN=Müller,C=DE'],
    ['parts of two attributes', 'CN=Müller+O=Bank\\, Inc.,C=DE'],
    ['nothing', ''],
  ])('is not the same with %s', (_, text) => {
    expect(isSameName(node, text)).toBe(false);
  });

  it('is not made the same by what looks like another part', () => {
    expect(isSameName('CN=a\\,O=b', 'CN=a\nO=b')).toBe(false);
    expect(isSameName('CN="a,O=b"', 'CN=a\nO=b')).toBe(false);
    expect(isSameName('CN=a\\+O=b', 'CN=a+O=b')).toBe(false);
    expect(isSameName('CN=a+O=b', 'CN=a+O=b')).toBe(false);
    expect(isSameName('CN=a\\\\2C', 'CN=a\\2C')).toBe(false);
  });

  it('has the words of .NET for states and addresses', () => {
    expect(isSameName('S=Bavaria, E=a@b', 'ST=Bavaria\nemailAddress=a@b')).toBe(true);
  });
});
