/** Camera and microphone: asking for them, naming what went wrong, remembering the choice. */

export type Kind = 'video' | 'audio';

/**
 * Why a device cannot be used. denied: the browser or the computer forbids it. missing: there is none. busy: another program holds it.
 * insecure: the page was not opened by https.
 */
export type DeviceProblem = 'denied' | 'missing' | 'busy' | 'insecure' | 'unknown';

/** What the lecture sends at best: 720p is what the largest of the three sizes carries. */
const wanted = {
  video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
} as const;

/** Opens the device of a kind that was chosen last time, else the browser's own choice. */
/** Whether this browser can show a screen; phones cannot. */
export const canShare = () => typeof navigator.mediaDevices?.getDisplayMedia === 'function';

/**
 * Asks which screen or window to show. Undefined when the presenter thought better of it. Small print matters more than motion, which
 * the hint tells the encoder.
 */
export async function openScreen(): Promise<MediaStreamTrack | undefined> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: 15, width: { max: 1920 }, height: { max: 1080 } },
    });
    const track = stream.getVideoTracks()[0];
    if (track) track.contentHint = 'detail';
    return track;
  } catch (error) {
    if (error instanceof DOMException && (error.name === 'NotAllowedError' || error.name === 'AbortError')) return undefined;
    throw error;
  }
}

export async function openDevice(kind: Kind, id: string | null = remembered(kind)): Promise<MediaStreamTrack> {
  const { mediaDevices } = navigator as { mediaDevices?: MediaDevices };
  if (!mediaDevices) throw new DOMException('no media devices', 'SecurityError');
  const constraints = { ...wanted[kind], ...(id ? { deviceId: { ideal: id } } : {}) };
  const stream = await mediaDevices.getUserMedia({ [kind]: constraints });
  return stream.getTracks()[0]!;
}

/** Both at once, so that the browser asks only once. */
export async function openBoth(): Promise<MediaStreamTrack[]> {
  const { mediaDevices } = navigator as { mediaDevices?: MediaDevices };
  if (!mediaDevices) throw new DOMException('no media devices', 'SecurityError');
  const prefer = (kind: Kind) => ({ ...wanted[kind], ...(remembered(kind) ? { deviceId: { ideal: remembered(kind)! } } : {}) });
  const stream = await mediaDevices.getUserMedia({ video: prefer('video'), audio: prefer('audio') });
  return stream.getTracks();
}

/** The reason behind what getUserMedia threw. */
export function problemOf(error: unknown): DeviceProblem {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    case 'SecurityError':
      return 'insecure';
    default:
      return 'unknown';
  }
}

/** Whether the browser would give both without asking. False also when it does not tell. */
export async function alreadyAllowed(): Promise<boolean> {
  try {
    const names = ['camera', 'microphone'] as unknown as PermissionName[];
    const states = await Promise.all(names.map((name) => navigator.permissions.query({ name })));
    return states.every((status) => status.state === 'granted');
  } catch {
    return false;
  }
}

/** The devices there are, with their names (which exist only once one was allowed). */
export async function listDevices(): Promise<Record<Kind, { id: string; label: string }[]>> {
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind: MediaDeviceKind) =>
    all
      .filter((device) => device.kind === kind && device.deviceId)
      .map((device) => ({ id: device.deviceId, label: device.label }));
  return { video: of('videoinput'), audio: of('audioinput') };
}

const key = (kind: Kind) => `lectern.device.${kind}`;

function remembered(kind: Kind): string | null {
  try {
    return localStorage.getItem(key(kind));
  } catch {
    return null;
  }
}

/** Remembers a choice for the next time. */
export function remember(kind: Kind, id: string): void {
  try {
    localStorage.setItem(key(kind), id);
  } catch {
    // No storage: the browser's own choice comes next time.
  }
}
