import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { barrier, type Stage } from '../e2e/stage.js';
import type { TurnSource } from '../stand-ins/anthropic-script.js';
import { answerOf, brief, call, given, memberOf, openTeamStage, result, spawn, teamOf, workspaceOf } from './script.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openTeamStage({ file: { limits: { subagents: 4 } } });
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

const leads = ['spawn_agent'];
/** Says what stands behind `facts: ` in its task, under its own name. */
const specialist = (name: string): void =>
  stage.script(`As the ${name}`, [(input) => ({ text: `${name}: ${given(input, 'facts')}` })]);
const part = (name: string, facts: string) => ({ label: name, task: brief(`As the ${name}`, { facts }) });

/** The four that a marketing agent calls, and what each makes of the product. */
function engageMarketing(): void {
  const at = barrier(4);
  stage.outside('marketing at work', async () => {
    await at();
    return 'all are there';
  });
  const meet = call('probe', { name: 'marketing at work' });
  const write = (file: string, text: (product: string) => string): TurnSource[] => [
    meet,
    (input) => call('file_write', { path: file, text: text(given(input, 'product')) }),
    (input) => ({ text: result<{ path: string }>(input).path }),
  ];
  stage.script(
    'content agent:',
    write('launch/post.md', (product) => `Why we built ${product}`),
  );
  stage.script(
    'design agent:',
    write('launch/logo.svg', (product) => `<svg><text>${product}</text></svg>`),
  );
  stage.script('announcement agent:', [
    meet,
    (input) =>
      call('email_draft', {
        to: [given(input, 'to')],
        subject: `${given(input, 'product')} is here`,
        body: `try ${given(input, 'product')} now`,
      }),
    (input) => ({ text: result<{ subject: string }>(input).subject }),
  ]);
  stage.script('timing agent:', [
    meet,
    (input) => call('calendar_find_free', { from: given(input, 'day'), to: given(input, 'day'), durationMinutes: 60 }),
    (input) => ({ text: result<{ slots: { start: string }[] }>(input).slots[0]?.start ?? 'no time' }),
  ]);
  stage.script('marketing agent:', [
    (input) => {
      const { product, to, day } = {
        product: given(input, 'product'),
        to: given(input, 'to'),
        day: given(input, 'day'),
      };
      return spawn(
        { label: 'content', task: brief('content agent:', { product }), skills: ['file_write', 'probe'] },
        { label: 'design', task: brief('design agent:', { product }), skills: ['file_write', 'probe'] },
        {
          label: 'announcement',
          task: brief('announcement agent:', { product, to }),
          skills: ['email_draft', 'probe'],
        },
        { label: 'timing', task: brief('timing agent:', { day }), skills: ['calendar_find_free', 'probe'] },
      );
    },
    (input) => ({
      text: ['content', 'design', 'announcement', 'timing'].map((name) => answerOf(input, name)).join(' | '),
    }),
  ]);
}

function planLaunch(product: string) {
  engageMarketing();
  const facts = { product, to: 'press@example.com', day: '2027-03-08' };
  return stage.finish(
    [
      (input) =>
        spawn({
          label: 'marketing',
          task: brief('marketing agent:', {
            product: given(input, 'product'),
            to: given(input, 'to'),
            day: given(input, 'day'),
          }),
          skills: [...leads, 'file_write', 'email_draft', 'calendar_find_free', 'probe'],
        }),
      (input) => ({ text: `The plan: ${answerOf(input, 'marketing')}` }),
    ],
    { text: brief('Plan a product launch', facts), timeZone: 'Europe/Berlin', occurredAt: '2027-03-01T09:00:00+01:00' },
  );
}

test('an agent plans with agents of its own and combines what they bring [S1-08] [S1-12]', async () => {
  const view = await planLaunch('Fernweh');
  expect(view.result).toMatchObject({
    text: 'The plan: launch/post.md | launch/logo.svg | Fernweh is here | 2027-03-08T09:00:00+01:00',
    outputs: [{ kind: 'file', title: 'launch/post.md' }, { kind: 'file', title: 'launch/logo.svg' }, { kind: 'draft' }],
  });
  const team = await teamOf(stage, view.id);
  expect(team.map(({ label, parent, depth }) => [label, parent, depth])).toEqual([
    ['marketing', view.agents[0]?.label, 1],
    ['content', 'marketing', 2],
    ['design', 'marketing', 2],
    ['announcement', 'marketing', 2],
    ['timing', 'marketing', 2],
  ]);
  expect(workspaceOf(stage).read('launch/post.md')).toBe('Why we built Fernweh');
});

test('the plan of another product is another one, in the words of those who made its parts', async () => {
  const busy = { title: 'Retreat', start: '2027-03-08T09:00:00+01:00', end: '2027-03-08T15:00:00+01:00' };
  await stage.finish([call('calendar_create_event', { ...busy, timeZone: 'Europe/Berlin' }), { text: 'noted' }], {
    text: `Retreat from ${busy.start} to ${busy.end} in Europe/Berlin`,
  });
  const view = await planLaunch('Heimweh');
  expect(view.result?.text).toBe(
    'The plan: launch/post.md | launch/logo.svg | Heimweh is here | 2027-03-08T15:00:00+01:00',
  );
  expect(workspaceOf(stage).read('launch/logo.svg')).toBe('<svg><text>Heimweh</text></svg>');
});

/** The director asks content, social media and analytics; content asks writing and images. */
function direct(words: { writing: string; images: string }) {
  for (const name of ['writing', 'images', 'social', 'analytics']) specialist(name);
  stage.script('As the content lead', [
    (input) => spawn(part('writing', given(input, 'writing')), part('images', given(input, 'images'))),
    (input) => ({ text: `content: (${answerOf(input, 'writing')}, ${answerOf(input, 'images')})` }),
  ]);
  stage.script('As the marketing director', [
    (input) =>
      spawn(
        {
          label: 'content',
          task: brief('As the content lead', { writing: given(input, 'writing'), images: given(input, 'images') }),
          skills: leads,
        },
        part('social', 'three posts'),
        part('analytics', 'visits are up'),
      ),
    (input) => ({
      text: ['content', 'social', 'analytics'].map((name) => answerOf(input, name)).join('; '),
    }),
  ]);
  return stage.finish(
    [
      (input) =>
        spawn({
          label: 'director',
          task: brief('As the marketing director', {
            writing: given(input, 'writing'),
            images: given(input, 'images'),
          }),
          skills: leads,
        }),
      (input) => ({ text: answerOf(input, 'director') }),
    ],
    { text: brief('Run our spring campaign', words) },
  );
}

test.each([
  { writing: 'an essay', images: 'two photos' },
  { writing: 'a poem', images: 'no photos' },
])('each level of a hierarchy leads its own alone, and results roll up: $writing [S2-04]', async (words) => {
  const view = await direct(words);
  expect(view.result?.text).toBe(
    `content: (writing: ${words.writing}, images: ${words.images}); social: three posts; analytics: visits are up`,
  );
  const team = await teamOf(stage, view.id);
  expect(Object.fromEntries(team.map(({ label, parent, depth }) => [label, [parent, depth]]))).toEqual({
    director: [view.agents[0]?.label, 1],
    content: ['director', 2],
    social: ['director', 2],
    analytics: ['director', 2],
    writing: ['content', 3],
    images: ['content', 3],
  });
  // Who was not given the skill leads nobody.
  expect(memberOf(team, 'social').skills).toEqual([]);
});
