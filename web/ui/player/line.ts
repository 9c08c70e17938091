/** The WebRTC side of a player: the reception on the stage, the one behind it, and when to try again after none got through. */
import type { LayerChoice } from '../shared/layer';
import { Subscriber, type SubscriberOptions } from '../shared/whep';
import { Comeback } from './comeback';
import { Feed, Standby, type FeedOptions, type FeedSink } from './feed';

/** What a reception has to prove before it takes over from HLS by itself, and before it does because somebody asked. */
const comebackTerms = { steady: 2_000, patience: 12_000 };
const joinTerms = { steady: 0, patience: 6_000 };
/** Media that was held back is let go at this pace, ms a second: a tenth faster is not heard. */
const release = 100;
/** More than this is not held back: browsers keep four seconds at most. */
const longestDelay = 2_500;

export interface LineOptions {
  feed: FeedOptions;
  newSubscriber?: ((options: SubscriberOptions) => Subscriber) | undefined;
  random?: (() => number) | undefined;
}

export class Line {
  /** What is shown. */
  feed: Feed | undefined;
  /** WebRTC does not get through at present. */
  blocked = false;
  /** This browser cannot play what the lecture is sent in. */
  useless = false;
  private readonly options: LineOptions;
  private readonly comeback: Comeback;
  private layer: LayerChoice = 'auto';
  private standby: { is: Standby; asked: boolean } | undefined;
  private easedAt = 0;

  constructor(options: LineOptions) {
    this.options = options;
    this.comeback = new Comeback(options.random);
  }

  /** Opens a reception on the stage. */
  open(sink: (feed: Feed) => FeedSink): void {
    const feed = (this.feed = this.newFeed());
    feed.sink = sink(feed);
    feed.subscriber.start();
  }

  /** Ends what is on the stage. */
  close(): void {
    this.feed?.close();
    this.feed = undefined;
  }

  /** Opens a reception behind what is shown, which is `behind` ms late: what takes over begins there, so that nothing is skipped. */
  prepare(asked: boolean, behind: number, now: number): void {
    this.leave();
    const feed = this.newFeed();
    this.standby = { is: new Standby(feed, asked ? joinTerms : comebackTerms, now), asked };
    feed.delay(Math.max(0, Math.min(longestDelay, Math.round(behind))));
    feed.subscriber.start();
  }

  /** Ends what is behind it. */
  leave(): void {
    this.standby?.is.close();
    this.standby = undefined;
  }

  /**
   * Looks after the reception behind the stage, several times a second. `take`: it is now the one on the stage, and still without a sink.
   * `blocked`: somebody asked for it and it does not get through. `try`: there is none, and it is time for one, if `longing`.
   */
  look(now: number, longing: boolean): '' | 'take' | 'blocked' | 'try' {
    const { standby } = this;
    if (!standby) return longing && this.blocked && !this.useless && this.comeback.due(now) ? 'try' : '';
    const verdict = standby.is.judge(now);
    if (verdict === 'wait') return '';
    if (verdict === 'ready') {
      this.standby = undefined;
      this.close();
      this.feed = standby.is.feed;
      this.blocked = false;
      this.comeback.returned(now);
      this.easedAt = now;
      return 'take';
    }
    return this.spoil(now);
  }

  /** Gives up what is behind the stage: it did not get through, or harms what is shown. */
  spoil(now: number): '' | 'blocked' {
    const { standby } = this;
    this.leave();
    if (!standby) return '';
    if (standby.asked) return 'blocked';
    this.comeback.failed(now);
    return '';
  }

  /** WebRTC does not get through; for good, when the browser lacks the codec. */
  fell(forGood: boolean, now: number): void {
    this.blocked = true;
    this.useless ||= forGood;
    this.comeback.fell(now);
  }

  /** The network has changed. */
  nudge(now: number): void {
    this.feed?.subscriber.nudge();
    this.comeback.hint(now);
  }

  /** Lets go, little by little, what was held back at the change. */
  ease(now: number): void {
    const { feed } = this;
    if (!feed?.delayed) return;
    feed.delay(Math.max(0, Math.round(feed.delayed - ((now - this.easedAt) * release) / 1000)));
    this.easedAt = now;
  }

  /** Chooses what is received, now and later. */
  choose(layer: LayerChoice): void {
    this.layer = layer;
    this.feed?.choose(layer);
    this.standby?.is.feed.choose(layer);
  }

  private newFeed(): Feed {
    const feed = new Feed(this.options.feed, this.options.newSubscriber ?? ((wanted) => new Subscriber(wanted)));
    feed.choose(this.layer);
    return feed;
  }
}
