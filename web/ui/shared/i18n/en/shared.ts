import type { Catalogue } from '../index';

/** Words that more than one page uses. */
export const shared = {
  'app.name': 'Lectern',
  'action.close': 'Close',
  'action.cancel': 'Cancel',
  'action.retry': 'Try again',
  'action.reload': 'Load the page again',
  'action.sign_in': 'Sign in again',
  'action.courses': 'Your courses',
  'action.save': 'Save',
  'action.undo': 'Undo',

  'length.h': '{n} h',
  'length.min': '{n} min',
  'length.s': '{n} s',

  'span.minutes': { one: '{count} minute', other: '{count} minutes' },
  'span.hours': { one: '{count} hour', other: '{count} hours' },
  'span.days': { one: '{count} day', other: '{count} days' },

  'time.yours': '{time} your time, {city} ({zone})',
  'time.event': '{time} event time, {city} ({zone})',
  'time.range': '{from} to {to}',

  'state.live': 'Live',
  'state.scheduled': 'Scheduled',
  'state.ended': 'Ended',

  'course.number': 'Course {number}',

  'connection.connecting': 'Connecting',
  'connection.good': 'Good connection',
  'connection.weak': 'Weak connection',
  'connection.reconnecting': 'Reconnecting',

  'spans.watched': 'watched {time}',
  'spans.missed': 'missed {time}',
  'spans.missing': 'missing {time}',
  'spans.ahead': 'ahead {time}',
  'spans.label_watched': 'Watched {list}.',
  'spans.label_missed': 'Missed {list}.',
  'spans.label_ahead': 'Ahead {list}.',
  'spans.label_none': 'Nothing watched yet.',
  'spans.from_to': '{from} to {to}',

  'error.network': 'We cannot reach the server. Check your internet connection, then try again.',
  'error.timeout': 'The server took too long to answer. Try again.',
  'error.signed_out': 'You are signed out. Sign in again, then come back to this page. What you typed is kept.',
  'error.forbidden': 'This page is not for your account. Sign in with the account you were invited with.',
  'error.not_found': 'We cannot find this lecture. Open it again from your list of courses.',
  'error.conflict': 'Somebody changed this in the meantime. Look at it again, then repeat your change.',
  'error.too_many': 'That was too fast. Wait a moment, then try again.',
  'error.server': 'Something went wrong on our side. Try again in a moment.',
  'error.page_title': 'This part of the page stopped working',
  'error.page': 'Load the page again. What you typed is kept.',

  loading: 'Loading',
} as const satisfies Catalogue;
