import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Desk, deskOf } from '../e2e/deciding.js';
import { orderDesk } from './outside.js';
import {
  agentOf,
  answerOf,
  brief,
  call,
  given,
  memberOf,
  openWebStage,
  result,
  spawn,
  teamOf,
  turnsOf,
  type WebStage,
} from './script.js';

const MARCH = { timeZone: 'Europe/Berlin', occurredAt: '2027-03-01T09:00:00+01:00' };
const hit = { title: 'Changes', url: 'https://docs.example/', content: '' };
const publishing = orderDesk('publish_post');

let stage: WebStage;
let desk: Desk;
beforeAll(async () => {
  stage = await openWebStage([hit], {
    moreSkills: [publishing.skill],
    effectTimes: { retryMs: 50, probeDelaysMs: [50, 100, 200] },
  });
  desk = deskOf(stage);
});
afterEach(() => {
  stage.assertClean();
  publishing.assertClean();
});
afterAll(() => stage.close());

const search = (words: string) => {
  stage.script(words, [
    (input) => call('web_search', { query: given(input, 'about') }),
    (input) => ({ text: result<{ results: { text: string }[] }>(input).results[0]?.text ?? 'nothing found' }),
  ]);
};

test.each(['the ferry is on strike', 'the ferry goes again'])(
  'a hub delegates research, scheduling and mail and gives one answer: %s [S2-01]',
  async (news) => {
    hit.content = news;
    search('hub research:');
    stage.script('hub calendar:', [
      (input) =>
        call('calendar_find_free', { from: given(input, 'day'), to: given(input, 'day'), durationMinutes: 60 }),
      (input) => ({ text: result<{ slots: { start: string }[] }>(input).slots[0]?.start ?? 'no time' }),
    ]);
    stage.script('hub mail:', [
      (input) =>
        call('email_draft', {
          to: [given(input, 'to')],
          subject: 'ferry',
          body: `${given(input, 'news')}; shall we meet at ${given(input, 'time')}?`,
        }),
      (input) => ({ text: `a draft to ${result<{ to: string[] }>(input).to.join()}` }),
    ]);
    const request = await stage.play(
      [
        (input) =>
          spawn(
            {
              label: 'research',
              task: brief('hub research:', { about: given(input, 'about') }),
              skills: ['web_search'],
            },
            {
              label: 'calendar',
              task: brief('hub calendar:', { day: given(input, 'day') }),
              skills: ['calendar_find_free'],
            },
          ),
        (input) =>
          spawn({
            label: 'mail',
            task: brief('hub mail:', {
              to: given(input, 'to'),
              news: answerOf(input, 'research'),
              time: answerOf(input, 'calendar'),
            }),
            skills: ['email_draft'],
          }),
        (input) => ({
          text: `${answerOf(input, 'research')}; free at ${answerOf(input, 'calendar')}; ${answerOf(input, 'mail')}`,
        }),
      ],
      {
        text: brief('Find out about the ferry, find an hour and write to Anna', {
          about: 'ferry',
          day: '2027-03-08',
          to: 'anna@example.com',
        }),
        ...MARCH,
      },
    );
    const view = await stage.world.ended(request);
    expect(view.result?.text).toBe(`${news}; free at 2027-03-08T09:00:00+01:00; a draft to anna@example.com`);
    const team = await teamOf(stage, request);
    // Only the hub leads, and each spoke has what its part needs.
    expect(team.map(({ label, depth, skills }) => [label, depth, skills])).toEqual([
      ['research', 1, ['web_search']],
      ['calendar', 1, ['calendar_find_free']],
      ['mail', 1, ['email_draft']],
    ]);
  },
);

test.each([
  { decision: 'approve' as const, refusals: 0, ending: 'published', posts: 1 },
  { decision: 'reject' as const, refusals: 0, ending: 'not published', posts: 0 },
  { decision: 'approve' as const, refusals: 1, ending: 'not published', posts: 0 },
])(
  'a pipeline adds to what came before, and publishing waits: $decision, refused $refusals times [S2-02]',
  async ({ decision, refusals, ending, posts }) => {
    hit.content = `whales sing, and we ${decision}`;
    search('As the gatherer');
    stage.script('As the drafter', [(input) => ({ text: `draft of “${given(input, 'findings')}”` })]);
    stage.script('As the polisher', [(input) => ({ text: `polished ${given(input, 'draft')}` })]);
    stage.script('As the publisher', [
      (input) => call('publish_post', { what: given(input, 'text') }),
      { text: 'It waits.' },
      (input) => ({ text: input.text.includes('"status":"done"') ? 'published' : 'not published' }),
    ]);
    const before = publishing.orders.length;
    publishing.refuse(refusals);
    const request = await stage.play(
      [
        spawn({ label: 'gather', task: brief('As the gatherer', { about: 'whales' }), skills: ['web_search'] }),
        (input) => spawn({ label: 'draft', task: brief('As the drafter', { findings: answerOf(input, 'gather') }) }),
        (input) => spawn({ label: 'polish', task: brief('As the polisher', { draft: answerOf(input, 'draft') }) }),
        (input) =>
          spawn({
            label: 'publish',
            task: brief('As the publisher', { text: answerOf(input, 'polish') }),
            skills: ['publish_post'],
          }),
        (input) => ({ text: `${answerOf(input, 'polish')}: ${answerOf(input, 'publish')}` }),
      ],
      { text: 'Write and publish something about whales' },
    );
    await stage.world.until(request, ({ status }) => status === 'waiting_approval');
    const [approval] = await desk.pending(request);
    expect(approval).toMatchObject({ preview: { text: `polished draft of “${hit.content}”` } });
    expect(publishing.orders).toHaveLength(before);
    await desk.decide(approval, { decision });
    const view = await stage.world.ended(request);
    expect(view.result?.text).toBe(`polished draft of “${hit.content}”: ${ending}`);
    expect(publishing.orders.slice(before)).toEqual(
      Array.from({ length: posts }, () => `polished draft of “${hit.content}”`),
    );
    expect((await teamOf(stage, request)).map(({ label }) => label)).toEqual(['gather', 'draft', 'polish', 'publish']);
  },
);

test.each(['close() returns a promise', 'close() returns nothing'])(
  'agents ask each other without their coordinator: %s [S2-03]',
  async (change) => {
    hit.content = change;
    stage.script('mesh search:', [
      { text: 'ready' },
      (input) => call('web_search', { query: given(input, 'question') }),
      (input) => ({ text: result<{ results: { text: string }[] }>(input).results[0]?.text ?? 'nothing found' }),
    ]);
    stage.script('mesh documentation:', [
      { text: 'ready' },
      (input) =>
        call('message_agent', {
          agent: given(input, 'search agent'),
          text: brief('What has changed?', { question: given(input, 'topic') }),
          wait: true,
        }),
      (input) => ({ text: `documented: ${result<{ text: string }>(input).text}` }),
    ]);
    stage.script('mesh code:', [
      (input) =>
        call('message_agent', {
          agent: given(input, 'documentation agent'),
          text: brief('Tell me about it.', { topic: given(input, 'api') }),
          wait: true,
        }),
      (input) => ({ text: result<{ text: string }>(input).text.endsWith('promise') ? 'await close()' : 'close()' }),
    ]);
    const view = await stage.finish(
      [
        spawn({ label: 'search', task: brief('mesh search:'), skills: ['web_search'] }),
        (input) =>
          spawn({
            label: 'documentation',
            task: brief('mesh documentation:', { 'search agent': agentOf(input, 'search') }),
          }),
        (input) =>
          spawn({
            label: 'code',
            task: brief('mesh code:', {
              'documentation agent': agentOf(input, 'documentation'),
              api: given(input, 'api'),
            }),
          }),
        (input) => ({ text: answerOf(input, 'code') }),
      ],
      { text: brief('Call the API as it is today', { api: 'changes of close' }) },
    );
    expect(view.result?.text).toBe(change.endsWith('promise') ? 'await close()' : 'close()');
    const team = await teamOf(stage, view.id);
    expect(memberOf(team, 'documentation').result).toBe(`documented: ${change}`);
    expect(memberOf(team, 'code').result).toBe(view.result?.text);
    // The first agent has spawned three and heard one answer: it took no turn in between.
    expect(await turnsOf(stage, view.id, view.agents[0]?.id)).toBe(4);
    const asks = (await stage.callsOf(view.id)).filter(({ skill }) => skill === 'message_agent');
    expect(asks.map(({ status, agent_id }) => [status, agent_id]).toSorted()).toEqual(
      [memberOf(team, 'code').id, memberOf(team, 'documentation').id].map((agent) => ['done', agent]).toSorted(),
    );
  },
);

test.each([
  { evidence: 'three studies', winner: 'for' },
  { evidence: 'a rumour', winner: 'against' },
])('two argue, each hears the other, and a third one judges: $winner [S3-43]', async ({ evidence, winner }) => {
  for (const side of ['for', 'against'])
    stage.script(`Argue ${side}:`, [
      (input) => ({ text: `${side}, by ${given(input, 'evidence')}` }),
      (input) => ({
        text: `${side}, by ${given(input, 'evidence')}, and still so after “${given(input, 'they say')}”`,
      }),
    ]);
  stage.script('Judge:', [
    (input) => ({ text: given(input, 'one').includes('studies') ? 'for is right' : 'against is right' }),
  ]);
  const view = await stage.finish(
    [
      (input) =>
        spawn(
          { label: 'pro', task: brief('Argue for:', { evidence: given(input, 'evidence') }) },
          { label: 'contra', task: brief('Argue against:', { evidence: 'one study' }) },
        ),
      (input) => ({
        calls: [
          { to: 'pro', other: 'contra' },
          { to: 'contra', other: 'pro' },
        ].map(({ to, other }) => ({
          name: 'message_agent',
          input: {
            agent: agentOf(input, to),
            text: brief('Answer that.', { 'they say': answerOf(input, other) }),
            wait: true,
          },
        })),
      }),
      (input) =>
        spawn({
          label: 'judge',
          task: brief('Judge:', { one: answerOf(input, 'pro'), other: answerOf(input, 'contra') }),
        }),
      (input) => ({ text: answerOf(input, 'judge') }),
    ],
    { text: brief('Is it good for us?', { evidence }) },
  );
  expect(view.result?.text).toBe(`${winner} is right`);
  const team = await teamOf(stage, view.id);
  expect(memberOf(team, 'pro').result).toBe(`for, by ${evidence}, and still so after “against, by one study”`);
  expect(memberOf(team, 'contra').result).toBe(`against, by one study, and still so after “for, by ${evidence}”`);
  expect(memberOf(team, 'judge').task).toContain(memberOf(team, 'contra').result);
});
