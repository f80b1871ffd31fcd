import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createWebReader } from '../../connectors/web/reader.js';
import { sql } from '../../store/sql.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';
import { type Desk, deskOf } from './deciding.js';
import { openStage, type Stage } from './stage.js';

/** Makes an agent private. */
const LOOK = { name: 'calendar_find_free', input: { from: '2027-09-01', to: '2027-09-01', durationMinutes: 30 } };
const DONE = { text: 'Done.' };

describe('an agent that reads the web', () => {
  let web: WebStandIn;
  let stage: Stage;
  let desk: Desk;
  let reader: ReturnType<typeof createWebReader>;
  const fetching = (url: string) => ({ calls: [{ name: 'web_fetch', input: { url } }] });
  const searching = (query: string) => ({ calls: [{ name: 'web_search', input: { query } }] });
  const pagesAsked = () => web.requests.map(({ path }) => path).filter((path) => !path.startsWith('/search?'));
  const outputsOf = async (request: string, skill: string) =>
    (await stage.callsOf(request)).flatMap((call) => (call.skill === skill ? [call.output] : []));
  const labelsOf = async (request: string) => {
    const { engine } = stage.world.serving.installation;
    return engine.db.as(stage.world.owner, (tx) =>
      tx.one<{ labels: string[] }>(sql`select labels from agents where request_id = ${request}`),
    );
  };

  beforeAll(async () => {
    web = await startWebStandIn();
    reader = createWebReader({ allowedHosts: [web.host] });
    stage = await openStage({
      file: { web: { searchUrl: web.url } },
      effectTimes: { retryMs: 50, probeDelaysMs: [50, 100, 200] },
    });
    desk = deskOf(stage);
    // The stand-in is reached as a page of the open web is: only what is below /allowed/ counts as configured.
    const allows = (url: string) => url.startsWith(`${web.url}/allowed/`);
    Object.assign(stage.world.serving.installation.activityDeps, { webReader: { ...reader, allows } });
  });
  afterEach(() => stage.assertClean());
  afterEach(() => web.assertClean());
  afterAll(async () => {
    await stage.close();
    await reader.close();
    await web.close();
  });

  test('and has seen private things waits for a person before it reads an address of its own choice', async () => {
    const url = web.page('/chosen?secret=42', { body: '<title>Chosen</title><p>Here it is.</p>' });
    const request = await stage.play([{ calls: [LOOK] }, fetching(url), { text: 'It waits.' }, DONE]);
    await stage.world.until(request, (view) => view.status === 'waiting_approval');
    const [approval] = await desk.waitFor(request, 1);
    expect(approval).toMatchObject({ effect: 'egress', skill: 'web_fetch', payload: { url } });
    expect(approval?.preview.text).toContain(url);
    expect(pagesAsked()).not.toContain('/chosen?secret=42');
    await desk.decide(approval, { decision: 'approve' });
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed' });
    expect(pagesAsked().filter((path) => path === '/chosen?secret=42')).toHaveLength(1);
    expect(await desk.effects(request)).toMatchObject([{ status: 'done' }]);
    expect(JSON.stringify(stage.asked(request).at(-1)?.body?.messages)).toContain('Here it is.');
    expect((await labelsOf(request)).labels).toEqual(['private', 'untrusted']);
  });

  test('reads nothing when that is rejected', async () => {
    const url = web.page('/rejected', { body: '<p>never</p>' });
    const request = await stage.play([{ calls: [LOOK] }, fetching(url), { text: 'It waits.' }, DONE]);
    const [approval] = await desk.waitFor(request, 1);
    await desk.decide(approval, { decision: 'reject' });
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed' });
    expect(pagesAsked()).not.toContain('/rejected');
  });

  test('reads what the user has typed without asking, and counts as untrusted from then on', async () => {
    const url = web.page('/typed', { body: '<title>Typed</title><p>As you asked.</p>' });
    const request = await stage.finish([{ calls: [LOOK] }, fetching(url), DONE], { text: `What does ${url} say?` });
    expect(request).toMatchObject({ status: 'completed' });
    expect(await outputsOf(request.id, 'web_fetch')).toEqual([
      { url, title: 'Typed', text: 'As you asked.', truncated: false },
    ]);
    expect(await desk.all(request.id)).toEqual([]);
    expect((await labelsOf(request.id)).labels).toEqual(['private', 'untrusted']);
  });

  test('reads what a search has found without asking, and nothing that differs from it by a letter', async () => {
    const url = web.page('/found?page=1', { body: '<p>Found.</p>' });
    web.page('/found?page=12', { body: '<p>Not found.</p>' });
    web.index({ title: 'The lighthouse', url, content: 'About a lighthouse.' });
    const found = await stage.finish([{ calls: [LOOK] }, searching('lighthouse'), fetching(url), DONE]);
    expect(await outputsOf(found.id, 'web_search')).toEqual([
      { results: [{ title: 'The lighthouse', url, text: 'About a lighthouse.' }], route: `searched with ${web.host}` },
    ]);
    expect(await outputsOf(found.id, 'web_fetch')).toMatchObject([{ text: 'Found.' }]);
    expect(await desk.all(found.id)).toEqual([]);
    const other = await stage.play([
      { calls: [LOOK] },
      searching('lighthouse'),
      fetching(`${url}2`),
      { text: 'It waits.' },
      DONE,
    ]);
    const [approval] = await desk.waitFor(other, 1);
    expect(approval).toMatchObject({ effect: 'egress', payload: { url: `${url}2` } });
    await desk.decide(approval, { decision: 'reject' });
    await stage.world.ended(other);
    expect(pagesAsked()).not.toContain('/found?page=12');
  });

  test('asks again for what another request has found', async () => {
    const url = web.page('/elsewhere', { body: '<p>x</p>' });
    web.index({ title: 'The windmill', url, content: 'About a windmill.' });
    await stage.finish([searching('windmill'), DONE]);
    const request = await stage.play([{ calls: [LOOK] }, fetching(url), { text: 'It waits.' }, DONE]);
    const [approval] = await desk.waitFor(request, 1);
    await desk.decide(approval, { decision: 'reject' });
    await stage.world.ended(request);
    expect(pagesAsked()).not.toContain('/elsewhere');
  });

  test('reads an allowed host without asking, and anything while it has seen nothing private', async () => {
    const allowed = web.page('/allowed/manual', { body: '<p>Manual.</p>' });
    const open = web.page('/open', { body: '<p>Open.</p>' });
    const first = await stage.finish([{ calls: [LOOK] }, fetching(allowed), DONE]);
    const second = await stage.finish([fetching(open), DONE]);
    expect(await outputsOf(first.id, 'web_fetch')).toMatchObject([{ text: 'Manual.' }]);
    expect(await outputsOf(second.id, 'web_fetch')).toMatchObject([{ text: 'Open.' }]);
    expect([...(await desk.all(first.id)), ...(await desk.all(second.id))]).toEqual([]);
  });

  test('is told what became of an address that leads into the own network', async () => {
    const url = 'http://169.254.169.254/latest/meta-data/';
    const request = await stage.finish([fetching(url), DONE], { text: `Read ${url}` });
    const [call] = await stage.callsOf(request.id);
    expect(call).toMatchObject({ status: 'failed', error: expect.stringContaining('web.allowedHosts') });
  });
});
