import { describe, expect, it } from 'vitest';
import { backoff, fragmentOf, Rates, Refused, withFragment } from './rtc';

const sdp = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  's=-',
  'a=group:BUNDLE 0 1',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:secretsecretsecretsecret',
  'a=ice-options:trickle',
  'a=mid:0',
  'a=candidate:1 1 udp 1 10.0.0.1 5000 typ host',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:secretsecretsecretsecret',
  'a=mid:1',
  '',
].join('\r\n');

describe('backoff', () => {
  it('starts at a quarter of a second and never waits longer than one', () => {
    expect([0, 1, 2, 3, 9, 1000].map((tries) => backoff(tries, () => 0))).toEqual([250, 500, 1000, 1000, 1000, 1000]);
  });

  it('spreads by up to a fifth', () => {
    expect(backoff(9, () => 0.999)).toBeGreaterThanOrEqual(800);
  });
});

describe('ICE restart', () => {
  it('sends the credentials of the first section with its m-line and mid', () => {
    expect(fragmentOf(sdp).split('\r\n')).toEqual([
      'a=ice-options:trickle',
      'a=ice-ufrag:abcd',
      'a=ice-pwd:secretsecretsecretsecret',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'a=mid:0',
      'a=candidate:1 1 udp 1 10.0.0.1 5000 typ host',
      '',
    ]);
  });

  it('puts the new credentials and candidates into every section of the answer', () => {
    const fresh = withFragment(sdp, 'a=ice-ufrag:new\r\na=ice-pwd:fresh\r\na=candidate:2 1 udp 1 10.0.0.2 6000 typ host\r\n');
    expect(fresh.match(/a=ice-ufrag:new/g)).toHaveLength(2);
    expect(fresh.match(/a=ice-pwd:fresh/g)).toHaveLength(2);
    expect(fresh.match(/10\.0\.0\.2/g)).toHaveLength(2);
    expect(fresh).not.toContain('10.0.0.1 5000');
  });
});

describe('refusal', () => {
  it('is final when asking again cannot help', () => {
    expect([401, 403, 404, 415].every((status) => new Refused(status).final)).toBe(true);
    expect([0, 409, 429, 500, 503].some((status) => new Refused(status).final)).toBe(false);
  });
});

describe('rates', () => {
  it('turns counters into rates and survives a reset', () => {
    const rates = new Rates();
    expect(rates.perSecond('bytes', 1000, 0)).toBe(0);
    expect(rates.perSecond('bytes', 3000, 500)).toBe(4000);
    expect(rates.perSecond('bytes', 100, 1000)).toBe(0);
    expect(rates.growth('frames', 10)).toBe(0);
    expect(rates.growth('frames', 25)).toBe(15);
  });
});
