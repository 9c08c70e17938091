/** The layer of a lecture watched by WebRTC: what the viewer chooses, and what the server says of it (openapi.yaml, /whep/…/layer). */
import type { Fetch, Opened } from './rtc';

/** auto: what the line carries. audio: no picture. A layer that is not sent stands for the nearest one that is. */
export type LayerChoice = 'auto' | 'high' | 'mid' | 'low' | 'audio';

export interface LayerState {
  wanted: LayerChoice;
  shown: Exclude<LayerChoice, 'auto'>;
  /** The line is why it is not more. */
  limited: boolean;
}

/** Whether there is sound alone on purpose, by choice or because the line is too slow. */
export function soundOnly(state: LayerState | undefined): boolean {
  return state?.shown === 'audio' && (state.limited || state.wanted === 'audio');
}

/** Asks for the layer of a session, or with `choice` chooses it. Undefined when the server could not say. */
export async function exchangeLayer(get: Fetch, session: Opened, choice?: LayerChoice): Promise<LayerState | undefined> {
  const url = session.location.replace(/(\?|$)/, '/layer$1');
  const post: RequestInit = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ encodingId: choice }),
  };
  try {
    const response = await get(url, { credentials: 'same-origin', cache: 'no-store', ...(choice ? post : { method: 'GET' }) });
    return response.ok ? ((await response.json()) as LayerState) : undefined;
  } catch {
    return undefined;
  }
}
