import { defineConfig } from 'vitest/config';

/** The browser run: one real server, real Chromium, one test file after the other, no retries. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.e2e.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 180_000,
    bail: 1,
    reporters: ['verbose'],
  },
});
