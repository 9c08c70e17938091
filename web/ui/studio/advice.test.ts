import { describe, expect, it } from 'vitest';
import { cameraAdvice, connectionAdvice, Ear, headline, type Advice } from './advice';
import { brightness, loudness } from './senses';

const stats = (change: object = {}) => ({
  kbps: 2300,
  loss: 0.002,
  rttMs: 48,
  roomKbps: 4000,
  audioKbps: 32,
  path: 'udp' as const,
  layers: [],
  limit: '' as const,
  ...change,
});

const good: Advice = { verdict: 'good', say: 'camera.good' };

/** Feeds seconds of one peak level. */
function hear(ear: Ear, peak: number, seconds: number): Advice {
  let advice = ear.advice();
  for (let at = 0; at < seconds * 10; at++) advice = ear.hear({ peak, rms: peak - 12 });
  return advice;
}

describe('microphone', () => {
  it('hears a voice once and takes silence for a pause after that', () => {
    const ear = new Ear();
    expect(ear.advice().verdict).toBe('wait');
    expect(hear(ear, -18, 1)).toEqual({ verdict: 'good', say: 'microphone.good' });
    expect(hear(ear, -80, 60).verdict).toBe('good');
  });

  it('tells a dead input from a quiet one', () => {
    expect(hear(new Ear(), -90, 13).say).toBe('microphone.silent');
    expect(hear(new Ear(), -40, 3).say).toBe('microphone.quiet');
  });

  it('says when it is too loud, and takes it back', () => {
    const ear = new Ear();
    expect(hear(ear, 0, 1).say).toBe('microphone.loud');
    expect(hear(ear, -12, 5).say).toBe('microphone.good');
  });
});

describe('camera', () => {
  it('judges the light', () => {
    const verdicts = [undefined, 0.01, 0.08, 0.4, 0.95].map((light) => cameraAdvice(true, light).say);
    expect(verdicts).toEqual(['camera.wait', 'camera.black', 'camera.dark', 'camera.good', 'camera.glaring']);
    expect(cameraAdvice(false, 0.4).verdict).toBe('bad');
  });
});

describe('connection', () => {
  it('waits until the browser has felt its way up', () => {
    expect(connectionAdvice('connecting', undefined, 3).verdict).toBe('wait');
    expect(connectionAdvice('connected', stats({ limit: 'bandwidth' }), 8).verdict).toBe('wait');
    expect(connectionAdvice('connected', stats({ limit: 'bandwidth' }), 20).say).toBe('connection.small');
    expect(connectionAdvice('connected', stats(), 8).verdict).toBe('good');
  });

  it('says what is wrong', () => {
    expect(connectionAdvice('connecting', undefined, 20).say).toBe('connection.blocked');
    expect(connectionAdvice('connected', stats({ loss: 0.2 }), 20).say).toBe('connection.lossy');
    expect(connectionAdvice('connected', stats({ rttMs: 700 }), 20).say).toBe('connection.shaky');
    expect(connectionAdvice('taken', stats(), 20).say).toBe('connection.taken');
  });
});

describe('headline', () => {
  it('names the worst first', () => {
    const bad: Advice = { verdict: 'bad', say: 'microphone.silent' };
    const warn: Advice = { verdict: 'warn', say: 'camera.dark' };
    expect(headline(warn, bad, good).title).toBe('head.microphone_bad');
    expect(headline(warn, good, good).title).toBe('head.camera_warn');
    expect(headline(good, good, good).title).toBe('head.good');
    expect(headline(good, { verdict: 'wait', say: 'microphone.wait' }, good).title).toBe('head.speak');
  });
});

describe('senses', () => {
  it('measure loudness in dBFS', () => {
    const sine = Float32Array.from({ length: 4800 }, (_, at) => 0.5 * Math.sin((2 * Math.PI * 440 * at) / 48_000));
    expect(loudness(sine).peak).toBeCloseTo(-6.02, 1);
    expect(loudness(sine).rms).toBeCloseTo(-9.03, 1);
    expect(loudness(new Float32Array(100)).peak).toBe(-100);
  });

  it('measure brightness', () => {
    expect(brightness([255, 255, 255, 255, 0, 0, 0, 255])).toBeCloseTo(0.5, 5);
  });
});
