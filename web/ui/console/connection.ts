import { course as readCourse, type Course } from '../shared/api';
import type { Panel } from '../shared/panel.svelte';
import { Socket, type SocketState } from '../shared/socket';
import type { Desk } from './desk.svelte';
import type { Line, Room } from './room.svelte';

/** While the socket is down the list is read this often, in ms. */
const pollEvery = 10_000;

const lines: Partial<Record<SocketState, Line>> = { connecting: 'connecting', open: 'open', out: 'out', refused: 'out' };

/**
 * Keeps desk and room up to date until the returned function is called. What the socket says are hints that save a
 * wait; the whole list is read by HTTP at the start, after every reconnection, and every ten seconds without a socket.
 */
export function connect(course: Course, desk: Desk, room: Room, panel: Panel): () => void {
  const socket = new Socket({
    course: course.id,
    on: {
      state: (state) => (room.line = lines[state] ?? 'down'),
      resync: () => void desk.refresh(),
      welcome: () => {
        panel.hint();
        // Presenters may have been added since the page was opened.
        readCourse(course.id).then(
          (fresh) => desk.see(fresh),
          () => undefined,
        );
      },
      broadcast: (broadcast) => room.hear(broadcast, Date.now()),
      viewers: (viewers) => (room.viewers = viewers),
      question: (question) => desk.hear(question),
      recording: (recording) => (room.recording = recording),
      panel: () => panel.hint(),
    },
  });
  room.see(course, Date.now());
  void desk.refresh();
  socket.start();
  panel.start();
  const clock = setInterval(() => room.tick(Date.now()), 1000);
  const poll = setInterval(() => room.line !== 'open' && void desk.refresh(), pollEvery);
  return () => {
    socket.stop();
    panel.stop();
    clearInterval(clock);
    clearInterval(poll);
  };
}
