import { describe, expect, it } from 'vitest';
import { OwnAddresses, type OwnNames } from '../../../src/kernel/http/addresses.js';

const addresses = (names: Partial<OwnNames>) =>
  new OwnAddresses({
    listen: { host: '0.0.0.0', port: 8080 },
    url: 'http://bank-a.internal:8080',
    ...names,
  });
const asked = (url: string) => {
  const { protocol, host } = new URL(url);
  return { protocol: protocol.slice(0, -1), host };
};

describe('the addresses that a service owns', () => {
  const own = addresses({
    listen: { host: '10.0.0.7', port: 8080 },
    publicUrl: 'https://gate.example/bank-a',
    allowedHosts: ['bank-a.example', '2001:db8::7'],
  });

  it.each([
    'http://bank-a.internal:8080/account',
    'HTTP://BANK-A.internal:8080/account',
    'https://gate.example/bank-a/account',
    'https://gate.example:443/bank-a/account',
    'https://bank-a.example/account',
    'http://bank-a.example:8080/account',
    'http://[2001:db8::7]:8080/account',
    'http://10.0.0.7:8080/account',
  ])('%s is one', (address) => {
    expect(own.owns(address, '/account')).toBe(true);
  });

  it.each([
    'http://bank-b.internal:8080/account',
    'http://bank-a.internal:8081/account',
    'http://bank-a.internal/account',
    'http://bank-a.internal:8080/participant',
    'http://bank-a.internal:8080/x/account',
    'http://bank-a.internal:8080/account?x=1',
    'http://bank-a.internal:8080/account#x',
    'http://me@bank-a.internal:8080/account',
    'https://gate.example/bank-b/account',
    'https://gate.example/account',
    'http://bank-a.example:9090/account',
    // The name of every machine for itself.
    'http://localhost:8080/account',
    'http://127.0.0.1:8080/account',
    '/account',
    'http://www.w3.org/2005/08/addressing/anonymous',
  ])('%s is none', (address) => {
    expect(own.owns(address, '/account')).toBe(false);
  });

  it('are of any name of this machine where the cluster is on one', () => {
    const local = addresses({
      listen: { host: '127.0.0.1', port: 8080 },
      url: 'http://127.0.0.1:8080',
    });
    expect(local.owns('http://LOCALHOST:8080/account', '/account')).toBe(true);
    expect(local.owns('http://[::1]:8080/account', '/account')).toBe(true);
    expect(local.owns('http://localhost:8081/account', '/account')).toBe(false);
  });
});

describe('the address to give to a caller', () => {
  it.each([
    ['http://bank-a.internal:8080', 'http://bank-a.internal:8080'],
    // A proxy ends TLS, keeps the Host, and is not trusted to say so.
    ['http://gate.example', 'https://gate.example/bank-a'],
    ['https://gate.example', 'https://gate.example/bank-a'],
    ['https://bank-a.example', 'https://bank-a.example'],
    ['http://10.1.2.3:8080', 'https://gate.example/bank-a'],
  ])('who asked by %s is %s', (by, base) => {
    const own = addresses({
      publicUrl: 'https://gate.example/bank-a',
      allowedHosts: ['bank-a.example'],
    });
    expect(own.checked(asked(by))).toBe(base);
    expect(own.reachable(asked(by))).toBe(base);
  });

  it('is one that is accepted, whatever the caller says', () => {
    const own = addresses({});
    for (const by of ['http://localhost:18080', 'http://evil.example', 'http://10.0.0.9:8080']) {
      expect(own.owns(`${own.checked(asked(by))}/account`, '/account')).toBe(true);
    }
  });

  it('is the one asked for a service that may be called anything', () => {
    expect(addresses({}).reachable(asked('http://localhost:18080'))).toBe('http://localhost:18080');
  });

  it.each([
    { protocol: 'http', host: '' },
    { protocol: 'http', host: 'a"/><script>' },
    { protocol: 'javascript', host: 'x' },
  ])('is that of the cluster file where the request names no host: %j', (by) => {
    expect(addresses({}).checked(by)).toBe('http://bank-a.internal:8080');
    expect(addresses({}).reachable(by)).toBe('http://bank-a.internal:8080');
  });
});
