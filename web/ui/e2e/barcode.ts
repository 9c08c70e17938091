import type { Person } from './browser';

/** A picture that says when it was drawn: the time in black and white fields, large enough for the smallest layer. */

/**
 * Stands in for a camera: a canvas on which each picture is the moment at which it was drawn. For an init script, so it is
 * complete in itself. The microphone stays the browser's.
 */
export function clockCamera(): void {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const sound = wanted?.audio ? (await real({ audio: wanted.audio })).getAudioTracks() : [];
    if (!wanted?.video) return new MediaStream(sound);
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1280, 720];
    const g = canvas.getContext('2d', { alpha: false })!;
    const draw = () => {
      const now = Date.now() % 2 ** 32;
      const bytes = [now >>> 24, (now >>> 16) & 255, (now >>> 8) & 255, now & 255];
      bytes.push(bytes.reduce((sum, byte) => (sum + 31 * byte + 7) & 255, 0));
      bytes.forEach((byte, row) => {
        for (let column = 0; column < 8; column++) {
          g.fillStyle = (byte >> (7 - column)) & 1 ? '#fff' : '#000';
          g.fillRect(160 * column, 144 * row, 160, 144);
        }
      });
      requestAnimationFrame(draw);
    };
    draw();
    return new MediaStream([...canvas.captureStream(30).getVideoTracks(), ...sound]);
  };
}

export interface Seen {
  /** From the drawing of each picture until it is due on the viewer's screen, in ms. */
  delays: number[];
  /** Pictures in which no time could be read. */
  unread: number;
}

/** Reads the clock in what a page's <video> shows for some seconds. */
export function readClock(person: Person, seconds: number): Promise<Seen> {
  return person.page.evaluate(async (seconds) => {
    const seen = { delays: [] as number[], unread: 0 };
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [80, 50];
    const g = canvas.getContext('2d', { willReadFrequently: true, alpha: false })!;
    const read = (): number | undefined => {
      g.drawImage(document.querySelector('video')!, 0, 0, 80, 50);
      const pixels = g.getImageData(0, 0, 80, 50).data;
      const bytes = Array.from({ length: 5 }, (_, row) => {
        let byte = 0;
        for (let column = 0; column < 8; column++)
          byte = 2 * byte + Number(pixels[4 * (80 * (10 * row + 5) + 10 * column + 5)]! > 127);
        return byte;
      });
      const sum = bytes.slice(0, 4).reduce((sum, byte) => (sum + 31 * byte + 7) & 255, 0);
      return sum === bytes[4] ? bytes.slice(0, 4).reduce((value, byte) => 256 * value + byte, 0) : undefined;
    };
    const end = performance.now() + 1000 * seconds;
    await new Promise<void>((resolve) => {
      const look = (_: number, shown: VideoFrameCallbackMetadata) => {
        const drawn = read();
        const due = Date.now() + Math.max(0, shown.expectedDisplayTime - performance.now());
        if (drawn === undefined) seen.unread++;
        else seen.delays.push((due - drawn) % 2 ** 32);
        if (performance.now() < end) document.querySelector('video')!.requestVideoFrameCallback(look);
        else resolve();
      };
      document.querySelector('video')!.requestVideoFrameCallback(look);
      setTimeout(resolve, 1000 * seconds + 2_000);
    });
    return seen;
  }, seconds);
}
