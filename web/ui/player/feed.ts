/** A WebRTC reception that can begin behind what is shown, and be shown once its media flows. */
import type { LayerChoice, LayerState } from '../shared/layer';
import type { Peer, Refused } from '../shared/rtc';
import type { ReceiveStats, Subscriber, SubscriberOptions, SubscriberState } from '../shared/whep';

/** Whoever shows a feed. Replaced when it moves from behind the scenes onto the stage. */
export interface FeedSink {
  onstream?: (stream: MediaStream, screen: MediaStream) => void;
  onstate?: (state: SubscriberState, why?: Refused) => void;
  onstats?: (stats: ReceiveStats) => void;
  onlayer?: (state: LayerState) => void;
  onblocked?: () => void;
}

export type FeedOptions = Omit<SubscriberOptions, 'onstream' | 'onstate' | 'onstats' | 'onlayer' | 'onblocked'>;

/** Receivers that can be told to keep media back, which TypeScript does not know yet. */
type Patient = RTCRtpReceiver & { jitterBufferTarget?: number | null };

export class Feed {
  readonly subscriber: Subscriber;
  sink: FeedSink = {};
  stream: MediaStream | undefined;
  screen: MediaStream | undefined;
  stats: ReceiveStats | undefined;
  private peer: Peer | undefined;
  private delayMs = 0;
  private readonly mending = new Mending();
  private layer: LayerChoice = 'auto';

  constructor(options: FeedOptions, make: (options: SubscriberOptions) => Subscriber) {
    const newPeer = options.newPeer ?? ((wanted: RTCConfiguration): Peer => new RTCPeerConnection(wanted));
    this.subscriber = make({
      ...options,
      newPeer: (wanted) => (this.peer = newPeer(wanted)),
      onstream: (stream, screen) => {
        this.stream = stream;
        this.screen = screen;
        this.hold();
        this.sink.onstream?.(stream, screen);
      },
      onstate: (state, why) => this.sink.onstate?.(state, why),
      onstats: (stats) => {
        this.stats = stats;
        if (this.mending.learn(stats, performance.now())) this.hold();
        this.sink.onstats?.(stats);
      },
      onlayer: (state) => this.sink.onlayer?.(state),
      onblocked: () => this.sink.onblocked?.(),
    });
  }

  /**
   * Shows media this many ms later than it could, so that it goes on where another transport stops; 0 is as early as possible. Where
   * browsers cannot (before Chrome 124) it is shown at once.
   */
  delay(ms: number): void {
    if (ms === this.delayMs) return;
    this.delayMs = ms;
    this.hold();
  }

  /** Chooses what is received, in this session and those that follow it. */
  choose(layer: LayerChoice): void {
    if (layer === this.layer) return;
    this.layer = layer;
    void this.subscriber.setLayer(layer);
  }

  get delayed(): number {
    return this.delayMs;
  }

  close(): void {
    this.sink = {};
    this.subscriber.close();
  }

  private hold(): void {
    for (const receiver of ((this.peer as Partial<RTCPeerConnection> | undefined)?.getReceivers?.() ?? []) as Patient[]) {
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = Math.max(this.delayMs, this.mending.ms) || null;
    }
  }
}

/** This many questions a second are those of a line that loses packets. */
const lossy = 3;
/** After so long without them, in ms, it no longer is. */
const mended = 30_000;

/**
 * How long media waits on a line that loses packets. Browsers keep it back for the jitter alone, as they do not know the round trip of
 * who only receives: each packet that is sent again would come too late. They ask for it every 100 ms; this leaves time for three times.
 */
export class Mending {
  /** 0 on a good line. */
  ms = 0;
  private until = -Infinity;

  /** Takes the figures of the last second; true when `ms` has changed. */
  learn(stats: Pick<ReceiveStats, 'asked' | 'rttMs'>, now: number): boolean {
    const before = this.ms;
    if (stats.asked >= lossy) {
      this.until = now + mended;
      // It grows only: each change is a jump of the picture.
      this.ms = Math.max(before, Math.min(1_000, 50 * Math.ceil((200 + 1.5 * stats.rttMs) / 50)));
    } else if (now > this.until) this.ms = 0;
    return this.ms !== before;
  }
}

/** How good a feed has to be before it is shown, and for how long, in ms. */
export interface Terms {
  /** Media flows without a fault for this long. */
  steady: number;
  /** After this long it is given up. */
  patience: number;
}

/** Looks at a feed that is not shown yet. Asked several times a second; the clock is an argument, in ms. */
export class Standby {
  readonly feed: Feed;
  private readonly terms: Terms;
  private readonly since: number;
  private flowsSince: number | undefined;
  private gone = false;

  constructor(feed: Feed, terms: Terms, now: number) {
    this.feed = feed;
    this.terms = terms;
    this.since = now;
    feed.sink = {
      onblocked: () => (this.gone = true),
      onstate: (state) => (this.gone ||= state === 'refused' || state === 'closed'),
    };
  }

  judge(now: number): 'wait' | 'ready' | 'failed' {
    if (this.gone) return 'failed';
    const { feed } = this;
    if (!feed.stream || !feed.subscriber.alive() || !fit(feed.stats)) {
      this.flowsSince = undefined;
      return now - this.since > this.terms.patience ? 'failed' : 'wait';
    }
    this.flowsSince ??= now;
    return now - this.flowsSince >= this.terms.steady ? 'ready' : 'wait';
  }

  close(): void {
    this.feed.close();
  }
}

/** Whether these figures are those of a picture one would rather see. */
function fit(stats: ReceiveStats | undefined): boolean {
  return !stats || (stats.loss < 0.03 && !(stats.fps > 0 && stats.fps < 8));
}
