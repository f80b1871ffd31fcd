import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { priceOf } from '../../models/prices.js';
import { sql } from '../../store/sql.js';
import { deskOf } from '../e2e/deciding.js';
import { barrier, resolvers } from '../e2e/stage.js';
import type { RequestView } from '../helpers/world.js';
import type { RecordedCall, ScriptInput, ScriptTurn } from '../stand-ins/anthropic.js';
import {
  askedFor,
  brief,
  call,
  given,
  memberOf,
  openWebStage,
  result,
  results,
  spawn,
  teamOf,
  workspaceOf,
  type WebStage,
} from './script.js';
import { openSurvey } from './survey.js';

const MAIN = 'claude-opus-5-5';
const SECONDARY = 'claude-haiku-4-5';
const PRICE = '0.05';
const TIDES = { title: 'Tides', url: 'https://sea.example/', content: 'the tide turns twice' };

interface Answer {
  readonly label: string;
  readonly text: string;
  readonly costUsd: string;
}

const survey = openSurvey(PRICE);

let stage: WebStage;
beforeAll(async () => {
  stage = await openWebStage([TIDES], {
    file: {
      limits: { subagents: 2 },
      models: { tiers: { fast: 'claude-haiku-5-5', smart: 'claude-sonnet-5-5' } },
      agents: { main: { model: MAIN }, secondary: { model: SECONDARY } },
    },
    moreSkills: [survey.skill],
  });
});
afterEach(() => {
  stage.assertClean();
  survey.reset();
});
afterAll(() => stage.close());

/** What the endpoint bills for these calls, at list price. */
const billOf = (calls: readonly RecordedCall[]): number =>
  calls.reduce((sum, { usage, body, at }) => {
    if (usage === undefined || body === undefined) throw new Error('a call was not billed');
    return sum + Number(priceOf(body.model, usage, new Date(at)).usd);
  }, 0);
const modelsOf = (calls: readonly RecordedCall[]): (string | undefined)[] => [
  ...new Set(calls.map(({ body }) => body?.model)),
];
const sum = (amounts: readonly string[]): number => amounts.reduce((total, usd) => total + Number(usd), 0);
const chargesOf = ({ cost }: RequestView, agent: string): string[] =>
  cost.charges.filter((charge) => charge.agent === agent).map(({ usd }) => usd);
const answers = (input: ScriptInput): ScriptTurn => ({
  text: results<Answer>(input)
    .map(({ text }) => text)
    .join('; '),
});

describe('which model an agent thinks with', () => {
  test('simple work goes to the cheaper one, who leads keeps that of its parent, a wish is honoured [S1-17] [S4-38]', async () => {
    stage.script('simple part', [{ text: 'simple' }]);
    stage.script('chosen part', [{ text: 'chosen' }]);
    stage.script('part below', [{ text: 'below' }]);
    stage.script('leading part', [spawn({ label: 'below', task: 'part below it' }), answers]);
    const view = await stage.finish([
      spawn(
        { label: 'simple', task: 'simple part' },
        { label: 'chosen', task: 'chosen part', model: SECONDARY },
        { label: 'leading', task: 'leading part', skills: ['spawn_agent'] },
      ),
      answers,
    ]);
    expect(view.result?.text).toBe('simple; chosen; below');
    const asked = ['simple part', 'chosen part', 'leading part', 'part below'].map((task) => askedFor(stage, task));
    expect(asked.map(modelsOf)).toEqual([
      ['claude-haiku-5-5'],
      [SECONDARY],
      ['claude-sonnet-5-5'],
      ['claude-haiku-5-5'],
    ]);
    expect(modelsOf(stage.asked(view.id))).toEqual(['claude-sonnet-5-5']);
    // As the API shows it, and at the price of that very model.
    const team = await teamOf(stage, view.id);
    for (const [place, label] of ['simple', 'chosen', 'leading', 'below'].entries()) {
      const shown = view.agents.find(({ id }) => id === memberOf(team, label).id);
      const calls = asked[place] ?? [];
      expect(shown?.model).toBe(calls[0]?.body?.model);
      expect(Number(shown?.costUsd)).toBeCloseTo(billOf(calls), 10);
    }
  });

  test('main and secondary agent use what the configuration says [S4-42]', async () => {
    const models: Record<string, unknown> = {};
    for (const agent of ['main', 'secondary']) {
      stage.script(`led by ${agent}`, [{ text: 'led' }]);
      const view = await stage.finish(
        [spawn({ label: 'led', task: `led by ${agent}`, skills: ['spawn_agent'] }), answers],
        { agent },
      );
      expect(view.status).toBe('completed');
      models[agent] = [view.agents.map(({ model }) => model), modelsOf(stage.asked(view.id))];
    }
    expect(models).toEqual({
      main: [[MAIN, MAIN], [MAIN]],
      secondary: [[SECONDARY, SECONDARY], [SECONDARY]],
    });
    const named = await stage.finish([{ text: 'ready' }], { agent: 'main', model: 'fast' });
    expect(modelsOf(stage.asked(named.id))).toEqual(['claude-haiku-5-5']);
  });
});

describe('what agents cost', () => {
  /** Looks a thing up in two ways and says what it found. */
  const lookUp = (task: string): void =>
    stage.script(task, [
      (input) => ({
        calls: [
          { name: 'web_search', input: { query: given(input, 'about') } },
          { name: 'survey', input: { about: given(input, 'about') } },
        ],
      }),
      (input) => {
        const [page, found] = results<{ results?: { text: string }[]; found?: string }>(input);
        return { text: `${page?.results?.[0]?.text ?? 'nothing'}, ${found?.found ?? 'nothing'}` };
      },
    ]);

  test('what one has looked up is not paid for again by another, and each cost is told [S1-17] [S4-38]', async () => {
    lookUp('look it up');
    const told: Answer[] = [];
    const look = (label: string, about: string) =>
      spawn({ label, task: brief('look it up', { about }), skills: ['web_search', 'survey'] });
    const hear = (input: ScriptInput): void => void told.push(result<Answer>(input));
    const view = await stage.finish(
      [
        look('first', 'tide'),
        (input) => {
          hear(input);
          return look('second', 'tide');
        },
        (input) => {
          hear(input);
          return look('third', 'the tide again');
        },
        (input) => {
          hear(input);
          return { text: 'all is known' };
        },
      ],
      { text: 'Look up the tide' },
    );
    const searched = stage.web.requests.map(({ path }) => new URLSearchParams(path.split('?')[1]).get('q'));
    expect(searched).toEqual(['tide', 'the tide again']);
    expect(survey.asked).toEqual(['tide', 'the tide again']);
    expect(told.map(({ text }) => text)).toEqual([
      'the tide turns twice, facts about tide',
      'the tide turns twice, facts about tide',
      'the tide turns twice, facts about the tide again',
    ]);
    const team = await teamOf(stage, view.id);
    const paid = view.cost.charges.filter(({ kind }) => kind === 'skill');
    expect(paid.map(({ agent, name, usd }) => [agent, name, usd])).toEqual([
      [memberOf(team, 'first').id, 'survey', PRICE],
      [memberOf(team, 'third').id, 'survey', PRICE],
    ]);
    // The parent is told what the API shows, and all of it adds up.
    for (const { label, costUsd } of told) {
      const { id } = memberOf(team, label);
      expect(costUsd).toBe(view.agents.find((agent) => agent.id === id)?.costUsd);
      expect(Number(costUsd)).toBeCloseTo(sum(chargesOf(view, id)), 10);
    }
    const [first, second] = told;
    expect(Number(first?.costUsd) - Number(second?.costUsd)).toBeCloseTo(Number(PRICE), 3);
    expect(Number(view.cost.totalUsd)).toBeCloseTo(sum(view.agents.map(({ costUsd }) => costUsd)), 10);
  });

  test('a cost that goes beyond the budget is told and asked about before it arises [S1-17]', async () => {
    const desk = deskOf(stage);
    stage.script('survey it dearly', [
      (input) => call('survey', { about: given(input, 'about') }),
      (input) => ({ text: result<{ found: string }>(input).found }),
    ]);
    const request = await stage.play(
      [spawn({ task: brief('survey it dearly', { about: 'wind' }), skills: ['survey'] }), answers],
      { budgetUsd: '0.2', model: 'fast', text: 'Survey the wind' },
    );
    await stage.world.ended(request);
    expect(survey.asked).toEqual(['wind']);
    const tight = await stage.play(
      [spawn({ task: brief('survey it dearly', { about: 'rain' }), skills: ['survey'] }), answers],
      { budgetUsd: '0.04', model: 'fast', text: 'Survey the rain' },
    );
    const [approval] = await desk.waitFor(tight, 1);
    expect(approval).toMatchObject({
      effect: 'budget',
      preview: { text: expect.stringContaining('The next step (survey) needs at least $0.05') as string },
    });
    expect(survey.asked).toEqual(['wind']);
    await desk.decide(approval, { decision: 'approve' });
    const view = await stage.world.ended(tight);
    expect(view.result?.text).toBe('facts about rain');
    expect(survey.asked).toEqual(['wind', 'rain']);
  });

  test('no more is spent at once than the agents who have a place may spend [S4-38]', async () => {
    const gate = resolvers();
    survey.holdUntil(gate.promise);
    stage.script('survey a part', [
      (input) => call('survey', { about: given(input, 'about') }),
      (input) => ({ text: result<{ found: string }>(input).found }),
    ]);
    const parts = ['north', 'south', 'east', 'west'];
    const request = await stage.play(
      [
        spawn(...parts.map((about) => ({ label: about, task: brief('survey a part', { about }), skills: ['survey'] }))),
        answers,
      ],
      { text: 'Survey north, south, east and west' },
    );
    await vi.waitFor(() => expect(survey.underWay).toBe(2), 10_000);
    expect((await teamOf(stage, request)).map(({ status }) => status).toSorted()).toEqual([
      'queued',
      'queued',
      'running',
      'running',
    ]);
    // What is set aside at this moment is the price of two.
    const { engine } = stage.world.serving.installation;
    const reserved = await engine.db.as(stage.world.owner, (tx) =>
      tx.rows<{ name: string; usd: string }>(
        sql`select name, trim_scale(usd)::text as usd from reservations where request_id = ${request}`,
      ),
    );
    expect(reserved).toEqual([
      { name: 'survey', usd: PRICE },
      { name: 'survey', usd: PRICE },
    ]);
    gate.resolve();
    const view = await stage.world.ended(request);
    expect(view.result?.text).toBe(parts.map((about) => `facts about ${about}`).join('; '));
    expect(survey).toMatchObject({ most: 2 });
    expect(view.cost.charges.filter(({ kind }) => kind === 'skill')).toHaveLength(4);
  });
});

describe('a long way', () => {
  test('is shown as it is gone: what a child says comes while its parent still waits [S1-18]', async () => {
    const gate = resolvers();
    stage.outside('the rest', () => gate.promise.then(() => 'done'));
    stage.script('walk all the way', [
      { text: 'half of it is done', ...call('probe', { name: 'the rest' }) },
      { text: 'all of it is done' },
    ]);
    const request = await stage.play([
      spawn({ label: 'walker', task: 'walk all the way', skills: ['probe'] }),
      answers,
    ]);
    const texts = async () =>
      (await stage.eventsOf(request))
        .filter(({ type }) => type === 'text')
        .map(({ data }) => data as { agent: string; delta: string });
    await vi.waitFor(async () => expect(await texts()).not.toEqual([]), 10_000);
    const [walker] = await teamOf(stage, request);
    expect(await texts()).toMatchObject([{ agent: walker?.id, delta: 'half of it is done' }]);
    const meanwhile = await stage.world.view(request);
    expect(meanwhile).toMatchObject({ status: 'running' });
    expect(meanwhile.result).toBeUndefined();
    expect((await stage.callsOf(request)).find(({ skill }) => skill === 'spawn_agent')?.status).toBe('delegated');
    gate.resolve();
    const view = await stage.world.ended(request);
    expect((await texts()).map(({ agent, delta }) => [agent, delta])).toEqual([
      [walker?.id, 'half of it is done'],
      [walker?.id, 'all of it is done'],
      [view.agents[0]?.id, 'all of it is done'],
    ]);
  });

  test('independent parts go side by side, and who is stuck is stopped in its time [S1-18]', async () => {
    const met = barrier(2);
    stage.outside('meet the other', () => met().then(() => 'met'));
    stage.outside(
      'never over',
      ({ abortSignal }) =>
        new Promise((_, reject) => abortSignal.addEventListener('abort', () => reject(new Error('stopped')))),
    );
    stage.script('meet the other', [call('probe', { name: 'meet the other' }), (input) => ({ text: result(input) })]);
    stage.script('stay for ever', [call('probe', { name: 'never over' }), { text: 'never said' }]);
    let told: ScriptInput['toolResults'] = [];
    const view = await stage.finish([
      spawn(
        { label: 'one', task: 'meet the other', skills: ['probe'] },
        { label: 'two', task: 'meet the other', skills: ['probe'] },
        { label: 'stuck', task: 'stay for ever', skills: ['probe'], timeoutSeconds: 1 },
      ),
      (input) => {
        told = input.toolResults;
        return { text: 'two of three' };
      },
    ]);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'two of three' } });
    expect(told.map(({ isError }) => isError)).toEqual([false, false, true]);
    expect(told[2]?.content).toContain('“stuck” ran out of time');
    const team = await teamOf(stage, view.id);
    expect(team.map(({ label, outcome }) => [label, outcome])).toEqual([
      ['one', 'completed'],
      ['two', 'completed'],
      ['stuck', 'timed_out'],
    ]);
  });
});

describe('work over much material', () => {
  const read = (file: string) => ({ name: 'file_read', input: { path: file } });

  test('a refactoring over many files is done by one agent, and its lead never reads them [S4-16]', async () => {
    const workspace = workspaceOf(stage);
    const files = ['src/one.ts', 'src/two.ts', 'src/three.ts'];
    for (const file of files) workspace.put(file, `export const x = oldName(/* inside of ${file} */);`);
    workspace.put('src/other.ts', 'export const untouched = 1;');
    stage.script('rename it everywhere', [
      call('file_list', { folder: 'src' }),
      (input) => ({ calls: result<{ files: { path: string }[] }>(input).files.map((file) => read(file.path)) }),
      (input) => ({
        calls: results<{ path: string; text: string }>(input)
          .filter(({ text }) => text.includes(given(input, 'from')))
          .map(({ path, text }) => ({
            name: 'file_write',
            input: { path, text: text.replaceAll(given(input, 'from'), given(input, 'to')) },
          })),
      }),
      (input) => ({ text: `${input.toolResults.length} files are changed` }),
    ]);
    const view = await stage.finish(
      [
        (input) =>
          spawn({
            task: brief('rename it everywhere', { from: given(input, 'from'), to: given(input, 'to') }),
            skills: ['file_list', 'file_read', 'file_write'],
          }),
        answers,
      ],
      { text: brief('Refactor src', { from: 'oldName', to: 'newName' }) },
    );
    expect(view.result?.text).toBe('3 files are changed');
    for (const file of files) expect(workspace.read(file)).toBe(`export const x = newName(/* inside of ${file} */);`);
    expect(workspace.read('src/other.ts')).toBe('export const untouched = 1;');
    expect(JSON.stringify(askedFor(stage, 'rename it').map(({ body }) => body))).toContain('inside of');
    expect(JSON.stringify(stage.asked(view.id).map(({ body }) => body))).not.toContain('inside of');
  });

  test.each([
    { rows: ['north,120', 'south,30', 'north,5'], best: 'north' },
    { rows: ['north,20', 'south,300', 'north,50'], best: 'south' },
  ])('a table is gone through by one agent, and only what follows from it comes back: $best [S4-17]', async (sales) => {
    workspaceOf(stage).put('sales.csv', ['region,sold', ...sales.rows].join('\n'));
    stage.script('go through the table', [
      (input) => ({ calls: [read(given(input, 'file'))] }),
      (input) => {
        const sold = new Map<string, number>();
        for (const row of result<{ text: string }>(input).text.split('\n').slice(1)) {
          const [region = '', count] = row.split(',');
          sold.set(region, (sold.get(region) ?? 0) + Number(count));
        }
        return { text: `most are sold in the ${[...sold].toSorted((a, b) => b[1] - a[1])[0]?.[0]}` };
      },
    ]);
    const view = await stage.finish(
      [
        (input) =>
          spawn({ task: brief('go through the table', { file: given(input, 'file') }), skills: ['file_read'] }),
        answers,
      ],
      { text: brief('Where do we sell most?', { file: 'sales.csv' }) },
    );
    expect(view.result?.text).toBe(`most are sold in the ${sales.best}`);
    expect(view.agents.map(({ model }) => model)).toEqual(['claude-sonnet-5-5', 'claude-haiku-5-5']);
    expect(JSON.stringify(stage.asked(view.id).map(({ body }) => body))).not.toContain(sales.rows[0]);
  });
});
