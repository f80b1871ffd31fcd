import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { sql } from '../../store/sql.js';
import { startHttp } from '../../workers/http.js';
import { openStudio } from '../scenarios/studio.js';
import { deskOf } from './deciding.js';
import { openStage, type Stage } from './stage.js';

const studio = openStudio();
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ moreSkills: studio.skills, effectTimes: { retryMs: 50, probeDelaysMs: [50, 100, 200] } });
});
afterEach(() => {
  stage.assertClean();
  studio.clear();
});
afterAll(() => stage.close());

const rendering = (...scripts: string[]) => ({
  calls: scripts.map((script) => ({ name: 'video_render', input: { script } })),
});
const uploading = (...files: string[]) => ({
  calls: files.map((file) => ({ name: 'video_upload', input: { channel: 'sea', file } })),
});
const paces = (skill: string) =>
  stage.world.serving.installation.engine.db.system((tx) => tx.rows(sql`select 1 from paces where skill = ${skill}`));

test('calls of one turn and of two requests are at work one after another, and waiting is no failed attempt', async () => {
  const turns = (name: string) => [rendering(...[1, 2, 3].map((n) => `${name} ${n}`)), { text: 'rendered' }];
  const views = await Promise.all([stage.finish(turns('a')), stage.finish(turns('b'))]);
  expect(views.map(({ result }) => result?.text)).toEqual(['rendered', 'rendered']);
  expect(studio.mostAtOnce).toBe(1);
  expect(studio.rendered.toSorted()).toEqual(['a', 'b'].flatMap((name) => [1, 2, 3].map((n) => `${name} ${n}`)));
  const calls = (await Promise.all(views.map(({ id }) => stage.callsOf(id)))).flat();
  expect(calls.map(({ status, attempts }) => `${status} ${attempts}`)).toEqual(Array(6).fill('done 1'));
  const inOrder = calls.toSorted((a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? ''));
  const overlaps = inOrder.filter((call, index) => (inOrder[index - 1]?.ended_at ?? '') > (call.started_at ?? ''));
  expect(overlaps).toEqual([]);
  for (const { id } of views) {
    const started = (await stage.eventsOf(id)).filter(({ type }) => type === 'skill.started');
    expect(started).toHaveLength(3);
  }
  expect(await paces('video_render')).toEqual([]);
});

test('approved actions are sent one after another and not too soon, and none before', async () => {
  const desk = deskOf(stage);
  const request = await stage.play([
    uploading('one.mp4', 'two.mp4', 'three.mp4'),
    { text: 'Three wait.' },
    { text: 'Out.' },
  ]);
  await stage.world.until(request, ({ status }) => status === 'waiting_approval');
  const waiting = await desk.pending(request);
  expect(studio.uploaded).toEqual([]);
  for (const approval of waiting) await desk.decide(approval, { decision: 'approve' });
  const ended = await stage.world.ended(request);
  expect(ended).toMatchObject({ status: 'completed', result: { text: 'Out.' } });
  expect(studio.uploaded.toSorted()).toEqual(['one.mp4', 'three.mp4', 'two.mp4']);
  expect(studio.early).toEqual([]);
  expect(await desk.effects(request)).toMatchObject(Array(3).fill({ status: 'done', attempts: 1 }));
});

test('a call that is cancelled while it waits leaves its place to the others', async () => {
  const begun = studio.hangOnce();
  const first = await stage.play([rendering('endless'), { text: 'never' }]);
  await begun;
  const [second, third] = [
    await stage.play([rendering('unwanted'), { text: 'never' }]),
    await stage.play([rendering('wanted'), { text: 'here it is' }]),
  ];
  await vi.waitFor(async () => expect(await paces('video_render')).toHaveLength(3), 10_000);
  await stage.cancel(second);
  await stage.cancel(first);
  expect(await stage.world.ended(third)).toMatchObject({ result: { text: 'here it is' } });
  expect(studio.rendered).toEqual(['endless', 'wanted']);
});

test('the catalogue of skills says what they keep to', async () => {
  const http = await startHttp(stage.world.serving);
  try {
    const answer = await fetch(`${http.url}/v1/skills`, {
      headers: { authorization: 'Bearer test-token-of-the-owner' },
    });
    const { items } = (await answer.json()) as { items: { name: string }[] };
    const shown = (name: string) => items.find((skill) => skill.name === name);
    expect(shown('video_upload')).toMatchObject({ maxConcurrent: 1, minIntervalSeconds: 2 });
    expect(shown('video_render')).toMatchObject({ maxConcurrent: 1 });
    expect(Object.keys(shown('video_render') ?? {})).not.toContain('minIntervalSeconds');
    expect(Object.keys(shown('probe') ?? {})).not.toContain('maxConcurrent');
  } finally {
    await http.close();
  }
});
