/**
 * Hears those backstage: presenters, panellists and moderators, on air or not. The server leaves out the listener's own voice. A lost line
 * is opened anew until the page closes it.
 */
import { end, open, Refused, retryPause, type Fetch, type Opened, type Peer } from './rtc';

/** As many voices as the server sends at a time. */
const voices = 3;
const connectTimeout = 6_000;
/** A line that says it is disconnected often comes back by itself. */
const grace = 2_000;

export interface BackstageOptions {
  course: string;
  iceServers?: () => Promise<RTCIceServer[]>;
  /** The server does not let us listen any more. */
  onrefused?: () => void;
  /** Plays a voice; returns what stops it. For tests. */
  play?: (track: MediaStreamTrack) => () => void;
  newPeer?: (configuration: RTCConfiguration) => Peer;
  fetch?: Fetch;
  random?: () => number;
}

export class Backstage {
  private readonly options: BackstageOptions;
  private readonly get: Fetch;
  private peer: Peer | undefined;
  private session: Opened | undefined;
  private stops: (() => void)[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  /** Rises with every attempt; what an older one still says is ignored. */
  private attempt = 0;

  constructor(options: BackstageOptions) {
    this.options = options;
    this.get = options.fetch ?? ((input, init) => fetch(input, init));
  }

  start(): void {
    this.tries = 0;
    void this.connect();
  }

  close(): void {
    this.attempt++;
    clearTimeout(this.timer);
    this.stops.forEach((stop) => stop());
    this.stops = [];
    if (this.peer) this.peer.onconnectionstatechange = this.peer.ontrack = null;
    end(this.get, this.session, this.peer);
    this.session = undefined;
    this.peer = undefined;
  }

  private async connect(): Promise<void> {
    this.close();
    const attempt = this.attempt;
    const iceServers = this.options.iceServers ? await this.options.iceServers() : [];
    if (attempt !== this.attempt) return;
    const peer = (this.options.newPeer ?? ((wanted) => new RTCPeerConnection(wanted)))({
      bundlePolicy: 'max-bundle',
      iceServers,
    });
    this.peer = peer;
    try {
      for (let n = 0; n < voices; n++) peer.addTransceiver('audio', { direction: 'recvonly' });
      peer.ontrack = (event) => this.stops.push((this.options.play ?? play)(event.track));
      await peer.setLocalDescription(await peer.createOffer());
      const session = await open(
        this.get,
        `/backstage/${encodeURIComponent(this.options.course)}`,
        peer.localDescription?.sdp ?? '',
      );
      if (attempt !== this.attempt) return end(this.get, session, peer);
      this.session = session;
      peer.onconnectionstatechange = () => this.changed(attempt);
      await peer.setRemoteDescription({ type: 'answer', sdp: session.answer });
      this.wait(connectTimeout, () => peer.connectionState !== 'connected' && this.again());
      this.changed(attempt);
    } catch (error) {
      if (attempt !== this.attempt) return;
      if (error instanceof Refused && error.final) {
        this.close();
        return this.options.onrefused?.();
      }
      this.again(error instanceof Refused ? error.waitMs : undefined);
    }
  }

  private changed(attempt: number): void {
    if (attempt !== this.attempt) return;
    switch (this.peer?.connectionState) {
      case 'connected':
        this.tries = 0;
        clearTimeout(this.timer);
        break;
      case 'disconnected':
        this.wait(grace, () => this.peer?.connectionState !== 'connected' && this.again());
        break;
      case 'failed':
      case 'closed':
        this.again();
    }
  }

  private again(waitMs?: number): void {
    this.close();
    this.wait(waitMs ?? retryPause(this.tries++, this.options.random), () => void this.connect());
  }

  private wait(ms: number, run: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(run, ms);
  }
}

function play(track: MediaStreamTrack): () => void {
  const audio = new Audio();
  audio.srcObject = new MediaStream([track]);
  // Whoever is here has pressed a button to join, so the browser lets it sound.
  audio.play().catch(() => undefined);
  return () => {
    audio.pause();
    audio.srcObject = null;
  };
}
