import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Desk, deskOf } from '../e2e/deciding.js';
import type { ScriptInput } from '../stand-ins/anthropic-script.js';
import { offerList, orderDesk } from './outside.js';
import {
  answerOf,
  brief,
  call,
  fieldOf,
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

interface Offers {
  readonly offers: readonly { readonly name: string; readonly usd: number }[];
}

const NEXT_MONTH = { timeZone: 'Europe/Berlin', occurredAt: '2027-03-01T09:00:00+01:00' };
const flights = new Map([['Berlin', [{ name: 'morning flight', usd: 450 }]]]);
const hotels = new Map([['Berlin', [{ name: 'Hotel Spree', usd: 300 }]]]);
const booking = orderDesk('trip_book');
const hit = { title: 'Conference', url: 'https://conf.example/', content: '' };

let stage: WebStage;
let desk: Desk;
beforeAll(async () => {
  stage = await openWebStage([hit], {
    moreSkills: [offerList('flights_search', flights), offerList('hotels_search', hotels), booking.skill],
    effectTimes: { retryMs: 50, probeDelaysMs: [50, 100, 200] },
  });
  desk = deskOf(stage);
});
afterEach(() => {
  stage.assertClean();
  booking.assertClean();
});
afterAll(() => stage.close());

const cheapest = ({ offers }: Offers) => offers.toSorted((a, b) => a.usd - b.usd)[0];

/** Five specialists, each with what it needs. */
function engage(): void {
  stage.script('research agent:', [
    (input) => call('web_search', { query: given(input, 'about') }),
    (input) => ({ text: result<{ results: { text: string }[] }>(input).results[0]?.text ?? 'not found' }),
  ]);
  stage.script('calendar agent:', [
    (input) => call('calendar_list_events', { from: given(input, 'from'), to: given(input, 'to') }),
    (input) =>
      result<{ events: unknown[] }>(input).events.length > 0
        ? { text: 'taken already' }
        : call('calendar_create_event', {
            title: given(input, 'title'),
            start: given(input, 'from'),
            end: given(input, 'to'),
            timeZone: 'Europe/Berlin',
          }),
    (input) => ({ text: `blocked from ${result<{ start: string }>(input).start}` }),
  ]);
  stage.script('travel agent: look', [
    (input) => ({
      calls: ['flights_search', 'hotels_search'].map((name) => ({ name, input: { place: given(input, 'place') } })),
    }),
    (input) => {
      const chosen = results<Offers>(input).map(cheapest);
      const usd = chosen.reduce((sum, offer) => sum + (offer?.usd ?? 0), 0);
      return {
        text: brief(`offer: ${chosen.map((offer) => offer?.name).join(' and ')}`, { price: `${usd}` }),
        derived: [`${usd}`],
      };
    },
  ]);
  stage.script('finance agent:', [
    (input) => call('file_read', { path: given(input, 'budget') }),
    (input) => {
      const isEnough = Number(result<{ text: string }>(input).text) >= Number(given(input, 'price'));
      return { text: isEnough ? 'within the budget' : 'over the budget' };
    },
  ]);
  stage.script('mail agent:', [
    (input) =>
      call('email_draft', {
        to: [given(input, 'to')],
        subject: 'away',
        body: `I am at the conference: ${given(input, 'when')}`,
      }),
    (input) => ({ text: `draft ${result<{ subject: string }>(input).subject}` }),
  ]);
  stage.script('travel agent: book', [
    (input) => call('trip_book', { what: given(input, 'offer'), usd: Number(given(input, 'price')) }),
    { text: 'I wait for your word.' },
    (input) => ({ text: input.text.includes('"status":"done"') ? 'booked' : 'not booked' }),
  ]);
}

const datesOf = (input: ScriptInput) => {
  const [from = '', to = ''] = answerOf(input, 'research').match(/\d{4}-\d\d-\d\d/g) ?? [];
  return { from, to };
};

/** Until the plan waits for the user, or the answer is there. */
function attend() {
  engage();
  return stage.play(
    [
      spawn({
        label: 'research',
        task: brief('research agent:', { about: 'conference in Berlin' }),
        skills: ['web_search'],
      }),
      (input) =>
        spawn(
          {
            label: 'calendar',
            task: brief('calendar agent:', { title: 'conference in Berlin', ...datesOf(input) }),
            skills: ['calendar_list_events', 'calendar_create_event'],
          },
          {
            label: 'travel',
            task: brief('travel agent: look', { place: 'Berlin' }),
            skills: ['flights_search', 'hotels_search'],
          },
        ),
      (input) =>
        spawn(
          {
            label: 'finance',
            task: brief('finance agent:', {
              budget: given(input, 'budget'),
              price: fieldOf(answerOf(input, 'travel'), 'price'),
            }),
            skills: ['file_read'],
          },
          {
            label: 'mail',
            task: brief('mail agent:', { to: given(input, 'team'), when: answerOf(input, 'research') }),
            skills: ['email_draft'],
          },
        ),
      (input) =>
        answerOf(input, 'finance') === 'over the budget'
          ? { text: `${answerOf(input, 'travel')}: over the budget, so nothing was booked.` }
          : spawn({
              label: 'booking',
              task: brief('travel agent: book', {
                offer: fieldOf(answerOf(input, 'travel'), 'offer'),
                price: fieldOf(answerOf(input, 'travel'), 'price'),
              }),
              skills: ['trip_book'],
            }),
      (input) => ({
        text: `${answerOf(input, 'research')}; ${answerOf(input, 'calendar')}; ${answerOf(input, 'mail')}; ${answerOf(input, 'booking')}`,
      }),
    ],
    {
      text: brief('I need to attend a conference in Berlin next month', {
        budget: 'budget.txt',
        team: 'team@example.com',
      }),
      ...NEXT_MONTH,
    },
  );
}

test('five agents prepare a trip, and nothing is booked before the user has approved the plan [S1-05] [S1-09]', async () => {
  hit.content = 'The conference in Berlin is from 2027-04-06 to 2027-04-09 at the fair';
  workspaceOf(stage).put('budget.txt', '800');
  const request = await attend();
  await stage.world.until(request, ({ status }) => status === 'waiting_approval');
  const [approval] = await desk.pending(request);
  expect(approval).toMatchObject({
    skill: 'trip_book',
    effect: 'outward',
    preview: { text: 'morning flight and Hotel Spree for $750' },
  });
  expect(booking.orders).toEqual([]);
  await desk.decide(approval, { decision: 'approve' });
  const view = await stage.world.ended(request);
  expect(view.result?.text).toBe(`${hit.content}; blocked from 2027-04-06; draft away; booked`);
  expect(view.result?.outputs.map(({ title }) => title).toSorted()).toEqual([
    'Mail to team@example.com: away',
    'conference in Berlin',
    'morning flight and Hotel Spree',
  ]);
  expect(booking.orders).toEqual(['morning flight and Hotel Spree']);
  const team = await teamOf(stage, request);
  expect(Object.fromEntries(team.map(({ label, skills }) => [label, skills]))).toEqual({
    research: ['web_search'],
    calendar: ['calendar_create_event', 'calendar_list_events'],
    travel: ['flights_search', 'hotels_search'],
    finance: ['file_read'],
    mail: ['email_draft'],
    booking: ['trip_book'],
  });
  expect(memberOf(team, 'booking').outcome).toBe('completed');
});

test('a plan that is rejected books nothing, and other offers make another plan [S1-09]', async () => {
  hit.content = 'The conference in Berlin is from 2027-05-04 to 2027-05-07 at the fair';
  flights.set('Berlin', [
    { name: 'morning flight', usd: 450 },
    { name: 'night train', usd: 120 },
  ]);
  const request = await attend();
  await stage.world.until(request, ({ status }) => status === 'waiting_approval');
  const [approval] = await desk.pending(request);
  expect(approval?.preview.text).toBe('night train and Hotel Spree for $420');
  await desk.decide(approval, { decision: 'reject', reason: 'I go by car' });
  const view = await stage.world.ended(request);
  expect(view.result?.text).toBe(`${hit.content}; blocked from 2027-05-04; draft away; not booked`);
  expect(booking.orders).not.toContain('night train and Hotel Spree');
});

test('a trip that costs more than the budget is not even proposed', async () => {
  hit.content = 'The conference in Berlin is from 2027-06-01 to 2027-06-03 at the fair';
  workspaceOf(stage).put('budget.txt', '400');
  const view = await stage.world.ended(await attend());
  expect(view.result?.text).toContain('over the budget, so nothing was booked');
  expect(await desk.all(view.id)).toEqual([]);
});
