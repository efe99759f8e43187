import { describe, expect, it } from 'vitest';
import { findAddress, httpAddress } from './address.ts';

const standard = { url: undefined, host: '127.0.0.1', port: 8080 };
const last = { current: 'http://127.0.0.1:41234' };
const here = { address: 'http://127.0.0.1:51234' };

describe('the address of the platform', () => {
  it('is TUNELOOP_URL before anything else, with or without /v1', () => {
    expect(findAddress({ ...standard, url: 'https://tune.example/v1/' }, { TUNELOOP_PORT: '9' }, last, here)).toBe('https://tune.example');
    expect(findAddress({ ...standard, url: 'https://tune.example/' }, {}, last, here)).toBe('https://tune.example');
  });

  it('is that of host and port when one of them is set', () => {
    expect(findAddress({ ...standard, port: 9000 }, { TUNELOOP_PORT: '9000' }, last, here)).toBe('http://127.0.0.1:9000');
  });

  it('is the platform of this data folder, or the one used last, or the default', () => {
    expect(findAddress(standard, {}, last, here)).toBe(here.address);
    expect(findAddress(standard, {}, last, null)).toBe('http://127.0.0.1:41234');
    expect(findAddress(standard, {}, { current: null }, null)).toBe('http://127.0.0.1:8080');
  });

  it('of a wildcard host is loopback, and of IPv6 has brackets', () => {
    expect(httpAddress('0.0.0.0', 80)).toBe('http://127.0.0.1:80');
    expect(httpAddress('::1', 80)).toBe('http://[::1]:80');
  });
});
