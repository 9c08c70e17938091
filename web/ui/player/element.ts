/** The <video> element's own ways: what it tells, and what browsers allow it. */

/** What happens in the element, by whatever transport. */
export interface Happenings {
  playing: () => void;
  waiting: () => void;
  paused: () => void;
  seeking: () => void;
  ended: () => void;
  volume: () => void;
}

export function listen(video: HTMLVideoElement, on: Happenings): void {
  video.addEventListener('playing', on.playing);
  video.addEventListener('waiting', on.waiting);
  video.addEventListener('pause', on.paused);
  video.addEventListener('seeking', on.seeking);
  video.addEventListener('ended', on.ended);
  video.addEventListener('volumechange', on.volume);
}

/**
 * Plays. refused: the browser wants a tap first. muted: it did too, but lets the picture play without sound, which `mayMute` allows.
 * stopped: something else has come between, such as another source.
 */
export async function startPlaying(
  video: HTMLVideoElement,
  mayMute: () => boolean,
): Promise<'plays' | 'muted' | 'refused' | 'stopped'> {
  const refused = (error: unknown) => error instanceof DOMException && error.name === 'NotAllowedError';
  try {
    await video.play();
    return 'plays';
  } catch (error) {
    if (!refused(error)) return 'stopped';
  }
  if (video.muted || !mayMute()) return 'refused';
  video.muted = true;
  try {
    await video.play();
    return 'muted';
  } catch (error) {
    return refused(error) ? 'refused' : 'stopped';
  }
}

type Safari = HTMLVideoElement & {
  webkitSupportsPresentationMode?: (mode: string) => boolean;
  webkitSetPresentationMode?: (mode: string) => void;
  webkitPresentationMode?: string;
  webkitEnterFullscreen?: () => void;
};

export function canFloat(video: HTMLVideoElement | undefined): boolean {
  return (
    document.pictureInPictureEnabled ||
    (video as Safari | undefined)?.webkitSupportsPresentationMode?.('picture-in-picture') === true
  );
}

/** Shows the video in a small window over all others, or takes it back. */
export function float(video: HTMLVideoElement): void {
  const safari = video as Safari;
  if (document.pictureInPictureElement) void document.exitPictureInPicture().catch(() => undefined);
  else if (document.pictureInPictureEnabled) void video.requestPictureInPicture().catch(() => undefined);
  else {
    const inside = safari.webkitPresentationMode === 'picture-in-picture';
    safari.webkitSetPresentationMode?.(inside ? 'inline' : 'picture-in-picture');
  }
}

/** Fills the screen with the stage, or, on an iPhone, with its video; or leaves it. */
export function fillScreen(stage: HTMLElement | undefined): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (typeof stage?.requestFullscreen === 'function') void stage.requestFullscreen().catch(() => undefined);
  else (stage?.querySelector('video') as Safari | null)?.webkitEnterFullscreen?.();
}
