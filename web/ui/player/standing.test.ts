import { describe, expect, it } from 'vitest';
import { standing } from './standing';

const ada = { person: 'ada', member: true };

describe('standing', () => {
  it('keeps what was decided when a hint follows at once', () => {
    const onAir = standing(ada, { ...ada, on_air: true });
    const hinted = standing(onAir, {});
    expect(hinted).toEqual({ ...ada, on_air: true });
    expect(hinted).not.toBe(onAir);
  });

  it('is not made by a hint', () => expect(standing(undefined, {})).toBeUndefined());

  it('outlives a new connection, which says only that there is a place', () => {
    const onAir = { ...ada, on_air: true };
    expect(standing(onAir, ada)).toBe(onAir);
    expect(standing(undefined, ada)).toBe(ada);
  });

  it('ends when the person is put back', () => expect(standing(ada, { person: 'ada' })).toBeUndefined());
});
