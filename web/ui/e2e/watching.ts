import type { Person } from './browser';

/** What somebody saw and heard for a while. */
export interface Watched {
  seconds: number;
  /** Pictures shown a second. */
  fps: number;
  /** Share of the time that WebRTC's picture was frozen (totalFreezesDuration); null without any, or with another connection at the end. */
  frozen: number | null;
  /** The same by what the page showed, whatever brought it, and so also over reconnections: gaps by the rule of webrtc-stats. */
  still: number;
  longestMs: number;
  /** Share of WebRTC's sound that was made up because it had not arrived; null without any. */
  concealed: number | null;
  height: number;
}

/** What seals the media of a page's connections, as getStats names it, each once; 'unknown' where the browser does not tell. */
export function ciphers(person: Person): Promise<string[]> {
  return person.page.evaluate(async () => {
    const found = new Set<string>();
    for (const pc of (window as unknown as { peerConnections: RTCPeerConnection[] }).peerConnections) {
      if (pc.connectionState !== 'connected') continue;
      (await pc.getStats()).forEach((s: Record<string, unknown>) => {
        if (s['type'] === 'transport') found.add(String(s['srtpCipher'] ?? 'unknown'));
      });
    }
    return [...found];
  });
}

/** Looks at the page's <video> for some seconds. */
export function watch(person: Person, seconds: number): Promise<Watched> {
  return person.page.evaluate(async (seconds) => {
    const received = async () => {
      const sum = { concealed: 0, all: 0, freezes: 0, connections: '' };
      for (const pc of (window as unknown as { peerConnections: RTCPeerConnection[] }).peerConnections) {
        if (pc.connectionState === 'closed') continue;
        (await pc.getStats()).forEach((s: Record<string, unknown>) => {
          if (s['type'] !== 'inbound-rtp') return;
          sum.connections += ` ${String(s['ssrc'])}`;
          if (s['kind'] === 'video') sum.freezes += Number(s['totalFreezesDuration'] ?? 0);
          if (s['kind'] !== 'audio') return;
          sum.concealed += Number(s['concealedSamples'] ?? 0) - Number(s['silentConcealedSamples'] ?? 0);
          sum.all += Number(s['totalSamplesReceived'] ?? 0);
        });
      }
      return sum;
    };
    const before = await received();
    const begin = performance.now();
    const end = begin + seconds * 1000;
    const shown: number[] = [begin];
    await new Promise<void>((resolve) => {
      setTimeout(resolve, seconds * 1000);
      const look = (now: number) => {
        shown.push(now);
        if (now < end) document.querySelector<HTMLVideoElement>('video')!.requestVideoFrameCallback(look);
        else resolve();
      };
      document.querySelector<HTMLVideoElement>('video')!.requestVideoFrameCallback(look);
    });
    shown.push(performance.now());
    const gaps = shown.slice(1).map((at, i) => at - shown[i]!);
    const mean = gaps.reduce((a, b) => a + b) / gaps.length;
    const still = gaps.filter((gap) => gap > Math.max(3 * mean, mean + 150));
    const after = await received();
    const all = after.all - before.all;
    return {
      seconds,
      fps: (shown.length - 2) / seconds,
      frozen: after.connections === before.connections && all > 0 ? (after.freezes - before.freezes) / seconds : null,
      still: still.reduce((a, b) => a + b, 0) / (seconds * 1000),
      longestMs: Math.round(Math.max(...gaps)),
      concealed: all > 0 ? (after.concealed - before.concealed) / all : null,
      height: document.querySelector<HTMLVideoElement>('video')!.videoHeight,
    };
  }, seconds);
}

/** The figures as one line. */
export function line({ seconds, fps, frozen, still, longestMs, concealed, height }: Watched): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const sound = concealed === null ? '' : `, sound made up ${percent(concealed)}`;
  const freezes = frozen === null ? '' : `, frozen ${percent(frozen)}`;
  return `${seconds} s at ${height}p: ${fps.toFixed(1)} pictures/s${freezes}, still ${percent(still)} (longest ${longestMs} ms)${sound}`;
}

/** How media travels: kind and protocol of the address in use, such as "host udp", "prflx tcp" or "relay tls" (TURN). */
export function path(person: Person): Promise<string> {
  return person.page.evaluate(async () => {
    let found = '';
    for (const pc of (window as unknown as { peerConnections: RTCPeerConnection[] }).peerConnections) {
      if (pc.connectionState !== 'connected') continue;
      const stats = await pc.getStats();
      stats.forEach((s: Record<string, unknown>) => {
        if (s['type'] !== 'transport') return;
        const pair = stats.get(s['selectedCandidatePairId'] as string) as { localCandidateId?: string } | undefined;
        const local = stats.get(pair?.localCandidateId ?? '') as Record<string, unknown> | undefined;
        found = `${String(local?.['candidateType'])} ${String(local?.['relayProtocol'] ?? local?.['protocol'])}`;
      });
    }
    return found;
  });
}
