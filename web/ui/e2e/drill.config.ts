import { defineConfig } from 'vitest/config';
import { Summary } from './summary';

/** The drills: real browsers on both ends of a bad link, which take minutes. `make drill` starts them on one. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.drill.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    reporters: ['verbose', new Summary()],
  },
});
