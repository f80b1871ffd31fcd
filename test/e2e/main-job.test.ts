import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallRow } from '../../engine/rows.js';
import { sql } from '../../store/sql.js';
import { createWorld, type RequestView, type World } from '../helpers/world.js';

const SAID = { occurredAt: '2026-11-23T09:00:00Z', timeZone: 'Europe/Berlin' };

describe('the main job on the rehearsal model', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ file: { owner: { name: 'Mike' } } });
  });
  afterAll(() => world.close());

  const finish = async (text: string, more: object = {}): Promise<RequestView> =>
    world.ended(await world.send({ text, ...more }));
  const callsOf = (view: RequestView): Promise<CallRow[]> =>
    world.serving.installation.engine.db.as(world.owner, (tx) =>
      tx.rows<CallRow>(sql<CallRow>`select * from calls where request_id = ${view.id} order by turn, position`),
    );
  const calendar = (): string => {
    const file = path.join(world.home, 'local', world.owner, 'calendar.ics');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };

  test('a voice note becomes a filed meeting, tasks and an event without any approval, and the answer says so [S0-15]', async () => {
    const note =
      'Just had the call with Anna. Anna sends the contract by Friday, I check the firewall. Next call Thursday at two.';
    const view = await finish(note, SAID);
    expect(view).toMatchObject({ status: 'completed', waitingFor: [], cost: { totalUsd: '0' } });
    expect(view.cost.charges.map((charge) => charge.kind)).toEqual(['model', 'model', 'model', 'model']);
    const calls = (await callsOf(view)).map(({ skill, status, input }) => ({ skill, status, input }));
    expect(calls.every(({ status }) => status === 'done')).toBe(true);
    expect(calls.map(({ skill }) => skill)).toEqual(
      expect.arrayContaining(['contacts_search', 'tasks_list', 'space_search', 'calendar_list_events']),
    );
    const at = calls.findIndex(({ skill }) => skill === 'record_meeting');
    expect(calls.slice(at)).toMatchObject([
      {
        skill: 'record_meeting',
        input: {
          title: 'Call with Anna',
          attendees: ['Mike', 'Anna'],
          actionItems: [
            { text: 'Send the contract', owner: 'Anna', ownerStatus: 'explicit', due: '2026-11-27' },
            { text: 'Check the firewall', owner: 'Mike', ownerStatus: 'explicit', due: null },
          ],
          followUpMeeting: { start: '2026-11-26T14:00:00+01:00', end: null, timeZone: 'Europe/Berlin' },
        },
      },
      { skill: 'tasks_create', input: { title: 'Send the contract', owner: 'Anna', due: '2026-11-27' } },
      { skill: 'tasks_create', input: { title: 'Check the firewall', owner: 'Mike' } },
      {
        skill: 'calendar_create_event',
        input: { start: '2026-11-26T14:00:00+01:00', timeZone: 'Europe/Berlin', attendees: [] },
      },
    ]);
    expect(view.result?.outputs.map((output) => output.kind)).toEqual(['meeting', 'task', 'task', 'event']);
    for (const part of [
      'Send the contract (Anna, due Friday, 27 November 2026)',
      'Check the firewall (Mike',
      'Thursday, 26 November 2026, 14:00',
      'The meeting is filed',
      'Notion is not connected',
    ]) {
      expect(view.result?.text).toContain(part);
    }
    expect(calendar()).toContain('DTSTART:20261126T130000Z');
    expect(calendar().match(/BEGIN:VEVENT/g)).toHaveLength(1);
  });

  test('what one request noted is found by later ones, after its agent has ended [S3-17]', async () => {
    const first = await finish('Remember that the harbour gate code is blue-falcon.');
    expect(first.agents).toMatchObject([{ status: 'ended' }]);
    const asked = await finish('What do you know about the harbour gate code?');
    expect(asked.result?.text).toContain('the harbour gate code is blue-falcon');
    const board = await finish('What is on my task list?');
    expect(board.result?.text).toContain('Send the contract (Anna, due Friday, 27 November 2026)');
  });

  test('a recap that says there is no next meeting makes no event, and the answer says so [S0-08]', async () => {
    const before = calendar();
    const view = await finish(
      'Recap of the call with Anna: Ben sends the offer by Friday. There is no next meeting.',
      SAID,
    );
    expect(view.status).toBe('completed');
    const skills = (await callsOf(view)).map((call) => call.skill);
    expect(skills).toContain('tasks_create');
    expect(skills).not.toContain('calendar_create_event');
    expect(calendar()).toBe(before);
    expect(view.result?.outputs.map((output) => output.kind)).toEqual(['meeting', 'task']);
    expect(view.result?.text).toContain('No next meeting is fixed in it, so I made no event.');
  });

  test('a question about the time takes one call of the model, even on a small budget [S1-23]', async () => {
    const view = await finish('what time is it in Tokyo?', { occurredAt: '2026-11-23T09:00:00Z', budgetUsd: '0.01' });
    expect(view.result?.text).toContain('It is 18:00 on Monday, 23 November 2026 in Tokyo');
    expect(view.agents).toHaveLength(1);
    expect(view.cost.charges).toHaveLength(1);
    expect(await callsOf(view)).toEqual([]);
  });

  test('a quick call of one skill is made by the main agent itself [S4-14]', async () => {
    const view = await finish('What is on my task list?');
    expect(view.agents).toHaveLength(1);
    const calls = await callsOf(view);
    expect(calls.map((call) => call.skill)).toContain('tasks_list');
    expect(calls.every((call) => call.agent_id === view.agent && call.status === 'done')).toBe(true);
  });

  test('a thank-you takes one call of the model [S1-20, S4-40, S2-29]', async () => {
    const view = await finish('thanks');
    expect(view.status).toBe('completed');
    expect(view.agents).toHaveLength(1);
    expect(view.cost.charges.map((charge) => charge.kind)).toEqual(['model']);
    expect(view.cost.totalUsd).toBe('0');
  });
});
