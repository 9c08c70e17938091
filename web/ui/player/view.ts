/** What Playback says to the page, and what it needs of it. */
import type { Provenance, Resume } from '../shared/api';
import type { Pulse } from '../shared/pulse';
import type { Subscriber, SubscriberOptions } from '../shared/whep';
import type { MediaAccess } from './access';
import type { HLSOptions, HLSPlayback } from './hls';
import type { Choice, Quality } from './quality';

export type Transport = '' | 'webrtc' | 'hls';

/**
 * waiting: not on air yet. ended: the live picture stopped because the lecture is over, or the recording was played to its end.
 * buffering and reconnecting heal by themselves.
 */
export type PlayState = 'waiting' | 'connecting' | 'playing' | 'paused' | 'buffering' | 'reconnecting' | 'ended' | 'refused';

export type Connection = 'connecting' | 'good' | 'weak' | 'reconnecting';

/** What the page draws. Times are ms of the session timeline. */
export interface View {
  mode: Resume['mode'];
  transport: Transport;
  state: PlayState;
  /** At the live edge. */
  following: boolean;
  /** Back to the live edge is under way; what was shown goes on until it is there. */
  joining: boolean;
  /** Plays only what was not watched: in a live lecture faster, until the live edge. */
  only: boolean;
  position: number;
  /** Where the lecture has got to; after the end, its length. */
  edge: number;
  muted: boolean;
  volume: number;
  rate: number;
  /** The browser wants a tap before it plays sound (or, in a replay, anything). */
  blocked: '' | 'sound' | 'play';
  connection: Connection;
  presenterGone: boolean;
  /** A screen is shown besides the camera. In the recording it is the picture. */
  sharing: boolean;
  qualities: Quality[];
  choice: Choice;
  /** Height of the picture now, 0 when unknown. */
  height: number;
  /** There is sound and no picture: because that was chosen, or because the line carries no more. */
  soundOnly: '' | 'chosen' | 'line';
  firstFrameMs: number | undefined;
}

export const nothing: View = {
  mode: 'none',
  transport: '',
  state: 'waiting',
  following: true,
  joining: false,
  only: false,
  position: 0,
  edge: 0,
  muted: false,
  volume: 1,
  rate: 1,
  blocked: '',
  connection: 'connecting',
  presenterGone: false,
  sharing: false,
  qualities: [],
  choice: 'auto',
  height: 0,
  soundOnly: '',
  firstFrameMs: undefined,
};

export interface PlaybackOptions {
  video: HTMLVideoElement;
  whep: string;
  /** Ways round networks that block UDP. */
  iceServers?: () => Promise<RTCIceServer[]>;
  onview: (view: View) => void;
  /** A good moment to report: paused, sought, speed changed, ended. */
  onbreak: () => void;
  /** The live lecture has just ended, or goes on: the page reads the resume answer again. */
  onmode: (mode: Resume['mode']) => void;
  /** The streams of the shared screen, for a second <video>, and of the camera; undefined when WebRTC does not play. */
  onscreen?: (screen: MediaStream | undefined, camera: MediaStream | undefined) => void;
  /** What the <video> shows is about to be replaced: the last picture is worth keeping until there is another. */
  onhold?: () => void;
  /** Where to go on when only what was not watched is played: the moment itself, or a later one. Times are ms of the timeline. */
  needed?: (ms: number) => number;
  choice?: Choice;
  /** Where HLS is fetched. Without it, from this server. */
  media?: Pick<MediaAccess, 'ready' | 'at' | 'foreign' | 'next' | 'renew'>;
  pulse?: Pulse;
  now?: () => number;
  random?: () => number;
  newSubscriber?: (options: SubscriberOptions) => Subscriber;
  openHLS?: (video: HTMLVideoElement, options: HLSOptions) => Promise<HLSPlayback>;
}

/** Within this of the edge watching counts as live (lms.md 1.6). */
const liveMS = 60_000;

/** As what a moment `behind` ms behind the live edge is watched. */
export function provenance(mode: View['mode'], behind: number): Provenance {
  if (mode === 'replay') return 'replay';
  return behind <= liveMS ? 'live' : 'dvr';
}

/** Whether the lecture runs, or will by itself. */
export function runs(view: View): boolean {
  return view.transport !== '' && view.state !== 'paused' && view.state !== 'ended' && view.state !== 'refused';
}
