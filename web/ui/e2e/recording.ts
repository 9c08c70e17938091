import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One media playlist of a recording, as far as the checks need it. */
export interface Rendition {
  url: string;
  /** Height of the picture in pixels; 0 for sound. */
  height: number;
  /** Length of each segment in seconds, as its playlist says. */
  durations: number[];
  /** The initialisation segment of each segment. A rendition that was missing for a while names that of the one below. */
  maps: string[];
  ended: boolean;
}

/** Reads the recording of a course as any HLS player would, with a bearer token. */
export async function readRecording(master: string, token: string): Promise<Rendition[]> {
  const text = await get(master, token);
  const found = new Map<string, number>();
  const lines = text.split('\n');
  lines.forEach((line, i) => {
    const media = /^#EXT-X-MEDIA:.*URI="([^"]+)"/.exec(line);
    if (media) found.set(new URL(media[1]!, master).href, 0);
    const variant = /^#EXT-X-STREAM-INF:(.*)/.exec(line);
    if (variant) {
      const height = Number(/RESOLUTION=\d+x(\d+)/.exec(variant[1]!)?.[1] ?? 0);
      found.set(new URL(lines[i + 1]!.trim(), master).href, height);
    }
  });
  const renditions: Rendition[] = [];
  for (const [url, height] of found) {
    const playlist = await get(url, token);
    const durations = [...playlist.matchAll(/^#EXTINF:([\d.]+)/gm)].map((m) => Number(m[1]));
    renditions.push({ url, height, durations, maps: mapsOf(playlist), ended: playlist.includes('#EXT-X-ENDLIST') });
  }
  return renditions.sort((a, b) => b.height - a.height);
}

/** The initialisation segment in force at each segment of a media playlist. */
function mapsOf(playlist: string): string[] {
  let map = '';
  const maps: string[] = [];
  for (const line of playlist.split('\n')) {
    map = /^#EXT-X-MAP:URI="([^"]+)"/.exec(line)?.[1] ?? map;
    if (line.startsWith('#EXTINF:')) maps.push(map);
  }
  return maps;
}

/**
 * The longest stretch, in seconds, in which each rendition of the picture is its own. A browser on a busy machine stops sending its
 * largest layer now and then, and the recording has the next lower one there.
 */
export function complete(renditions: readonly Rendition[]): { from: number; to: number } {
  const pictures = renditions.filter((r) => r.height > 0);
  let best = { from: 0, to: 0 };
  let t = 0;
  let from = 0;
  pictures[0]!.durations.forEach((d, i) => {
    const own = new Set(pictures.map((r) => r.maps[i])).size === pictures.length;
    t += d;
    if (!own) from = t;
    else if (t - from > best.to - best.from) best = { from, to: t };
  });
  return best;
}

/** The largest distance in seconds between the same segment boundary of any two renditions. */
export function misalignment(renditions: readonly Rendition[]): number {
  const ends = renditions.map(({ durations }) => {
    let t = 0;
    return durations.map((d) => (t += d));
  });
  let worst = 0;
  for (let i = 0; i < Math.max(...ends.map((e) => e.length)); i++) {
    const at = ends.map((e) => e[i] ?? Infinity);
    worst = Math.max(worst, Math.max(...at) - Math.min(...at));
  }
  return worst;
}

export interface Probe {
  codec: string;
  width: number;
  height: number;
  frames: number;
}

/** Decodes a whole playlist and returns what ffprobe says of its one stream; any complaint of the decoder is an error. */
export async function probe(url: string, token: string): Promise<Probe> {
  const { stdout, stderr } = await run('ffprobe', [
    ...['-v', 'error', '-headers', `Authorization: Bearer ${token}\r\n`, '-count_frames'],
    ...['-show_entries', 'stream=codec_name,width,height,nb_read_frames', '-of', 'json', url],
  ]);
  if (stderr.trim() !== '') throw new Error(`ffprobe complains about ${url}: ${stderr}`);
  const { streams } = JSON.parse(stdout) as {
    streams: { codec_name: string; width?: number; height?: number; nb_read_frames: string }[];
  };
  if (streams.length !== 1) throw new Error(`${url} has ${streams.length} streams, want 1`);
  const [s] = streams;
  return { codec: s!.codec_name, width: s!.width ?? 0, height: s!.height ?? 0, frames: Number(s!.nb_read_frames) };
}

async function get(url: string, token: string): Promise<string> {
  const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
  return response.text();
}
