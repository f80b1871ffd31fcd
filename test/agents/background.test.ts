import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { barrier, resolvers, type Stage } from '../e2e/stage.js';
import { textOf } from '../stand-ins/anthropic-body.js';
import {
  askedFor,
  brief,
  call,
  given,
  memberOf,
  notes,
  openTeamStage,
  result,
  results,
  spawn,
  teamOf,
  turnsOf,
  workspaceOf,
} from './script.js';

const ORDER =
  'Generate a 1500-word YouTube script for "10 Exoplanets With Water" for the Stellar Truths channel. Format: intro, 10 sections, outro.';
const SECRET = 'the password of the attic is marmalade';

let stage: Stage;
beforeAll(async () => {
  stage = await openTeamStage();
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

const statusLine = (input: Parameters<typeof result>[0]): string =>
  result<{ work: { label: string; status: string }[] }>(input)
    .work.filter(({ label }) => label.startsWith('script'))
    .map(({ label, status }) => `${label} is ${status}`)
    .join(', ');

test.each([{ words: 'about oceans' }, { words: 'about ice' }])(
  'a script is written in the background while the conversation goes on: $words [S4-18] [S4-13] [S4-15] [S4-19] [S4-07]',
  async ({ words }) => {
    const writing = resolvers<string>();
    stage.outside('write at length', () => writing.promise);
    stage.script('save to: scripts/exoplanets.md', [
      call('probe', { name: 'write at length' }),
      (input) =>
        call('file_write', {
          path: given(input, 'save to'),
          text: `intro, 10 sections, outro, ${input.toolResults[0]?.content}`,
        }),
      (input) => ({ text: `saved to ${result<{ path: string }>(input).path}` }),
    ]);
    const first = await stage.play(
      [
        spawn({
          label: 'script for exoplanets',
          task: brief(ORDER, { 'save to': 'scripts/exoplanets.md' }),
          skills: ['file_write', 'probe'],
          timeoutSeconds: 300,
          wait: false,
        }),
        { text: 'I have begun; ask me anything meanwhile.' },
        (input) => ({ text: `Ready: ${notes(input).join()}` }),
      ],
      { text: brief(`${ORDER} By the way, ${SECRET}.`, { file: 'scripts/exoplanets.md' }) },
    );
    await vi.waitFor(async () => {
      expect(await stage.eventsOf(first)).toContainEqual(
        expect.objectContaining({
          type: 'text',
          data: expect.objectContaining({ delta: 'I have begun; ask me anything meanwhile.' }),
        }),
      );
      expect((await teamOf(stage, first)).map(({ status }) => status)).toEqual(['running']);
    }, 10_000);
    const { conversation } = await stage.world.view(first);
    const second = await stage.finish([call('list_work', {}), (input) => ({ text: `So far: ${statusLine(input)}.` })], {
      text: 'How is it going?',
      conversation,
    });
    expect(second).toMatchObject({
      status: 'completed',
      result: { text: 'So far: script for exoplanets is running.' },
    });
    expect(await stage.world.view(first)).toMatchObject({ status: 'running' });
    writing.resolve(words);
    const view = await stage.world.ended(first);
    const [writer] = await teamOf(stage, first);
    expect(view.result?.text).toBe(
      `Ready: [report from “script for exoplanets” (${writer?.id})] The agent “script for exoplanets” (${writer?.id}) has finished.\nsaved to scripts/exoplanets.md`,
    );
    // Told once, in one turn.
    expect(await turnsOf(stage, first, view.agents[0]?.id)).toBe(3);
    expect(workspaceOf(stage).read('scripts/exoplanets.md')).toContain(words);
    // It has seen its task and nothing else, and is gone with it.
    const seen = askedFor(stage, ORDER);
    expect(
      seen
        .at(-1)
        ?.body?.tools?.map(({ name }) => name)
        .toSorted(),
    ).toEqual(['file_write', 'message_agent', 'probe', 'request_access']);
    expect(JSON.stringify(seen.map(({ body }) => body))).not.toContain('marmalade');
    expect(textOf(seen.at(-1)?.body?.messages[0]?.content ?? '')).toBe(
      brief(ORDER, { 'save to': 'scripts/exoplanets.md' }),
    );
    expect(writer).toMatchObject({ status: 'ended', outcome: 'completed', spaces: {} });
  },
);

test('nobody but the agent that faces the user talks to the user [S4-13]', async () => {
  const view = await stage.finish([
    spawn({ label: 'chatty', task: 'talk to the user', skills: ['ask_user', 'send_message'] }),
    (input) => ({ text: input.toolResults[0]?.isError === true ? 'I talk to you myself.' : 'It talks to you.' }),
  ]);
  expect(view.result?.text).toBe('I talk to you myself.');
  const [refused] = await stage.callsOf(view.id);
  expect(refused?.error).toContain('ask_user is yours alone');
  expect(refused?.error).toContain('send_message is yours alone');
  expect(await teamOf(stage, view.id)).toEqual([]);
});

test('an agent that takes too long is stopped with everything below it, and the others go on [S4-20]', async () => {
  const never = resolvers<string>();
  stage.outside('never ends', () => never.promise);
  stage.script('dig deeper', [call('probe', { name: 'never ends' })]);
  stage.script('dig for it', [
    spawn({ label: 'digger', task: 'dig deeper', skills: ['probe'] }),
    { text: 'nobody will ever hear this' },
  ]);
  stage.script('look nearby', [{ text: 'found nearby' }]);
  const view = await stage.finish([
    spawn(
      { label: 'foreman', task: 'dig for it', skills: ['spawn_agent', 'probe'], timeoutSeconds: 3 },
      { label: 'neighbour', task: 'look nearby' },
    ),
    (input) => ({
      text: input.toolResults
        .map(({ content, isError }) => (isError ? content : (JSON.parse(content) as { text: string }).text))
        .join(' // '),
    }),
  ]);
  never.resolve('too late');
  expect(view).toMatchObject({ status: 'completed' });
  expect(view.result?.text).toMatch(/^The agent “foreman” ran out of time\. .* \/\/ found nearby$/);
  const team = await teamOf(stage, view.id);
  expect(memberOf(team, 'foreman')).toMatchObject({ outcome: 'timed_out', status: 'ended' });
  expect(memberOf(team, 'digger')).toMatchObject({ outcome: 'cancelled', status: 'ended', parent: 'foreman' });
  expect(memberOf(team, 'neighbour')).toMatchObject({ outcome: 'completed' });
});

test.each([
  { topics: ['Ancient Monuments', 'Water on Mars', 'Lost Civilizations'] },
  { topics: ['Ancient Monuments', 'Water on Venus', 'Lost Civilizations'] },
])('three scripts at once are reported in one message: $topics.1 [S4-21]', async ({ topics }) => {
  const met = barrier(3);
  stage.outside('three write', async () => {
    await met();
    return 'all three write';
  });
  stage.script('Write the script', [
    call('probe', { name: 'three write' }),
    (input) => call('file_write', { path: given(input, 'save to'), text: `about ${given(input, 'topic')}` }),
    (input) => ({ text: `${given(input, 'topic')} is ready in ${result<{ path: string }>(input).path}` }),
  ]);
  const view = await stage.finish(
    [
      (input) =>
        spawn(
          ...given(input, 'topics')
            .split(', ')
            .map((topic, place) => ({
              label: `script ${place}`,
              task: brief('Write the script', { topic, 'save to': `scripts/${place}.md` }),
              skills: ['file_write', 'probe'],
            })),
        ),
      (input) => ({
        text: results<{ text: string }>(input)
          .map(({ text }) => text)
          .join('; '),
      }),
    ],
    { text: brief('Three scripts please', { topics: topics.join(', ') }) },
  );
  expect(view.result?.text).toBe(topics.map((topic, place) => `${topic} is ready in scripts/${place}.md`).join('; '));
  expect(topics.map((_, place) => workspaceOf(stage).read(`scripts/${place}.md`))).toEqual(
    topics.map((topic) => `about ${topic}`),
  );
  expect(await turnsOf(stage, view.id, view.agents[0]?.id)).toBe(2);
});
