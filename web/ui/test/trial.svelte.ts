/** The state of the page: what has been tried, what it gave, and what it means. */
import { SvelteSet } from 'svelte/reactivity';
import * as api from '../shared/api';
import { openDevice, problemOf, type Kind } from '../studio/devices';
import { knock } from './knock';
import { probe, type ProbeResult, type Way } from './probe';
import { throughput } from './throughput';

/** loading, then ready for the start; running; done. failed: the page cannot be used. */
export type Phase = 'loading' | 'ready' | 'running' | 'done' | 'failed';

/** Everything that is tried, in the order on the page. */
export const steps = ['udp', 'tcp', 'turn', 'socket', 'https', 'down', 'up', 'camera', 'microphone', 'speaker'] as const;
export type Step = (typeof steps)[number];

const untried: api.PathFacts = {
  udp: 'skipped',
  tcp: 'skipped',
  turn: 'skipped',
  socket: 'skipped',
  https: 'skipped',
  rtt_ms: 0,
  jitter_ms: 0,
  loss: 0,
  down_kbps: 0,
  up_kbps: 0,
  camera: 'skipped',
  microphone: 'skipped',
  speaker: 'skipped',
};

export class Trial {
  phase = $state<Phase>('loading');
  course = $state.raw<api.Course>();
  facts = $state.raw<api.PathFacts>(untried);
  /** What is being tried now. */
  readonly current = new SvelteSet<Step>();
  readonly finished = new SvelteSet<Step>();
  result = $state.raw<api.PathTest>();
  /** Why the page or the saving of the result failed. */
  failure = $state.raw<unknown>();

  constructor(private readonly courseID: string) {}

  get presents(): boolean {
    return this.course?.roles.includes('presenter') ?? false;
  }

  /** What this person needs: who only watches is not asked for a camera. */
  get shown(): readonly Step[] {
    return steps.filter((step) => this.presents || (step !== 'camera' && step !== 'microphone' && step !== 'up'));
  }

  async open(): Promise<void> {
    try {
      this.course = await api.course(this.courseID);
      this.phase = 'ready';
    } catch (error) {
      this.failure = error;
      this.phase = 'failed';
    }
  }

  /** Tries everything, one after another where one would disturb the other. */
  async run(): Promise<void> {
    this.phase = 'running';
    this.facts = untried;
    this.finished.clear();
    this.result = undefined;
    this.failure = undefined;
    if (this.presents) await Promise.all([this.device('camera', 'video'), this.device('microphone', 'audio')]);
    await this.step('socket', async () => ({ socket: await knock(() => api.ticket(this.courseID)) }));
    await this.paths();
    await this.line();
    await this.save();
    this.phase = 'done';
  }

  /** The answer to "did you hear the tone?". */
  async heard(yes: boolean): Promise<void> {
    this.facts = { ...this.facts, speaker: yes ? 'works' : 'missing' };
    this.finished.add('speaker');
    if (this.phase === 'done') await this.save();
  }

  /** Keeps the result. What is wrong with it, the server says. */
  async save(): Promise<void> {
    try {
      this.result = await api.savePathTest(this.courseID, this.facts);
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
    }
  }

  private async step(step: Step, attempt: () => Promise<Partial<api.PathFacts>>): Promise<void> {
    this.current.add(step);
    const found = await attempt();
    this.facts = { ...this.facts, ...found };
    this.current.delete(step);
    this.finished.add(step);
  }

  private async device(step: 'camera' | 'microphone', kind: Kind): Promise<void> {
    await this.step(step, async () => {
      try {
        const track = await openDevice(kind);
        track.stop();
        return { [step]: 'works' };
      } catch (error) {
        const problem = problemOf(error);
        return { [step]: problem === 'busy' || problem === 'missing' ? problem : 'denied' };
      }
    });
  }

  /** The ways for media. UDP is measured longest: it is the one that is used. */
  private async paths(): Promise<void> {
    const ice = await api.iceServers(this.courseID).catch(() => ({ ice_servers: [] }));
    const found: Partial<Record<Way, ProbeResult>> = {};
    const attempt = (way: Way, count: number) =>
      this.step(way, async () => {
        const url = api.pathProbeAddress(this.courseID);
        const result = await probe({ url, way, servers: ice.ice_servers, count });
        found[way] = result;
        return { [way]: result.state };
      });
    await attempt('udp', 150);
    await Promise.all([attempt('tcp', 50), attempt('turn', 50)]);
    const best = (['udp', 'tcp', 'turn'] as const).map((way) => found[way]).find((result) => result?.state === 'works');
    if (best) this.facts = { ...this.facts, rtt_ms: best.rttMs, jitter_ms: best.jitterMs, loss: best.loss };
  }

  private async line(): Promise<void> {
    const url = api.pathBlobAddress(this.courseID);
    this.current.add('https');
    await this.step('down', async () => {
      const kbps = await throughput('down', url);
      return { down_kbps: kbps, https: kbps > 0 ? 'works' : 'fails' };
    });
    await this.step('https', async () => ({}));
    if (this.presents) await this.step('up', async () => ({ up_kbps: await throughput('up', url) }));
  }
}
