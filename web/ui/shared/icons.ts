/** The one set of icons: 24 box, strokes only, drawn in the colour of the text (see .icon in base.css). */
const circle = (x: number, y: number, r: number) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
const rect = (x: number, y: number, w: number, h: number, r: number) =>
  `M${x + r} ${y}h${w - 2 * r}a${r} ${r} 0 0 1 ${r} ${r}v${h - 2 * r}a${r} ${r} 0 0 1 ${-r} ${r}h${2 * r - w}a${r} ${r} 0 0 1 ${-r} ${-r}v${2 * r - h}a${r} ${r} 0 0 1 ${r} ${-r}z`;

export const icons = {
  alert: 'M12 4 2.8 19.5h18.4zM12 10v4.5M12 17.2v.1',
  back: 'M19 12H5M11 6l-6 6 6 6',
  back10: 'M4.5 5v4.5H9M4.8 9.5A8 8 0 1 1 4 13',
  bars: 'M5 19v-3M10 19v-7M15 19V9M20 19V5',
  bubble: 'M4 5h16v11H10l-4.5 4v-4H4z',
  calendar: rect(4, 5.5, 16, 14.5, 2) + 'M4 10h16M8.5 3.5v4M15.5 3.5v4',
  camera: rect(3, 6.5, 12.5, 11, 2) + 'M15.5 10.5l5.5-3v9l-5.5-3',
  cameraOff: 'M15.5 15.5v0a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-7a2 2 0 0 1 1.6-2M9.5 6.5h4a2 2 0 0 1 2 2v2l5.5-3v9M4 3.5l16.5 17',
  captions: rect(3, 5, 18, 14, 2.5) + 'M10.5 10.4a2.2 2.2 0 1 0 0 3.2M17.3 10.4a2.2 2.2 0 1 0 0 3.2',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  checkCircle: circle(12, 12, 9) + 'M8 12.2l2.8 2.8L16 9.6',
  chevronDown: 'm7 10 5 5 5-5',
  chevronLeft: 'm15 5-7 7 7 7',
  chevronRight: 'm9 5 7 7-7 7',
  clock: circle(12, 12, 8.5) + 'M12 7v5l3.5 2',
  copy: rect(8.5, 8.5, 11.5, 11.5, 2) + 'M15.5 8.5V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v7.5a2 2 0 0 0 2 2h2.5',
  cross: 'm6 6 12 12M18 6 6 18',
  dot: circle(12, 12, 9),
  download: 'M12 4v10m-4-4 4 4 4-4M4 17v3h16v-3',
  edit: 'M4 20v-4L16 4l4 4L8 20zM13.5 6.5l4 4',
  screen: rect(2.5, 5, 19, 12, 1.5) + 'M8 20.5h8M12 13.5V9m-2.2 2L12 8.8 14.2 11',
  flag: 'M6 21V4.5h11l-2.5 4 2.5 4H6',
  forbidden: circle(12, 12, 8.5) + 'M6 6l12 12',
  fullscreen: 'M4.5 9V4.5H9M15 4.5h4.5V9M19.5 15v4.5H15M9 19.5H4.5V15',
  fullscreenExit: 'M9 4.5V9H4.5M19.5 9H15V4.5M15 19.5V15h4.5M4.5 15H9v4.5',
  info: circle(12, 12, 9) + 'M12 11v5.5M12 7.5v.1',
  key: circle(8, 15.5, 4) + 'M11 12.5l8.5-8.5M15.5 8l3 3',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1',
  lock: rect(5, 10.5, 14, 9.5, 2) + 'M8 10.5V8a4 4 0 0 1 8 0v2.5',
  microphone: 'M12 3.5a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0v-5a3 3 0 0 0-3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3',
  microphoneOff:
    'M9 9v2.5a3 3 0 0 0 4.5 2.6M15 10V6.5a3 3 0 0 0-5.8-1M5.5 11.5a6.5 6.5 0 0 0 10 5.5M18.5 11.5a6.5 6.5 0 0 1-.5 2.5M12 18v3M4 3.5l16.5 17',
  pause: 'M8 5v14M16 5v14',
  people: circle(9, 8.5, 3.5) + 'M2.5 19.5a6.5 6.5 0 0 1 13 0M15.5 5.3a3.5 3.5 0 0 1 0 6.4M17.5 14a6.5 6.5 0 0 1 4 5.5',
  person: circle(12, 8.5, 3.8) + 'M4.5 20a7.5 7.5 0 0 1 15 0',
  play: 'M7 4.5v15l12-7.5z',
  plus: 'M12 5v14M5 12h14',
  search: circle(11, 11, 6.5) + 'M16 16l4 4',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9' + circle(15, 7, 2) + circle(9, 17, 2),
  shield: 'M12 3.5 5 6v5.5c0 4.3 2.9 7.4 7 9 4.1-1.6 7-4.7 7-9V6zM9 12l2.2 2.2L15 10.5',
  sound: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11',
  soundOff: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5',
  swap: 'M4 8h13M13.5 4.5 17 8l-3.5 3.5M20 16H7M10.5 12.5 7 16l3.5 3.5',
  trash: 'M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 11v5M13.5 11v5',
  up: 'M12 19V6M6.5 11.5 12 6l5.5 5.5',
} as const;

export type IconName = keyof typeof icons;
