import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { resolvers } from '../e2e/stage.js';
import type { ScriptInput } from '../stand-ins/anthropic-script.js';
import { offerList } from './outside.js';
import {
  answerOf,
  brief,
  call,
  given,
  type Member,
  memberOf,
  openWebStage,
  result,
  results,
  spawn,
  teamOf,
  workspaceOf,
  type WebStage,
} from './script.js';

interface Found {
  readonly results: readonly { readonly text: string }[];
}
interface Atoms {
  readonly items: readonly { readonly atom: { readonly payload: { readonly text: string } } }[];
}

const hit = { title: 'A lookup', url: 'https://facts.example/', content: '' };
const flights = new Map([['Tokyo', [{ name: 'direct flight', usd: 900 }]]]);

let stage: WebStage;
beforeAll(async () => {
  stage = await openWebStage([hit], { moreSkills: [offerList('flights_search', flights)] });
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

const makeSpace = (name: string): Promise<string> => {
  const { engine } = stage.world.serving.installation;
  return engine.db.as(stage.world.owner, async (tx) => {
    const space = await spaceAccess(tx, userActor(stage.world.owner)).create({ name });
    return space.id;
  });
};
const foundIn = (input: ScriptInput): string => result<Found>(input).results[0]?.text ?? 'nothing found';
const textsIn = (input: ScriptInput): string[] =>
  result<Atoms>(input)
    .items.map(({ atom }) => atom.payload.text)
    .toSorted();
/** The names behind a colon, such as `the rivals: one, two`. */
const namesIn = (text: string): string[] => (text.split(': ')[1] ?? '').split(', ');

test.each([
  {
    findings: 'the market has four rivals: acme, bolt, crane, drum',
    researchers: ['first look', 'bolt', 'crane', 'drum'],
  },
  { findings: 'the market has one rival: acme', researchers: ['first look'] },
])('as many agents as the first findings ask for: $researchers.length [S3-42]', async ({ findings, researchers }) => {
  hit.content = findings;
  stage.script('Look at the market', [
    (input) => call('web_search', { query: given(input, 'about') }),
    (input) => ({ text: foundIn(input) }),
  ]);
  stage.script('Look closer', [(input) => ({ text: `${given(input, 'rival')} is cheap` })]);
  const view = await stage.finish(
    [
      (input) =>
        spawn({
          label: 'first look',
          task: brief('Look at the market', { about: given(input, 'about') }),
          skills: ['web_search'],
        }),
      (input) => {
        const others = namesIn(answerOf(input, 'first look')).slice(1);
        if (others.length === 0) return { text: answerOf(input, 'first look') };
        return spawn(...others.map((rival) => ({ label: rival, task: brief('Look closer', { rival }) })));
      },
      (input) => ({
        text: results<{ text: string }>(input)
          .map(({ text }) => text)
          .join('; '),
      }),
    ],
    { text: brief('Make a competitive analysis', { about: 'lookup of the market' }) },
  );
  expect((await teamOf(stage, view.id)).map(({ label }) => label)).toEqual(researchers);
  expect(view.result?.text).toContain(
    researchers.length === 1 ? 'one rival: acme' : 'bolt is cheap; crane is cheap; drum is cheap',
  );
});

test.each([
  { findings: 'visitors to Tokyo need a visa', order: ['research', 'visa', 'calendar', 'travel'] },
  { findings: 'visitors to Tokyo need nothing', order: ['research', 'travel', 'calendar'] },
])('what research turns up says who works next: $order [S3-08]', async ({ findings, order }) => {
  hit.content = findings;
  stage.script('Tokyo research', [
    (input) => call('web_search', { query: given(input, 'place') }),
    (input) => ({ text: foundIn(input) }),
  ]);
  stage.script('Tokyo visa', [{ text: 'apply six weeks ahead' }]);
  stage.script('Tokyo calendar', [
    (input) => call('calendar_find_free', { from: given(input, 'day'), to: given(input, 'day'), durationMinutes: 60 }),
    (input) => ({ text: result<{ slots: { start: string }[] }>(input).slots[0]?.start ?? 'no time' }),
  ]);
  stage.script('Tokyo travel', [
    (input) => call('flights_search', { place: given(input, 'place') }),
    (input) => ({ text: result<{ offers: { name: string }[] }>(input).offers[0]?.name ?? 'no flight' }),
  ]);
  const skills: Record<string, readonly string[]> = {
    visa: [],
    calendar: ['calendar_find_free'],
    travel: ['flights_search'],
  };
  const next = (label: string) => (input: ScriptInput) =>
    spawn({
      label,
      task: brief(`Tokyo ${label}`, { place: 'Tokyo', day: given(input, 'day') }),
      skills: skills[label] ?? [],
    });
  const route = (input: ScriptInput): string[] =>
    answerOf(input, 'research').includes('visa') ? ['visa', 'calendar', 'travel'] : ['travel', 'calendar'];
  /** The turn after as many as have answered. */
  const goOn = (place: number) => (input: ScriptInput) => {
    const label = route(input)[place];
    return label === undefined
      ? {
          text: route(input)
            .map((name) => `${name}: ${answerOf(input, name)}`)
            .join('; '),
        }
      : next(label)(input);
  };
  const view = await stage.finish(
    [
      spawn({ label: 'research', task: brief('Tokyo research', { place: 'Tokyo' }), skills: ['web_search'] }),
      goOn(0),
      goOn(1),
      goOn(2),
      goOn(3),
    ],
    {
      text: brief('Plan my trip to Tokyo', { day: '2027-05-03' }),
      timeZone: 'UTC',
      occurredAt: '2027-03-01T09:00:00Z',
    },
  );
  expect((await teamOf(stage, view.id)).map(({ label }) => label)).toEqual(order);
  expect(view.result?.text).toContain('travel: direct flight');
  expect(view.result?.text).toContain('calendar: 2027-05-03T09:00:00');
});

test.each([
  ['tides', 'currents'],
  ['tides', 'storms'],
])('a draft takes up findings as they come, while research goes on: %s and %s [S3-01]', async (first, second) => {
  const space = await makeSpace('Findings');
  const steps = Object.fromEntries(['one found', 'one drafted', 'both found'].map((name) => [name, resolvers()]));
  const reach = (done: string, until: string) => async () => {
    steps[done]?.resolve();
    await steps[until]?.promise;
    return until;
  };
  // Each waits for a step of the other one, so neither could finish alone.
  stage.outside('research waits for the draft', reach('one found', 'one drafted'));
  stage.outside('draft waits for the first', reach('', 'one found'));
  stage.outside('draft waits for the second', reach('one drafted', 'both found'));
  stage.outside('research is done', reach('both found', 'both found'));
  const find = (name: string) => (input: ScriptInput) =>
    call('space_put', {
      space: given(input, 'space'),
      payload: { text: given(input, name) },
      comment: 'found',
    });
  stage.script('Do the research', [
    find('first'),
    call('probe', { name: 'research waits for the draft' }),
    find('second'),
    call('probe', { name: 'research is done' }),
    { text: 'two findings' },
  ]);
  const look = (input: ScriptInput) => call('space_search', { space: given(input, 'space') });
  const draft = (input: ScriptInput) =>
    call('file_write', { path: given(input, 'file'), text: `so far: ${textsIn(input).join(' and ')}` });
  stage.script('Draft the document', [
    call('probe', { name: 'draft waits for the first' }),
    look,
    draft,
    (input) => call('file_read', { path: given(input, 'file') }),
    call('probe', { name: 'draft waits for the second' }),
    look,
    draft,
    { text: 'the draft is there' },
  ]);
  const view = await stage.finish(
    [
      spawn(
        {
          label: 'research',
          task: brief('Do the research', { space, first, second }),
          skills: ['space_put', 'probe'],
          spaces: { [space]: 'append' },
        },
        {
          label: 'draft',
          task: brief('Draft the document', { space, file: 'draft.md' }),
          skills: ['space_search', 'file_write', 'file_read', 'probe'],
          spaces: { [space]: 'read' },
        },
      ),
      (input) => ({ text: answerOf(input, 'draft') }),
    ],
    { text: `Research ${first} and ${second} into ${space} while drafting draft.md from it` },
  );
  expect(view).toMatchObject({ status: 'completed', result: { text: 'the draft is there' } });
  const written = (await stage.callsOf(view.id)).filter(({ skill }) => skill === 'file_write');
  expect(written.map(({ input }) => input)).toMatchObject([
    { text: `so far: ${first}` },
    { text: `so far: ${[first, second].toSorted().join(' and ')}` },
  ]);
  expect(workspaceOf(stage).read('draft.md')).toContain(second);
});

/** The tree of the seed: a research agent with two sub-researchers who read alone, and a writer. */
async function researchTree(finding: string) {
  const [research, doc] = [await makeSpace('Research'), await makeSpace('Document')];
  hit.content = finding;
  const tried: string[] = [];
  stage.script('Sub-research', [
    (input) => call('web_search', { query: given(input, 'about') }),
    (input) => ({
      calls: [
        { name: 'space_search', input: { space: given(input, 'space') } },
        {
          name: 'space_put',
          input: { space: given(input, 'space'), payload: { text: foundIn(input) }, comment: 'found' },
        },
      ],
    }),
    (input) => {
      tried.push(...input.toolResults.filter(({ isError }) => isError).map(({ content }) => content));
      return { text: `read ${given(input, 'space')}` };
    },
  ]);
  stage.script('Lead the research', [
    (input) =>
      spawn({
        label: 'greedy',
        task: 'have more than its parent',
        skills: ['file_write'],
        spaces: { [given(input, 'document')]: 'read', [given(input, 'space')]: 'grant' },
        secrets: ['vault'],
      }),
    (input) => {
      tried.push(...input.toolResults.filter(({ isError }) => isError).map(({ content }) => content));
      const wish = (label: string) => ({
        label,
        task: brief('Sub-research', { space: given(input, 'space'), about: 'a lookup' }),
        skills: ['web_search', 'space_search', 'space_put'],
        spaces: { [given(input, 'space')]: 'read' as const },
      });
      return spawn(wish('sub one'), wish('sub two'));
    },
    (input) =>
      call('space_put', {
        space: given(input, 'space'),
        payload: { text: `two agents ${answerOf(input, 'sub one').split(' ')[0]} the space` },
        comment: 'found',
      }),
    { text: 'the findings are in the space' },
  ]);
  stage.script('Write it down', [
    (input) => call('file_write', { path: given(input, 'file'), text: 'a page' }),
    (input) => ({ text: result<{ path: string }>(input).path }),
  ]);
  const view = await stage.finish(
    [
      spawn(
        {
          label: 'research',
          task: brief('Lead the research', { space: research, document: doc }),
          skills: ['web_search', 'space_search', 'space_put', 'spawn_agent'],
          spaces: { [research]: 'write' },
        },
        {
          label: 'writer',
          task: brief('Write it down', { file: 'page.md' }),
          skills: ['file_write'],
          spaces: { [doc]: 'write' },
        },
      ),
      (input) => ({ text: `${answerOf(input, 'research')}; ${answerOf(input, 'writer')}` }),
    ],
    { text: `Research into ${research} and write page.md about it for ${doc}` },
  );
  return { view, research, doc, tried, team: await teamOf(stage, view.id) };
}

test('in the tree of the seed each has what it was given and nothing else [S3-11] [S3-09] [S3-10]', async () => {
  const { view, research, doc, tried, team } = await researchTree('the sea rises');
  expect(view.result?.text).toBe('the findings are in the space; page.md');
  const shown = ({ label, parent, skills, spaces }: Member) => ({ label, parent, skills, spaces });
  const sub = {
    parent: 'research',
    skills: ['space_put', 'space_search', 'web_search'],
    spaces: { [research]: 'read' },
  };
  expect(team.map(shown)).toEqual([
    {
      label: 'research',
      parent: view.agents[0]?.label,
      skills: ['space_put', 'space_search', 'spawn_agent', 'web_search'],
      spaces: { [research]: 'write' },
    },
    { label: 'writer', parent: view.agents[0]?.label, skills: ['file_write'], spaces: { [doc]: 'write' } },
    { label: 'sub one', ...sub },
    { label: 'sub two', ...sub },
  ]);
  const [greedy, ...writes] = tried;
  // Every right that its parent does not have is named.
  for (const right of ['file_write', 'secrets', `spaces.${doc}`, `spaces.${research}`]) expect(greedy).toContain(right);
  const refused = expect.stringContaining('needs the permission append on the space; yours is read');
  expect(writes).toEqual([refused, refused]);
  const { engine } = stage.world.serving.installation;
  const kept = await engine.db.as(stage.world.owner, (tx) =>
    spaceAccess(tx, userActor(stage.world.owner)).search({ spaces: [research], limit: 10 }),
  );
  // Only what the research agent wrote is there.
  expect(kept.items.map(({ atom }) => [atom.payload, atom.author])).toEqual([
    [{ text: 'two agents read the space' }, `agent:${memberOf(team, 'research').id}`],
  ]);
});
