import type { Catalogue } from '../index';

/** Captions and transcript, of the player and of the captioner's page. */
export const captions = {
  'captions.title': 'Captions',
  'captions.show': 'Show captions',
  'captions.hide': 'Hide captions',
  'captions.menu': 'Captions: language and size',
  'captions.off': 'Off',
  'captions.language': 'Language',
  'captions.live': 'live',
  'captions.size': 'Size',
  'captions.size_s': 'Small',
  'captions.size_m': 'Medium',
  'captions.size_l': 'Large',
  'captions.failed': 'The captions could not be loaded.',
  'captions.retry': 'Try again',

  'transcript.title': 'Transcript',
  'transcript.search': 'Search the transcript',
  'transcript.matches': { one: '{at} of {count} match', other: '{at} of {count} matches' },
  'transcript.none': 'No match',
  'transcript.next': 'Next match',
  'transcript.previous': 'Previous match',
  'transcript.lines': 'Lines of the transcript. Up and down move, Enter plays from the line.',
  'transcript.play': 'Play from {time}',
  'transcript.follow': 'Follow the lecture',
  'transcript.empty_live': 'Captions appear here as they are written.',
  'transcript.empty': 'This lecture has no transcript.',
  'transcript.download': 'Download',
} as const satisfies Catalogue;
