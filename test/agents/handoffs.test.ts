import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Permission } from '../../contracts/space.js';
import { readInbox } from '../../engine/agents/steer.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { createSecretBox, putSecret, secretKey } from '../../store/secrets.js';
import { sql } from '../../store/sql.js';
import { type DeployTarget, deploySkills, startDeployTarget } from '../e2e/deploying.js';
import { allRuns, everythingIn } from '../e2e/histories.js';
import { barrier, resolvers, type Stage } from '../e2e/stage.js';
import type { ScriptInput } from '../stand-ins/anthropic.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';
import {
  agentOf,
  answerOf,
  askedFor,
  brief,
  call,
  given,
  memberOf,
  notes,
  openTeamStage,
  result,
  spawn,
  teamOf,
  workspaceOf,
} from './script.js';

const KEY = 'kestrel.9f2c7d51e8';
const MEMORY = /Personal memory \(id (spc_\w+)\)/;

interface Atoms {
  readonly items: readonly {
    readonly atom: { readonly id: string; readonly version: number; readonly payload: Record<string, string> };
  }[];
}
interface Found {
  readonly results: readonly { readonly url: string; readonly text: string }[];
}

let web: WebStandIn;
let target: DeployTarget;
let stage: Stage;
beforeAll(async () => {
  web = await startWebStandIn();
  target = await startDeployTarget(KEY);
  stage = await openTeamStage({
    file: { web: { searchUrl: web.url }, limits: { subagents: 4 } },
    moreSkills: deploySkills,
  });
  const { owner, home, serving } = stage.world;
  const box = createSecretBox(secretKey(home, undefined));
  await serving.installation.store.db.as(owner, (tx) => putSecret(tx, box, owner, 'deploy-key', KEY, [target.host]));
});
afterEach(() => {
  stage.assertClean();
  web.assertClean();
});
afterAll(async () => {
  await stage.close();
  await target.close();
  await web.close();
});

const engine = () => stage.world.serving.installation.engine;

function inSpaces<T>(work: (spaces: ReturnType<typeof spaceAccess>) => Promise<T>): Promise<T> {
  return engine().db.as(stage.world.owner, (tx) => work(spaceAccess(tx, userActor(stage.world.owner))));
}

/** A space with these atoms in it. */
const makeSpace = (name: string, payloads: readonly Record<string, string>[] = []): Promise<string> =>
  inSpaces(async (spaces) => {
    const { id } = await spaces.create({ name });
    for (const payload of payloads) await spaces.put(id, { payload, comment: 'known' });
    return id;
  });
const atomsOf = (space: string) =>
  inSpaces(async (spaces) => {
    const { items } = await spaces.search({ spaces: [space], limit: 50 });
    return items.map(({ atom }) => atom);
  });
const memoryOf = (input: ScriptInput): string => MEMORY.exec(input.system)?.[1] ?? '';
const right = (space: string, permission: Permission) => ({ [space]: permission });
const look = (input: ScriptInput) => call('space_search', { space: given(input, 'space') });
const payloads = (input: ScriptInput) => result<Atoms>(input).items.map(({ atom }) => atom.payload);
const seenBy = (task: string): string => JSON.stringify(askedFor(stage, task).map(({ body }) => body?.messages));

describe('what one hands to the next', () => {
  test.each([
    { city: 'lisbon', budget: 'low' },
    { city: 'oslo', budget: 'high' },
  ])('is a structure with all that is needed, and the space they share: $city [S1-15]', async ({ city, budget }) => {
    const space = await makeSpace('Trip');
    stage.script('gather for the trip', [
      (input) =>
        call('space_put', {
          space: given(input, 'space'),
          payload: { text: `the trams of ${given(input, 'city')} are free` },
          comment: 'found',
        }),
      (input) => ({ text: JSON.stringify({ city: given(input, 'city'), open: ['tickets'] }) }),
    ]);
    stage.script('go on with the trip', [
      look,
      (input) => {
        const handed = JSON.parse(given(input, 'handoff')) as { city: string; open: string[]; budget: string };
        const [first] = askedFor(stage, 'go on with the trip').at(-1)?.body?.messages ?? [];
        expect(first?.role).toBe('user');
        return {
          text: `${handed.open.join()} to ${handed.city}, ${handed.budget}; ${payloads(input)
            .map(({ text }) => text)
            .join()}`,
        };
      },
    ]);
    const view = await stage.finish(
      [
        (input) =>
          spawn({
            label: 'gather',
            task: brief('gather for the trip', { space, city: given(input, 'city') }),
            skills: ['space_put'],
            spaces: right(space, 'append'),
          }),
        (input) => {
          const gathered = JSON.parse(answerOf(input, 'gather')) as object;
          const handoff = JSON.stringify({ ...gathered, budget: given(input, 'budget') });
          return spawn({
            label: 'next',
            task: brief('go on with the trip', { space, handoff }),
            skills: ['space_search'],
            spaces: right(space, 'read'),
          });
        },
        (input) => ({ text: answerOf(input, 'next') }),
      ],
      { text: brief(`Plan the trip in ${space}`, { city, budget }) },
    );
    expect(view.result?.text).toBe(`tickets to ${city}, ${budget}; the trams of ${city} are free`);
    const next = memberOf(await teamOf(stage, view.id), 'next');
    expect(next).toMatchObject({ skills: ['space_search'], spaces: { [space]: 'read' } });
    expect(next.task).toContain(JSON.stringify({ city, open: ['tickets'], budget }));
  });

  test('reaches the one who needs it and nobody else [S2-09]', async () => {
    await inSpaces(async (spaces) => {
      const memory = await spaces.ofRole('memory');
      await spaces.put(memory.id, {
        payload: { text: 'the cat likes quince' },
        metadata: { kind: 'fact' },
        comment: 'x',
      });
    });
    stage.script('order the menu', [(input) => ({ text: `with ${given(input, 'dish')}` })]);
    stage.script('feed the cat', [
      call('search_memory', { query: 'cat' }),
      (input) => ({ text: result<{ memories: { text: string }[] }>(input).memories[0]?.text ?? 'nothing' }),
    ]);
    stage.script('book the room', [
      call('search_memory', { query: 'cat' }),
      (input) => ({ text: `${given(input, 'room')}, and ${input.toolResults[0]?.content}` }),
    ]);
    const view = await stage.finish(
      [
        (input) =>
          spawn(
            { label: 'menu', task: brief('order the menu', { dish: given(input, 'dish') }) },
            { label: 'cat', task: 'feed the cat', skills: ['search_memory'], spaces: right(memoryOf(input), 'read') },
            {
              label: 'room',
              task: brief('book the room', { room: given(input, 'room') }),
              skills: ['search_memory'],
            },
          ),
        (input) => ({ text: [answerOf(input, 'menu'), answerOf(input, 'cat'), answerOf(input, 'room')].join('; ') }),
      ],
      { text: brief('Prepare the feast. The password is marmalade.', { dish: 'saffron', room: 'orangery' }) },
    );
    expect(view.result?.text).toMatch(/^with saffron; the cat likes quince; orangery, and /);
    const facts = ['saffron', 'quince', 'orangery', 'marmalade'];
    const known = ['order the menu', 'feed the cat', 'book the room'].map((task) =>
      facts.filter((fact) => JSON.stringify(askedFor(stage, task).map(({ body }) => body)).includes(fact)),
    );
    expect(known).toEqual([['saffron'], ['quince'], ['orangery']]);
    expect(JSON.stringify(stage.asked(view.id).map(({ body }) => body))).toContain('marmalade');
  });

  test('is an answer or a message; how another one got there stays with it [S2-22]', async () => {
    stage.script('think it over', [
      { text: 'at first I took it for pewter', ...call('space_search', {}) },
      { text: 'it is tin' },
      { text: 'I am sure' },
    ]);
    const tried: string[] = [];
    stage.script('look over the shoulder', [
      {
        calls: [
          { name: 'list_work', input: {} },
          { name: 'space_search', input: { query: 'pewter tin' } },
          { name: 'search_memory', input: { query: 'pewter tin' } },
        ],
      },
      (input) => {
        tried.push(...input.toolResults.map(({ content }) => content));
        return call('steer_work', { agent: given(input, 'other'), text: 'say all you thought' });
      },
      (input) => {
        tried.push(...input.toolResults.map(({ content }) => content));
        return call('message_agent', { agent: given(input, 'other'), text: 'are you sure?', wait: true });
      },
      (input) => ({ text: result<{ text: string }>(input).text }),
    ]);
    const view = await stage.finish([
      spawn({ label: 'thinker', task: 'think it over', skills: ['space_search'] }),
      (input) =>
        spawn({
          label: 'curious',
          task: brief('look over the shoulder', { other: agentOf(input, 'thinker') }),
          skills: ['list_work', 'steer_work', 'space_search', 'search_memory'],
        }),
      (input) => ({ text: answerOf(input, 'curious') }),
    ]);
    expect(view.result?.text).toBe('I am sure');
    expect(seenBy('think it over')).toContain('I took it for pewter');
    expect(seenBy('look over the shoulder')).not.toContain('I took it for pewter');
    expect(tried).toHaveLength(4);
    expect(JSON.parse(tried[0] ?? '')).toEqual({ work: [] });
    expect(tried[3]).toContain('There is no agent');
  });
});

test.each([
  { rule: 'by reference only', deployed: ['the site'], text: 'deployed: the site' },
  { rule: 'not at all', deployed: [], text: 'not deployed, because security says: not at all' },
])(
  'code wants a key in plain text, security refuses, and the stricter rule holds: $rule [S1-22] [S1-03]',
  async ({ rule, deployed, text }) => {
    const before = target.deployed.length;
    const deploy = (key: string) => (input: ScriptInput) =>
      call('deploy', { key, host: given(input, 'host'), what: given(input, 'what') });
    const refusals: string[] = [];
    const refused = (input: ScriptInput): void => void refusals.push(input.toolResults[0]?.content ?? '');
    stage.script('deploy without anything', [
      deploy('deploy-key'),
      (input) => {
        refused(input);
        return deploy('secret://deploy-key')(input);
      },
      (input) => {
        refused(input);
        return { text: 'show me deploy-key in plain text' };
      },
    ]);
    stage.script('judge as security', [(input) => ({ text: given(input, 'rule') })]);
    stage.script('deploy by reference', [
      deploy('secret://deploy-key'),
      (input) => ({ text: `deployed: ${result<{ said: string }>(input).said}` }),
    ]);
    const where = (input: ScriptInput) => ({ host: given(input, 'host'), what: given(input, 'what') });
    const view = await stage.finish(
      [
        (input) => spawn({ label: 'code', task: brief('deploy without anything', where(input)), skills: ['deploy'] }),
        (input) =>
          spawn({
            label: 'security',
            task: brief('judge as security', { wish: answerOf(input, 'code'), rule: given(input, 'rule') }),
          }),
        (input) => {
          const verdict = answerOf(input, 'security');
          if (verdict !== 'by reference only') return { text: `not deployed, because security says: ${verdict}` };
          return spawn({
            label: 'code again',
            task: brief('deploy by reference', where(input)),
            skills: ['deploy'],
            secrets: ['deploy-key'],
            spaces: right(memoryOf(input), 'append'),
          });
        },
        (input) => ({ text: answerOf(input, 'code again') }),
      ],
      { text: brief('Deploy it with deploy-key', { host: target.host, what: 'the site', rule }) },
    );
    expect(view.result?.text).toContain(text.replace('deployed: the site', 'deployed: 201 the site'));
    expect(target.deployed.slice(before)).toEqual(deployed);
    expect(target.refused).toBe(0);
    expect(refusals).toEqual([
      'A secret is named by a reference such as secret://deploy-key.',
      expect.stringMatching(/^You may not use secret:\/\/deploy-key\./) as string,
    ]);
    expect(await valueFoundIn(view.id)).toEqual([]);
  },
);

/** Where the value of the key stands, of all that was kept, sent to the model or written into a history. */
async function valueFoundIn(request: string): Promise<string[]> {
  const rows = await engine().db.system(async (tx) => {
    const tables = await tx.rows<{ name: string }>(
      sql`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
    );
    const kept: [string, string][] = [];
    for (const { name } of tables) {
      const { all } = await tx.one<{ all: string }>(
        sql`select coalesce(string_agg(t::text, ' '), '') as all from ${sql.table(name)} t`,
      );
      kept.push([`table ${name}`, all]);
    }
    return kept;
  });
  const places: [string, string][] = [
    ...rows,
    ['prompts', JSON.stringify(stage.model.calls.map(({ body }) => body))],
    ['history', everythingIn(await allRuns(stage.client, `request:${request}`))],
  ];
  const forms = [KEY, Buffer.from(KEY).toString('base64').slice(0, 12), encodeURIComponent(KEY)];
  return places.filter(([, all]) => forms.some((form) => all.includes(form))).map(([name]) => name);
}
