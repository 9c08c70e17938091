/**
 * Tries one way for live media: a data channel to the server, over which numbered messages go out as often as packets of sound and
 * come back. What does not come back is lost, as media would be.
 */
import type { IceServer, PathState } from '../shared/api';
import type { Fetch } from '../shared/rtc';

/** udp and tcp go to the media port, turn through the relay on the port of the pages. */
export type Way = 'udp' | 'tcp' | 'turn';

export interface ProbeResult {
  state: PathState;
  rttMs: number;
  jitterMs: number;
  /** 0 to 1. */
  loss: number;
}

/** The part of RTCPeerConnection that a probe uses. */
export type ProbePeer = Pick<
  RTCPeerConnection,
  'createDataChannel' | 'createOffer' | 'setLocalDescription' | 'setRemoteDescription' | 'localDescription' | 'close'
>;

export interface ProbeOptions {
  url: string;
  way: Way;
  servers: IceServer[];
  /** How many messages to send. */
  count: number;
  /** For tests. */
  newPeer?: (configuration: RTCConfiguration) => ProbePeer;
  fetch?: Fetch;
}

const connectWithin = 6_000;
/** Pause between messages and how long the last may take to come back, in ms. */
const pace = 20;
const patience = 1_000;

const failed: ProbeResult = { state: 'fails', rttMs: 0, jitterMs: 0, loss: 0 };
const absent: ProbeResult = { ...failed, state: 'absent' };

/** The answer with those candidates alone that use the protocol; undefined when the server offers none. */
export function onlyBy(protocol: 'udp' | 'tcp', answer: string): string | undefined {
  let found = false;
  const lines = answer.split(/\r?\n/).filter((line) => {
    if (!line.startsWith('a=candidate:')) return true;
    const wanted = line.split(' ')[2]?.toLowerCase() === protocol;
    found ||= wanted;
    return wanted;
  });
  return found ? lines.join('\r\n') : undefined;
}

/** What the times between going and coming back mean. A message that never came has none. */
export function figures(sent: number, roundTrips: readonly number[]): Omit<ProbeResult, 'state'> {
  if (roundTrips.length === 0) return { rttMs: 0, jitterMs: 0, loss: sent > 0 ? 1 : 0 };
  const sorted = [...roundTrips].sort((a, b) => a - b);
  const steps = roundTrips.slice(1).map((value, at) => Math.abs(value - roundTrips[at]!));
  return {
    rttMs: Math.round(sorted[Math.floor(sorted.length / 2)]!),
    jitterMs: Math.round(steps.reduce((sum, step) => sum + step, 0) / Math.max(1, steps.length)),
    loss: Math.max(0, 1 - roundTrips.length / sent),
  };
}

/** Tries a way. Never rejects. */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const { way } = options;
  if (way === 'turn' && options.servers.length === 0) return absent;
  const configuration: RTCConfiguration = way === 'turn' ? { iceServers: options.servers, iceTransportPolicy: 'relay' } : {};
  let peer: ProbePeer | undefined;
  try {
    peer = (options.newPeer ?? ((wanted) => new RTCPeerConnection(wanted)))(configuration);
    const channel = peer.createDataChannel('probe', { ordered: false, maxRetransmits: 0 });
    const open = opened(channel);
    await peer.setLocalDescription(await peer.createOffer());
    const said = await ask(options, peer.localDescription?.sdp ?? '');
    const answer = way === 'turn' ? said : onlyBy(way, said);
    if (answer === undefined) return absent;
    await peer.setRemoteDescription({ type: 'answer', sdp: answer });
    if (!(await open)) return failed;
    const measured = await exchange(channel, options.count);
    return { state: measured.loss < 1 ? 'works' : 'fails', ...measured };
  } catch {
    return failed;
  } finally {
    peer?.close();
  }
}

async function ask(options: ProbeOptions, offer: string): Promise<string> {
  const get = options.fetch ?? ((input: string, init: RequestInit) => fetch(input, init));
  const response = await get(options.url, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'Content-Type': 'application/sdp' },
    body: offer,
  });
  if (!response.ok) throw new Error(`probe refused with status ${response.status}`);
  return response.text();
}

function opened(channel: RTCDataChannel): Promise<boolean> {
  return new Promise((tell) => {
    setTimeout(() => tell(false), connectWithin);
    channel.onopen = () => tell(true);
    channel.onclose = () => tell(false);
  });
}

function exchange(channel: RTCDataChannel, count: number): Promise<Omit<ProbeResult, 'state'>> {
  return new Promise((tell) => {
    const leftAt: number[] = [];
    const back = new Map<number, number>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const finish = () => {
      clearTimeout(timer);
      channel.onmessage = channel.onclose = null;
      tell(
        figures(
          leftAt.length,
          [...back.entries()].sort(([a], [b]) => a - b).map(([, ms]) => ms),
        ),
      );
    };
    channel.onclose = finish;
    channel.onmessage = (event: MessageEvent) => {
      const number = Number(String(event.data).split(' ')[0]);
      const left = leftAt[number];
      if (left === undefined || back.has(number)) return;
      back.set(number, performance.now() - left);
      if (back.size === count) finish();
    };
    // As long as a packet of sound.
    const padding = '.'.repeat(100);
    const next = () => {
      const number = leftAt.length;
      leftAt.push(performance.now());
      try {
        channel.send(`${number} ${padding}`);
      } catch {
        return finish();
      }
      timer = setTimeout(leftAt.length < count ? next : finish, leftAt.length < count ? pace : patience);
    };
    next();
  });
}
