import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSecretBox, putSecret, secretKey } from '../../store/secrets.js';
import { type DeployTarget, deploySkills, startDeployTarget } from '../e2e/deploying.js';
import { barrier, resolvers } from '../e2e/stage.js';
import type { ScriptInput } from '../stand-ins/anthropic.js';
import {
  atomsIn,
  atomsOf,
  type FoundAtom,
  inboxOf,
  look,
  makeSpace,
  memoryOf,
  payloadsIn,
  placesOf,
  remember,
  right,
  seenBy,
} from './places.js';
import {
  agentOf,
  answerOf,
  askedFor,
  brief,
  call,
  given,
  memberOf,
  notes,
  openWebStage,
  result,
  spawn,
  teamOf,
  type WebStage,
} from './script.js';

const KEY = 'kestrel.9f2c7d51e8';

let target: DeployTarget;
let stage: WebStage;
beforeAll(async () => {
  target = await startDeployTarget(KEY);
  stage = await openWebStage([], { file: { limits: { subagents: 4 } }, moreSkills: deploySkills });
  const { owner, home, serving } = stage.world;
  const box = createSecretBox(secretKey(home, undefined));
  await serving.installation.store.db.as(owner, (tx) => putSecret(tx, box, owner, 'deploy-key', KEY, [target.host]));
});
afterEach(() => stage.assertClean());
afterAll(async () => {
  await stage.close();
  await target.close();
});

describe('what one hands to the next', () => {
  test.each([
    { city: 'lisbon', budget: 'low' },
    { city: 'oslo', budget: 'high' },
  ])('is a structure with all that is needed, and the space they share: $city [S1-15]', async ({ city, budget }) => {
    const space = await makeSpace(stage, 'Trip');
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
        return {
          text: `${handed.open.join()} to ${handed.city}, ${handed.budget}; ${payloadsIn(input)
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
    const { task } = memberOf(await teamOf(stage, view.id), 'next');
    expect(task).toContain(JSON.stringify({ city, open: ['tickets'], budget }));
  });

  test('reaches the one who needs it and nobody else [S2-09]', async () => {
    await remember(stage, 'the cat likes quince');
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
      facts.filter((fact) => seenBy(stage, task).includes(fact)),
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
      (input) => ({
        calls: [
          { name: 'list_work', input: {} },
          { name: 'space_search', input: { query: 'pewter tin' } },
          { name: 'steer_work', input: { agent: given(input, 'other'), text: 'say all you thought' } },
        ],
      }),
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
          skills: ['list_work', 'space_search', 'steer_work'],
        }),
      (input) => ({ text: answerOf(input, 'curious') }),
    ]);
    expect(view.result?.text).toBe('I am sure');
    expect(seenBy(stage, 'think it over')).toContain('I took it for pewter');
    expect(seenBy(stage, 'look over the shoulder')).not.toContain('I took it for pewter');
    expect(JSON.parse(tried[0] ?? '')).toEqual({ work: [] });
    expect(tried[2]).toContain('There is no agent');
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
    expect(await placesOf(stage, ['secret://deploy-key'], view.id)).toEqual(
      expect.arrayContaining(['calls', 'prompts']),
    );
    const forms = [KEY, Buffer.from(KEY).toString('base64').slice(0, 12), encodeURIComponent(KEY)];
    expect(await placesOf(stage, forms, view.id)).toEqual([]);
  },
);

test.each([[['retail', 'farming', 'shipping']], [['mining']]])(
  'the findings say how many look closer, each with the right to add to them and the web: %s [S3-40] [S2-26]',
  async (segments) => {
    const space = await makeSpace(
      stage,
      'Findings',
      segments.map((segment) => ({ segment })),
    );
    const rights = { skills: ['space_put', 'web_fetch', 'web_search'], spaces: right(space, 'append') };
    stage.script('look into the segment', [
      (input) => call('web_search', { query: given(input, 'segment') }),
      (input) => {
        const [hit] = result<{ results: { url: string; text: string }[] }>(input).results;
        const payload = { summary: hit?.text ?? '', source: hit?.url ?? '' };
        return call('space_put', { space: given(input, 'space'), payload, comment: 'found' });
      },
      { text: 'it is in the space' },
    ]);
    for (const segment of segments)
      stage.web.index({ title: segment, url: `https://facts.example/${segment}`, content: `${segment} grows` });
    const view = await stage.finish(
      [
        look,
        (input) =>
          spawn(
            ...payloadsIn(input).map(({ segment = '' }) => ({
              label: segment,
              task: brief('look into the segment', { space, segment }),
              ...rights,
            })),
          ),
        look,
        (input) => ({
          text: payloadsIn(input)
            .flatMap(({ summary, source }) => (summary === undefined ? [] : [`${summary} (${source})`]))
            .toSorted()
            .join('; '),
        }),
      ],
      { text: brief('Which segments grow?', { space }) },
    );
    const team = await teamOf(stage, view.id);
    expect(team.map(({ label }) => label).toSorted()).toEqual(segments.toSorted());
    for (const { skills, spaces } of team) expect({ skills, spaces }).toEqual(rights);
    expect(view.result?.text).toBe(
      segments
        .map((segment) => `${segment} grows (https://facts.example/${segment})`)
        .toSorted()
        .join('; '),
    );
    const found = (await atomsOf(stage, space)).filter(({ author }) => author.startsWith('agent:'));
    expect(found.map(({ author }) => author).toSorted()).toEqual(team.map(({ id }) => `agent:${id}`).toSorted());
  },
);

test('two on one matter see the same facts, and the later one takes up what the first has decided [S2-30]', async () => {
  const space = await makeSpace(stage, 'Feast', [{ place: 'open', guests: 'forty' }]);
  const read = barrier(2);
  stage.outside('both have read', () => read().then(() => 'both have'));
  let atom: Pick<FoundAtom, 'id' | 'version'> = { id: '', version: 0 };
  stage.script('decide on the place', [
    look,
    (input) => {
      atom = atomsIn(input)[0] ?? atom;
      return call('probe', { name: 'both have read' });
    },
    (input) =>
      call('space_update', {
        space: given(input, 'space'),
        atom: atom.id,
        ifVersion: atom.version,
        payload: { place: given(input, 'wish'), guests: 'forty' },
        comment: 'decided',
      }),
    (input) => {
      const [conflict] = result<{ conflicts?: { now: string }[] }>(input).conflicts ?? [];
      return { text: conflict?.now ?? given(input, 'wish') };
    },
  ]);
  const planner = (wish: string) => ({
    label: wish,
    task: brief('decide on the place', { space, wish }),
    skills: ['space_search', 'space_update', 'probe'],
    spaces: right(space, 'write'),
  });
  const view = await stage.finish(
    [
      spawn(planner('barn'), planner('hall')),
      (input) => ({ text: `${answerOf(input, 'barn')}, ${answerOf(input, 'hall')}` }),
    ],
    { text: `Where shall the feast of ${space} be?` },
  );
  expect(['barn, barn', 'hall, hall']).toContain(view.result?.text);
  const payload = { place: view.result?.text.split(', ')[0], guests: 'forty' };
  expect(await atomsOf(stage, space)).toMatchObject([{ version: 2, payload }]);
  const both = askedFor(stage, 'decide on the place').filter(({ body }) => body?.messages.length === 3);
  expect(both.map(({ body }) => JSON.stringify(body).includes('forty'))).toEqual([true, true]);
});

test('messages of one agent wait in the inbox of another and are read in order [S4-32] [S4-33]', async () => {
  const gate = resolvers();
  stage.outside('still busy', () => gate.promise.then(() => 'free'));
  const filed = (told: string[]) => told.map((note) => note.split('] ')[1]).join(' | ');
  stage.script('file what is reported', [
    call('probe', { name: 'still busy' }),
    (input) => ({ text: filed(notes(input)) }),
  ]);
  const reports = ['CRM export complete: exports/crm.csv', 'video uploaded: exoplanets'];
  stage.script('report to the clerk', [
    (input) => ({
      calls: ['first', 'second'].map((name) => ({
        name: 'message_agent',
        input: { agent: given(input, 'clerk'), text: given(input, name) },
      })),
    }),
    { text: 'reported' },
  ]);
  const request = await stage.play(
    [
      spawn({ label: 'clerk', task: 'file what is reported', skills: ['probe'], wait: false }),
      (input) =>
        spawn({
          label: 'reporter',
          task: brief('report to the clerk', {
            clerk: result<{ agent: string }>(input).agent,
            first: given(input, 'first'),
            second: given(input, 'second'),
          }),
        }),
      { text: 'The clerk has them.' },
      { text: 'They are filed.' },
    ],
    { text: brief('Report it', { first: reports[0] ?? '', second: reports[1] ?? '' }) },
  );
  const inbox = async () => inboxOf(stage, memberOf(await teamOf(stage, request), 'clerk').id);
  await vi.waitFor(async () => expect(await inbox()).toHaveLength(2), 10_000);
  const from = memberOf(await teamOf(stage, request), 'reporter').id;
  const both = (read: boolean) => reports.map((text) => ({ kind: 'message', from, text, read }));
  expect(await inbox()).toMatchObject(both(false));
  gate.resolve();
  await stage.world.ended(request);
  expect(memberOf(await teamOf(stage, request), 'clerk').result).toBe(reports.join(' | '));
  expect(await inbox()).toMatchObject(both(true));
});
