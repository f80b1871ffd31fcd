import { afterAll, beforeAll, expect, test } from 'vitest';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { wakeClock } from '../../store/outbox.js';
import { sql } from '../../store/sql.js';
import { viewReminder } from '../../engine/reminders/reminders.js';
import type { Reminder } from '../../contracts/reminder.js';
import { openStage, type Stage } from '../e2e/stage.js';
import { stringsIn, textOf } from '../stand-ins/anthropic-body.js';
import type { ScriptInput, ScriptTurn } from '../stand-ins/anthropic.js';

/** One entry of the coordinator bus, in the order in which they were written. */
interface BusEntry {
  id: string;
  author: string;
  text: string;
  type: string;
  to: string | null;
  references: { type: string; atom: string }[];
}

const HOUR_MS = 3_600_000;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

async function busEntries(): Promise<BusEntry[]> {
  const { engine } = stage.world.serving.installation;
  return engine.db.as(stage.world.owner, (tx) =>
    tx.rows<BusEntry>(sql`
      select a.id, a.author, a.payload->>'text' as text, a.metadata->>'type' as type, a.metadata->>'to' as "to",
        (select coalesce(json_agg(json_build_object('type', r.type, 'atom', r.target_id) order by r.position), '[]') from atom_references r where r.atom_id = a.id) as references
      from spaces s join space_events e on e.space_id = s.id join atoms a on a.id = e.atom_id
      where s.role = 'bus' and s.owner_id = ${stage.world.owner} order by e.seq`),
  );
}

async function delivered(id: string): Promise<Reminder & { request: string }> {
  const { engine } = stage.world.serving.installation;
  for (;;) {
    const reminder = await engine.db.as(stage.world.owner, (tx) => viewReminder(tx, stage.world.owner, id));
    if (reminder.request !== undefined) return { ...reminder, request: reminder.request };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Lets its time come now, and tells the clock to look. */
async function strike(id: string): Promise<void> {
  const { engine } = stage.world.serving.installation;
  await engine.db.as(stage.world.owner, async (tx) => {
    await tx.run(sql`update reminders set due_at = now(), next_at = now() where id = ${id}`);
    await wakeClock(tx, stage.world.owner, 'its time has come');
  });
}

/** A model that knows nothing but its input: what it says when it is reminded is put together from there. */
function aboutTheReport(input: ScriptInput): ScriptTurn {
  const words = textOf(input.body.messages.at(-1)?.content ?? '');
  if (!words.includes('[reminder ')) return setting();
  const task = words.split('\n').at(-1);
  const facts = words.split('\n').filter((line) => line.startsWith('Assistant: ') || line.startsWith('- “'));
  return { text: `Time to ${task}. ${facts.join(' ')}` };
}

function setting(): ScriptTurn {
  const dueAt = new Date(Date.now() + HOUR_MS).toISOString();
  return {
    calls: [{ name: 'set_reminder', input: { text: 'review the Q3 report', dueAt, context: 'Q3 report review' } }],
  };
}

test('“remind me tomorrow at 9am”: the seven steps, through the coordinator bus, with the context it was set in [S3-06] [S3-29]', async () => {
  const { world } = stage;
  const { db } = world.serving.installation.engine;
  const atom = await db.as(world.owner, async (tx) => {
    const spaces = spaceAccess(tx, userActor(world.owner));
    const space = await spaces.create({ name: 'Reports', description: 'What is being written.' });
    return spaces.put(space.id, { payload: { title: 'Q3 report', text: 'Revenue grew.' }, comment: 'begun' });
  });
  stage.script('Remind me', [aboutTheReport, { text: 'Done, I’ll remind you.' }]);
  stage.script('kitchen', [{ text: 'The oak worktop for the kitchen is ordered.' }]);
  stage.script('freight', [{ text: 'Jens has put the freight numbers into the Q3 report.' }]);
  const first = await world.ended(await world.send({ text: 'Where are the freight numbers of the Q3 report?' }));
  const { conversation } = first;
  await world.ended(await world.send({ text: 'And the kitchen worktop?', conversation }));

  const said = 'Remind me to review the Q3 report';
  const asked = await world.ended(await world.send({ text: said, conversation }));
  expect(asked).toMatchObject({ text: said, status: 'completed', result: { text: 'Done, I’ll remind you.' } });
  const [request, answer, ...rest] = await busEntries();
  expect(rest).toEqual([]);
  expect(request).toMatchObject({ author: `agent:${asked.agent}`, type: 'request', to: 'cron' });
  expect(request?.text).toMatch(/^Set reminder: .*: review the Q3 report; context: Q3 report review$/);
  expect(request?.references).toEqual([{ type: 'about', atom: atom.id }]);
  expect(answer).toMatchObject({ author: 'agent:cron', type: 'answer' });
  expect(answer?.references).toEqual([{ type: 'reply_to', atom: request?.id }]);

  await db.as(world.owner, (tx) => spaceAccess(tx, userActor(world.owner)).remove(atom.space));
  const { id } = await db.as(world.owner, (tx) => tx.one<{ id: string }>(sql`select id from reminders`));
  await strike(id);
  const due = await delivered(id);
  const fired = await world.ended(due.request);
  expect(fired).toMatchObject({ origin: 'reminder', conversation, status: 'completed' });
  expect(fired.result?.text).toContain('Time to review the Q3 report.');
  expect(fired.result?.text).toContain('Jens has put the freight numbers into the Q3 report.');
  expect(fired.result?.text).toContain('“Q3 report” was deleted.');
  expect(stringsIn(stage.model.calls.at(-1)?.body).join('\n')).not.toContain('worktop');
  const [, , handed, taken, ...more] = await busEntries();
  expect(more).toEqual([]);
  expect(handed).toMatchObject({ author: 'agent:cron', type: 'request', to: 'user' });
  expect(handed?.text).toMatch(/Reminder: review the Q3 report\nContext: Q3 report review$/);
  expect(taken).toMatchObject({ author: `agent:${fired.agent}`, type: 'answer' });
  expect(taken?.references).toEqual([{ type: 'reply_to', atom: handed?.id }]);
  stage.assertClean();
});
