import { expect, it } from 'vitest';
import { Problem } from '../shared/manage';
import { Form } from './form.svelte';

class Memory {
  readonly kept = new Map<string, string>();
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.kept.set(key, value);
  removeItem = (key: string) => void this.kept.delete(key);
}

const make = (keep: Memory) => new Form('f', () => ({ title: '', minutes: 60 }), ['title', 'minutes'], keep);

it('keeps what was typed over a reload until it was sent', async () => {
  const keep = new Memory();
  const form = make(keep);
  form.values.title = 'Half a ti';
  form.typed();
  const again = make(keep);
  expect(again.values).toEqual({ title: 'Half a ti', minutes: 60 });
  expect(await again.send(async () => 'sent')).toBe('sent');
  expect(make(keep).values.title).toBe('');
});

it('keeps it when the server refuses, and says why at the field', async () => {
  const form = make(new Memory());
  form.values.title = 'x';
  const refused = new Problem(422, 'invalid', 'Enter a longer title.', { field: 'title' });
  expect(await form.send(() => Promise.reject(refused))).toBeNull();
  expect([form.errors, form.message, form.values.title, form.busy]).toEqual([
    { title: 'Enter a longer title.' },
    null,
    'x',
    false,
  ]);
});

it('says at the top what belongs to no field it shows', async () => {
  const form = make(new Memory());
  await form.send(() => Promise.reject(new Problem(422, 'invalid', 'No such course.', { field: 'course' })));
  expect([form.errors, form.message]).toEqual([{}, 'No such course.']);
  await form.send(async () => true);
  expect(form.message).toBeNull();
});

it('sends once, however often it is pressed', async () => {
  const form = make(new Memory());
  let sent = 0;
  const request = async () => ++sent;
  await Promise.all([form.send(request), form.send(request)]);
  expect(sent).toBe(1);
});

it('checks before it sends', () => {
  const form = make(new Memory());
  expect(form.check({ title: 'Fill this in.', minutes: undefined })).toBe(false);
  expect(form.errors).toEqual({ title: 'Fill this in.' });
  expect(form.check({ title: undefined })).toBe(true);
  form.values.title = 'x';
  form.reset();
  expect(form.values.title).toBe('');
});

it('forgets what it cannot read', () => {
  const keep = new Memory();
  keep.kept.set('f', 'not json');
  expect(make(keep).values.minutes).toBe(60);
});
