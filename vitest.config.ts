import { defineConfig } from 'vitest/config';

const shared = {
  environment: 'node',
  // Native modules and signal handlers of the Temporal runtime do not survive worker threads.
  pool: 'forks',
  testTimeout: 60_000,
  hookTimeout: 120_000,
  globalSetup: ['./test/global-setup.ts'],
} as const;

/** Tests that look at histories themselves know how long a run is; all others must not notice. */
const ABOUT_HISTORIES = ['test/e2e/history.test.ts', 'test/e2e/continue-as-new.test.ts'];
/** What these show lies in the rows alone or within one step, and they are long. */
const ABOUT_ROWS = [
  'test/e2e/carrying-out.test.ts',
  'test/e2e/held-outward.test.ts',
  'test/e2e/holds.test.ts',
  'test/e2e/invitation.test.ts',
  'test/e2e/main-job.test.ts',
  'test/e2e/mail-by-hand.test.ts',
  'test/e2e/model-faults.test.ts',
  'test/e2e/notes/voice-notes.test.ts',
  'test/e2e/obedient-model.test.ts',
  'test/e2e/obedient-sharing.test.ts',
  'test/e2e/people.test.ts',
  'test/e2e/recovery.test.ts',
  'test/e2e/secrets.test.ts',
  'test/e2e/spaces.test.ts',
  'test/e2e/undo.test.ts',
  'test/e2e/voice-note-in.test.ts',
  'test/e2e/wallet.test.ts',
  'test/e2e/web.test.ts',
  'test/e2e/writing-style.test.ts',
];

/** What starts no process of the product. */
const PARTS = [
  'test/{agents,api,clock,config,connectors,contracts,e2e,engine,models,reminders,scenarios,skills,spaces,store,times,triggers}/**/*.test.ts',
];

export default defineConfig({
  test: {
    // Many wait for processes and clocks most of their time.
    maxWorkers: 3,
    fileParallelism: true,
    projects: [
      // Many small files: a process keeps what it has loaded for the next one.
      { test: { ...shared, name: 'parts', include: PARTS, isolate: false } },
      { test: { ...shared, name: 'whole', include: ['test/**/*.test.ts'], exclude: PARTS } },
      {
        test: {
          ...shared,
          name: 'continued at 20 events',
          isolate: false,
          include: ['test/e2e/**/*.test.ts', 'test/agents/spawning.test.ts'],
          exclude: [...ABOUT_HISTORIES, ...ABOUT_ROWS],
          env: { RETINUE_TEST_HISTORY_EVENTS: '20' },
        },
      },
    ],
    reporters: process.env.CI ? ['default', ['json', { outputFile: '.cache/test-report.json' }]] : ['default'],
  },
});
