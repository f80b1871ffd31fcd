import { readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import pino from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { installTemporalRuntime } from '../../workers/worker.js';
import { HISTORIES, readHistories } from './golden.js';

type Bundle = Awaited<ReturnType<typeof bundleWorkflowCode>>;

function bundleOf(place: string): Promise<Bundle> {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL(place, import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
}

/** Ids of the golden runs that this code cannot replay, with the reason. */
async function failures(bundle: Bundle): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: bundle }, readHistories())) {
    if (error) found.set(workflowId, error.message);
  }
  return found;
}

describe('golden histories', () => {
  beforeAll(() => installTemporalRuntime(pino({ level: 'silent' })));

  test('are there for every way a request and the clock of a user can go', () => {
    const names = readdirSync(HISTORIES).map((name) => path.basename(name, '.json'));
    const ways = [
      'completed',
      'ask-user',
      'steered',
      'cancelled-waiting',
      'cancelled-thinking',
      'failed-after-retries',
      'skill-retried',
      'undo-waiting',
      'undo-thinking',
      'undo-after-end',
      'continued-1',
      'continued-2',
      'approval-approved',
      'approval-rejected',
      'approval-expired',
      'effect-looked-up',
      'effect-interrupted',
      'approval-continued-1',
      'approval-continued-2',
      'team-inside',
      'team-apart',
      'team-apart-agent',
      'team-in-time-agent',
      'reminders-fired',
      'reminders-snoozed',
      'reminders-look',
      'reminders-continued-1',
      'reminders-continued-2',
    ];
    expect(names).toEqual(expect.arrayContaining(ways));
  });

  test('replay on the workflow code of today', async () => {
    expect(await failures(await bundleOf('../../workflows/index.ts'))).toEqual(new Map());
  });

  test('do not replay on code that takes another step', async () => {
    const found = await failures(await bundleOf('fixtures/altered.ts'));
    expect([...found.keys()].toSorted()).toEqual(
      readHistories()
        .map(({ workflowId }) => workflowId)
        .toSorted(),
    );
    expect([...found.values()].every((message) => /nondeterminism/i.test(message))).toBe(true);
  });

  test('name no machine, no process and no path', () => {
    const found: string[] = [];
    for (const name of readdirSync(HISTORIES)) {
      const text = readFileSync(path.join(HISTORIES, name), 'utf8');
      const decoded = text.replaceAll(/"data": "([^"]*)"/g, (_, data: string) =>
        Buffer.from(data, 'base64').toString(),
      );
      if (/\/(?:work|home|tmp|root|Users)\/|\d+@[\w.-]+/.test(decoded) || decoded.includes(hostname()))
        found.push(name);
    }
    expect(found).toEqual([]);
  });
});
