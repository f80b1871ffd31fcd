import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Desk, deskOf } from './deciding.js';
import { openStage, type Stage } from './stage.js';

const LUNCH = {
  title: 'Lunch with Dana',
  start: '2026-12-01T12:00:00Z',
  end: '2026-12-01T13:00:00Z',
  timeZone: 'UTC',
  attendees: ['dana@example.com'],
};
const DERIVED = [LUNCH.title, LUNCH.start, LUNCH.end, ...LUNCH.attendees];

describe('a proposed event with other people', () => {
  let stage: Stage;
  let desk: Desk;
  beforeAll(async () => {
    stage = await openStage();
    desk = deskOf(stage);
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  async function proposed() {
    const request = await stage.play([
      { calls: [{ name: 'calendar_create_event', input: LUNCH }], derived: DERIVED },
      { text: 'The invitation waits for you.' },
      { text: 'All told.' },
    ]);
    const [approval] = await desk.waitFor(request, 1);
    return { request, approval };
  }

  test('is shown in full, rejected without a trace, changed and then entered as changed [S0-23]', async () => {
    const refused = await proposed();
    expect(refused.approval).toMatchObject({ payload: LUNCH, preview: { recipients: ['dana@example.com'] } });
    expect(refused.approval?.preview.text).toContain('Lunch with Dana');
    expect(refused.approval?.preview.when).toContain('1 December 2026');
    await desk.decide(refused.approval, { decision: 'reject', reason: 'Not this week.' });
    expect(await stage.world.ended(refused.request)).toMatchObject({ status: 'completed', result: { outputs: [] } });
    expect(desk.calendar()).not.toContain('Lunch');

    const kept = await proposed();
    const later = { start: '2026-12-01T13:00:00Z', end: '2026-12-01T14:00:00Z' };
    await desk.decide(kept.approval, { decision: 'edit', payload: { ...LUNCH, ...later, title: 'Late lunch' } });
    expect(await stage.world.ended(kept.request)).toMatchObject({
      status: 'completed',
      result: { outputs: [{ kind: 'event', title: 'Late lunch', ref: `effect:${kept.approval?.id}` }] },
    });
    expect(desk.calendar().match(/BEGIN:VEVENT/g)).toHaveLength(1);
    expect(desk.calendar()).toContain('SUMMARY:Late lunch');
    expect(desk.calendar()).toContain('DTSTART:20261201T130000Z');
  });
});
