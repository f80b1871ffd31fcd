import { defineConfig } from 'vitest/config';

/** Long runs with chance in them; `npm run soak` starts them, `npm test` does not. */
export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    include: ['test/soak/**/*.soak.ts', 'test/processes/{mail,note,agents}-crash.test.ts'],
    globalSetup: ['./test/global-setup.ts'],
    env: { SOAK_MOMENTS: 'all' },
    testTimeout: 3_600_000,
    fileParallelism: false,
    reporters: ['default'],
  },
});
