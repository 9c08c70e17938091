/**
 * Reads what the packager wrote as programs of others do, for a test in media/hls: every playlist (*.m3u8) of a folder
 * with hls-parser in strict mode and m3u8-parser, and what finished playlists list with mp4box.js and mux.js. Prints one
 * line for each fault, and the number of things read.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import HLS from 'hls-parser';
import { Parser } from 'm3u8-parser';
import { createFile } from 'mp4box';
import muxjs from 'mux.js';

const folder = process.argv[2];
const faults = [];
const read = { playlists: 0, segments: 0, samples: 0 };

HLS.setOptions({ strictMode: true, silent: true });

/** Bytes of a file, in a buffer of their own. */
function bytes(name) {
  const content = readFileSync(join(folder, name));
  return new Uint8Array(content.buffer.slice(content.byteOffset, content.byteOffset + content.byteLength));
}

function playlist(name) {
  const text = readFileSync(join(folder, name), 'utf8');
  read.playlists++;
  try {
    HLS.parse(text);
  } catch (error) {
    faults.push(`${name}: hls-parser: ${error.message}`);
  }
  const parser = new Parser();
  parser.push(text);
  parser.end();
  const { manifest } = parser;
  const listed = (text.match(/^#EXTINF:/gm) ?? []).length;
  const whole = (manifest.segments ?? []).filter((segment) => segment.uri);
  if (whole.length !== listed) faults.push(`${name}: m3u8-parser sees ${whole.length} segments of ${listed}`);
  if (listed > 0 && manifest.targetDuration !== 3) faults.push(`${name}: m3u8-parser: target ${manifest.targetDuration}`);
  const ranges = (text.match(/^#EXT-X-DATERANGE:/gm) ?? []).length;
  if ((manifest.dateRanges ?? []).length !== ranges) faults.push(`${name}: m3u8-parser sees other date ranges than ${ranges}`);
  if (text.includes('#EXT-X-ENDLIST')) stretches(name, whole);
}

/** Reads the segments of a finished playlist, as many together as share an initialisation section. */
function stretches(name, segments) {
  let map = '';
  let parts = [];
  const finish = () => {
    if (parts.length > 0) media(`${name} with ${map}`, parts);
    parts = [];
  };
  for (const segment of segments) {
    if (segment.map?.uri && segment.map.uri !== map) {
      finish();
      map = segment.map.uri;
      parts.push(bytes(map));
    }
    const content = bytes(segment.uri);
    inspect(segment.uri, content);
    read.segments++;
    parts.push(content);
  }
  finish();
}

function media(name, parts) {
  const file = createFile();
  let ready = false;
  let samples = 0;
  file.onError = (module, message) => faults.push(`${name}: mp4box: ${module}: ${message}`);
  file.onReady = (info) => {
    ready = true;
    for (const track of info.tracks) file.setExtractionOptions(track.id, undefined, { nbSamples: 100_000 });
    file.start();
  };
  file.onSamples = (_id, _user, all) => (samples += all.length);
  let at = 0;
  for (const part of parts) {
    const { buffer } = part;
    buffer.fileStart = at;
    at += buffer.byteLength;
    file.appendBuffer(buffer);
  }
  file.flush();
  for (const track of file.getInfo().tracks ?? []) samples = Math.max(samples, track.nb_samples);
  if (!ready || samples === 0) faults.push(`${name}: mp4box finds no samples`);
  read.samples += samples;
}

/** A segment is pairs of moof and mdat, whose samples fill the mdat. */
function inspect(name, content) {
  const boxes = muxjs.mp4.tools.inspect(content);
  for (let i = 0; i < boxes.length; i += 2) {
    const [moof, mdat] = [boxes[i], boxes[i + 1]];
    if (moof?.type !== 'moof' || mdat?.type !== 'mdat') {
      faults.push(`${name}: mux.js: ${moof?.type} and ${mdat?.type} instead of moof and mdat`);
      return;
    }
    const trun = moof.boxes.find((box) => box.type === 'traf')?.boxes.find((box) => box.type === 'trun');
    const sum = (trun?.samples ?? []).reduce((total, sample) => total + sample.size, 0);
    if (sum === 0 || sum !== mdat.size - 8) faults.push(`${name}: mux.js: samples of ${sum} bytes in an mdat of ${mdat.size}`);
  }
}

for (const name of readdirSync(folder)) if (name.endsWith('.m3u8')) playlist(name);
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(`read ${read.playlists} playlists, ${read.segments} segments, ${read.samples} samples\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
