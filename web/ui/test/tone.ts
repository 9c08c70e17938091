/** Two soft notes, for somebody to say whether they hear them. */
export function playTone(): void {
  const Context = window.AudioContext ?? (window as unknown as { webkitAudioContext?: typeof AudioContext }).webkitAudioContext;
  if (!Context) return;
  const context = new Context();
  const gain = context.createGain();
  gain.connect(context.destination);
  gain.gain.value = 0;
  const { currentTime: now } = context;
  [523.25, 659.25].forEach((pitch, at) => {
    const note = context.createOscillator();
    const start = now + 0.05 + at * 0.5;
    note.frequency.value = pitch;
    note.connect(gain);
    gain.gain.setTargetAtTime(0.2, start, 0.02);
    gain.gain.setTargetAtTime(0, start + 0.35, 0.05);
    note.start(start);
    note.stop(start + 0.6);
    if (at === 1) note.onended = () => void context.close();
  });
}
