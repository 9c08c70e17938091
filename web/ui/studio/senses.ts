/** What the microphone hears and the camera sees, measured here on the presenter's computer. */

/** Levels of the last 100 ms in dBFS: 0 is the loudest there is, -100 silence. */
export interface Loudness {
  rms: number;
  peak: number;
}

/** Measures a microphone ten times a second. Returns what stops it. */
export function listen(track: MediaStreamTrack, onlevel: (loudness: Loudness) => void): () => void {
  const Context = window.AudioContext ?? (window as unknown as { webkitAudioContext?: typeof AudioContext }).webkitAudioContext;
  if (!Context) return () => undefined;
  const context = new Context();
  const analyser = context.createAnalyser();
  analyser.fftSize = 4096;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  // Until the first press of a key or button a browser may keep the context asleep.
  const wake = () => void context.resume();
  for (const name of ['pointerdown', 'keydown']) window.addEventListener(name, wake);
  const timer = setInterval(() => {
    if (context.state !== 'running') return;
    analyser.getFloatTimeDomainData(samples);
    onlevel(loudness(samples));
  }, 100);
  return () => {
    clearInterval(timer);
    for (const name of ['pointerdown', 'keydown']) window.removeEventListener(name, wake);
    if (context.state !== 'closed') void context.close();
  };
}

/** Loudness of samples between -1 and 1. */
export function loudness(samples: ArrayLike<number>): Loudness {
  let sum = 0;
  let peak = 0;
  for (let at = 0; at < samples.length; at++) {
    const value = samples[at]!;
    sum += value * value;
    peak = Math.max(peak, Math.abs(value));
  }
  const db = (value: number) => Math.max(-100, 20 * Math.log10(value || 1e-9));
  return { rms: db(Math.sqrt(sum / Math.max(1, samples.length))), peak: db(peak) };
}

/** Brightness of the picture, 0 (black) to 1 (white), every two seconds. Returns what stops it. */
export function watch(video: HTMLVideoElement, onlight: (brightness: number) => void): () => void {
  const canvas = document.createElement('canvas');
  canvas.width = 32;
  canvas.height = 18;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const timer = setInterval(() => {
    if (!context || video.readyState < 2) return;
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    onlight(brightness(context.getImageData(0, 0, canvas.width, canvas.height).data));
  }, 2_000);
  return () => clearInterval(timer);
}

/** Mean luma (ITU-R BT.709) of RGBA bytes, 0 to 1. */
export function brightness(rgba: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at + 3 < rgba.length; at += 4) sum += 0.2126 * rgba[at]! + 0.7152 * rgba[at + 1]! + 0.0722 * rgba[at + 2]!;
  return sum / 255 / Math.max(1, rgba.length / 4);
}
