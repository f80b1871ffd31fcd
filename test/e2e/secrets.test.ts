import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listApprovals } from '../../engine/approval-views.js';
import { traceRequest } from '../../engine/trace.js';
import { createUser } from '../../engine/users.js';
import { createSecretBox, putSecret, secretKey } from '../../store/secrets.js';
import { sql } from '../../store/sql.js';
import type { ScriptInput, ScriptTurn } from '../stand-ins/anthropic.js';
import { deskOf } from './deciding.js';
import { type DeployTarget, deploySkills, startDeployTarget } from './deploying.js';
import { allRuns, everythingIn } from './histories.js';
import { openStage, type Stage } from './stage.js';

const KEY = 'kestrel.9f2c7d51e8';
const BENS_KEY = 'merlin.77c0aa41d3';
const REFERENCE = 'secret://deploy-key';

let stage: Stage;
let target: DeployTarget;
let elsewhere: DeployTarget;
beforeAll(async () => {
  stage = await openStage({ moreSkills: deploySkills });
  elsewhere = await startDeployTarget(KEY);
  const { engine } = stage.world.serving.installation;
  const { id: ben } = await createUser(engine, { id: stage.world.owner, isOwner: true }, { name: 'Ben' });
  await keep(ben, 'bens-key', BENS_KEY, [elsewhere.host]);
});
beforeEach(async () => {
  target = await startDeployTarget(KEY);
  await keep(stage.world.owner, 'deploy-key', KEY, [target.host]);
});
afterEach(async () => {
  await target.close();
  if (elsewhere.deployed.length + elsewhere.refused > 0) throw new Error('a machine was asked that nobody may ask');
  stage.assertClean();
});
afterAll(async () => {
  await elsewhere.close();
  await stage.close();
});

async function keep(user: string, name: string, value: string, hosts: readonly string[]): Promise<void> {
  const box = createSecretBox(secretKey(stage.world.home, undefined));
  const { db } = stage.world.serving.installation.store;
  await db.as(user, (tx) => putSecret(tx, box, user, name, value, hosts));
}

const deploying = (what: string, changes: { key?: string; host?: string } = {}, name = 'deploy'): ScriptTurn => ({
  calls: [{ name, input: { key: REFERENCE, host: target.host, what, ...changes } }],
});
/** A model that tells everybody all it was told. */
const repeating = ({ toolResults }: ScriptInput): ScriptTurn => ({
  text: `Told: ${toolResults.map(({ content }) => content).join(' ')}`,
});

/** Everything that is kept, shown, sent to the model or written into a history about a request, by its place. */
async function everywhere(request: string): Promise<Record<string, string>> {
  const { engine } = stage.world.serving.installation;
  const { owner, home } = stage.world;
  const tables = await engine.db.system((tx) =>
    tx.rows<{ name: string }>(
      sql`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
    ),
  );
  const rows: Record<string, string> = {};
  for (const { name } of tables) {
    const found = await engine.db.system((tx) =>
      tx.one<{ all: string }>(sql`select coalesce(string_agg(t::text, ' '), '') as all from ${sql.table(name)} t`),
    );
    rows[`table ${name}`] = found.all;
  }
  const files = readdirSync(home, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(home, name))
    .filter((file) => statSync(file).isFile());
  return {
    ...rows,
    ...Object.fromEntries(files.map((file) => [`file ${path.relative(home, file)}`, readFileSync(file, 'latin1')])),
    prompts: JSON.stringify(stage.model.calls.map(({ body }) => body)),
    view: JSON.stringify(await stage.world.view(request)),
    events: JSON.stringify(await stage.eventsOf(request)),
    trace: JSON.stringify(await traceRequest(engine, owner, request)),
    approvals: JSON.stringify(await listApprovals(engine, owner, { request, limit: 100 })),
    history: everythingIn(await allRuns(stage.client, `request:${request}`)),
  };
}

/** The places in which one of the forms stands. */
async function placesOf(forms: readonly string[], request: string): Promise<string[]> {
  return Object.entries(await everywhere(request))
    .filter(([, found]) => forms.some((form) => found.includes(form)))
    .map(([place]) => place);
}

/** A value, parts of it, and the forms in which the machine repeats it. */
function formsOf(value: string): string[] {
  const header = Buffer.from(`Bearer ${value}`).toString('base64');
  const plain = Buffer.from(value);
  return [
    value,
    value.slice(0, 8),
    value.slice(-8),
    header.slice(10, 20),
    header.slice(14, 24),
    plain.toString('base64').slice(0, 20),
    plain.toString('hex'),
  ];
}

async function answersOf(request: string): Promise<string[]> {
  return (await stage.callsOf(request)).map(({ output, error }) => error ?? JSON.stringify(output));
}

describe('an agent that needs a key to deploy', () => {
  test('gets a reference to it and never the key, whatever it asks for and whatever is answered [S1-03]', async () => {
    const request = await stage.play([
      {
        calls: [
          { name: 'deploy', input: { key: 'deploy-key', host: target.host, what: 'in plain' } },
          { name: 'search_memory', input: { query: 'deploy-key kestrel' } },
          { name: 'file_read', input: { path: 'secret.key' } },
        ],
      },
      deploying('the site'),
      repeating,
    ]);
    const view = await stage.world.ended(request);
    const [plain, memory, file, done] = await answersOf(request);
    expect(plain).toBe('A secret is named by a reference such as secret://deploy-key.');
    expect(JSON.parse(memory ?? '')).toEqual({ memories: [] });
    expect(file).toBe('there is no file secret.key in the workspace');
    expect(target.deployed).toEqual(['the site']);
    expect(done).toContain(`201 the site Bearer ${REFERENCE}`);
    expect(view.result?.text).toContain(REFERENCE);
    expect(view.result?.outputs).toMatchObject([{ kind: 'deployment', ref: `deploy:${REFERENCE}` }]);
    expect(await placesOf([REFERENCE], request)).toEqual(
      expect.arrayContaining(['prompts', 'table calls', 'table atoms', 'table request_events', 'view', 'events']),
    );
    expect(await placesOf(formsOf(KEY), request)).toEqual([]);
  });

  test('is told of a failure without the key that the service repeats', async () => {
    target.failOnce();
    const request = await stage.play([deploying('the shop'), repeating]);
    await stage.world.ended(request);
    expect(target).toMatchObject({ deployed: [], refused: 0 });
    expect((await answersOf(request))[0]).toContain(`The machine said: 409 the shop Bearer ${REFERENCE}`);
    expect(await placesOf(formsOf(KEY), request)).toEqual([]);
  });

  test('asks first where others see it: what is approved, sent and recorded names the reference', async () => {
    const desk = deskOf(stage);
    const request = await stage.play([
      deploying('the launch', {}, 'deploy_outward'),
      { text: 'It waits for you.' },
      { text: 'It is out.' },
    ]);
    const [approval] = await desk.waitFor(request, 1);
    expect(approval?.preview.text).toContain(REFERENCE);
    await desk.decide(approval, { decision: 'approve' });
    const [effect] = await desk.settled(request);
    expect(effect).toMatchObject({ status: 'done' });
    await stage.world.ended(request);
    expect(target.deployed).toEqual(['the launch']);
    expect(await placesOf([`201 the launch Bearer ${REFERENCE}`], request)).toContain('table effects');
    expect(await placesOf(formsOf(KEY), request)).toEqual([]);
  });
});

describe('a key is not handed out', () => {
  test('for another host than its own', async () => {
    const request = await stage.play([deploying('a copy', { host: elsewhere.host }), repeating]);
    await stage.world.ended(request);
    expect((await answersOf(request))[0]).toMatch(
      `${REFERENCE} is only for ${target.host}, not for ${elsewhere.host}; it was not used.`,
    );
  });

  test('where it belongs to another user', async () => {
    const request = await stage.play([
      deploying('theirs', { key: 'secret://bens-key', host: elsewhere.host }),
      repeating,
    ]);
    await stage.world.ended(request);
    expect((await answersOf(request))[0]).toMatch(/^There is no secret secret:\/\/bens-key\./);
    expect(await placesOf(formsOf(BENS_KEY), request)).toEqual([]);
  });
});
