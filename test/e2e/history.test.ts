import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ProblemError } from '../../contracts/problem.js';
import type { ScriptTurn } from '../stand-ins/anthropic.js';
import { allRuns, everythingIn, type HistoryEvent, summaryOf } from './histories.js';
import { openStage, type Stage } from './stage.js';

/** Stands in everything that people, models and skills say; must stand in no history. */
const CANARY = 'kestrel';

const EVERYTHING: ScriptTurn = {
  thinking: `thinking of a ${CANARY}`,
  text: `a ${CANARY} it is`,
  unknownTools: true,
  calls: [
    { name: 'tasks_create', input: { title: `feed the ${CANARY}`, notes: CANARY } },
    { name: 'probe', input: { name: `${CANARY} found` } },
    { name: 'probe', input: { name: `${CANARY} breaks` } },
    { name: 'probe_inside', input: { name: `${CANARY} refused` } },
    { name: 'probe_inside', input: { name: `${CANARY} fails` } },
    { name: `${CANARY}_skill`, input: { [CANARY]: CANARY } },
  ],
};
const QUESTION: ScriptTurn = { calls: [{ name: 'ask_user', input: { question: `Which ${CANARY}?` } }] };

describe('the history of a request', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ file: { owner: { name: 'Kestrel Owner' } } });
    stage.outside(`${CANARY} found`, async () => ({ found: CANARY }));
    stage.outside(`${CANARY} breaks`, async () => {
      throw new Error(`the ${CANARY} bit`);
    });
    stage.inside(`${CANARY} refused`, async () => {
      throw new ProblemError('conflict', `no ${CANARY} here`);
    });
    stage.inside(`${CANARY} fails`, async () => {
      throw new TypeError(`${CANARY} is not a function`);
    });
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  const body = () => ({
    text: `about a ${CANARY}`,
    attachments: [{ mediaType: 'text/plain', name: `${CANARY}.txt`, data: Buffer.from(CANARY).toString('base64') }],
  });

  async function eventsOf(request: string): Promise<HistoryEvent[]> {
    const runs = await allRuns(stage.client, `request:${request}`);
    return runs.flatMap((run) => run.events ?? []);
  }

  async function expectNoContent(request: string): Promise<HistoryEvent[]> {
    const events = await eventsOf(request);
    const text = everythingIn(events);
    expect(text).toContain(request);
    expect(text.toLowerCase()).not.toContain(CANARY);
    const description = await stage.client.workflow.getHandle(`request:${request}`).describe();
    expect(everythingIn(description.raw).toLowerCase()).not.toContain(CANARY);
    return events;
  }

  test('holds no content when all of it was said, done, refused, asked and answered', async () => {
    const request = await stage.play([EVERYTHING, QUESTION, { text: `the ${CANARY} is well` }], body());
    await stage.world.until(request, (view) => view.status === 'waiting_user');
    await expectNoContent(request);
    await stage.say(request, `the brown ${CANARY}`);
    const view = await stage.world.ended(request);
    expect(JSON.stringify(view)).toContain(CANARY);
    expect(view.status).toBe('completed');
    await expectNoContent(request);
    const [call] = await stage.callsOf(request);
    await stage.undo(call?.id ?? '');
    await expect.poll(async () => (await stage.callsOf(request))[0]?.status).toBe('undone');
    await expect
      .poll(async () => (await stage.client.workflow.getHandle(`request:${request}`).describe()).status.name)
      .toBe('COMPLETED');
    await expectNoContent(request);
  });

  test('holds no content when the request failed or was cancelled', async () => {
    stage.model.pushFaults('529', 'refusal');
    const failed = await stage.finish([{ text: CANARY }], body());
    expect(failed.status).toBe('failed');
    await expectNoContent(failed.id);
    const request = await stage.play([QUESTION], body());
    await stage.world.until(request, (view) => view.status === 'waiting_user');
    await stage.cancel(request);
    await stage.client.workflow.getHandle(`request:${request}`).result();
    await expectNoContent(request);
  });

  test('has a summary for the workflow and every step, and names the skills', async () => {
    const view = await stage.finish([
      {
        calls: [
          { name: 'tasks_list', input: {} },
          { name: 'file_list', input: {} },
        ],
      },
      { text: 'nothing' },
    ]);
    const events = await eventsOf(view.id);
    expect(summaryOf(events[0] ?? {})).toBe(`new request ${view.id}`);
    const steps = events.filter(
      (event) => event.activityTaskScheduledEventAttributes ?? event.markerRecordedEventAttributes,
    );
    const summaries = steps.map(summaryOf);
    expect(summaries).toEqual(
      expect.arrayContaining(['turn 1: ask the model', 'file_list', 'tasks_list', 'turn 2: ask the model']),
    );
    for (const summary of summaries) expect(summary).toEqual(expect.stringMatching(/\S/));
  });

  test('carries search attributes of the right types, changed only with the status', async () => {
    const request = await stage.play([QUESTION, { text: 'fine', usage: { outputTokens: 1_000 } }]);
    await stage.world.until(request, (view) => view.status === 'waiting_user');
    const handle = stage.client.workflow.getHandle(`request:${request}`);
    const shown = async (): Promise<unknown> => (await handle.describe()).searchAttributes['RetinueStatus'];
    await expect.poll(shown, { timeout: 10_000 }).toEqual(['waiting_user']);
    await stage.say(request, 'that one');
    const view = await stage.world.ended(request);
    await handle.result();
    const events = await eventsOf(request);
    const types: Record<string, string> = {};
    for (const event of events) {
      const fields =
        (event.workflowExecutionStartedEventAttributes ?? event.upsertWorkflowSearchAttributesEventAttributes)
          ?.searchAttributes?.indexedFields ?? {};
      for (const [name, payload] of Object.entries(fields))
        types[name] = Buffer.from(payload.metadata?.['type'] ?? []).toString();
    }
    expect(types).toEqual({
      RetinueUser: 'Keyword',
      RetinueAgent: 'Keyword',
      RetinueStatus: 'Keyword',
      RetinueWaitingFor: 'Keyword',
      RetinueCost: 'Double',
    });
    expect(events.filter((event) => event.upsertWorkflowSearchAttributesEventAttributes)).toHaveLength(3);
    const attributes = Object.fromEntries(
      (await handle.describe()).typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
    );
    expect(attributes).toMatchObject({
      RetinueUser: stage.world.owner,
      RetinueAgent: view.agent,
      RetinueStatus: 'completed',
      RetinueCost: Number(view.cost.totalUsd),
    });
    expect(attributes).not.toHaveProperty('RetinueWaitingFor');
  });

  test('stays under 300 kB for thirty turns with results of 50 kB', async () => {
    stage.outside('50 kB', async () => ({ text: 'x'.repeat(50_000) }));
    const turns: ScriptTurn[] = Array.from({ length: 30 }, () => ({
      calls: [{ name: 'probe', input: { name: '50 kB' } }],
      usage: { inputTokens: 1, outputTokens: 1 },
    }));
    const view = await stage.world.ended(await stage.play([...turns, { text: 'that was a lot' }]), 60_000);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'that was a lot' } });
    const description = await stage.client.workflow.getHandle(`request:${view.id}`).describe();
    expect(description.historySize).toBeGreaterThan(10_000);
    expect(description.historySize).toBeLessThan(300_000);
  });
});
