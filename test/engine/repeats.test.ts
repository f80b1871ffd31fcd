import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { runSkillCall } from '../../activities/run-skill.js';
import { outsideSkill } from '../../contracts/skill.js';
import type { AgentRef } from '../../contracts/step.js';
import type { CallRow } from '../../engine/rows.js';
import { transcribeAudioManifest } from '../../skills/transcribe-audio/manifest.js';
import { sql } from '../../store/sql.js';
import { follow } from './effect-driver.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

const LookUpSchema = z.strictObject({ of: z.string(), options: z.json().optional() });
type LookUp = z.infer<typeof LookUpSchema>;

let kit: EngineKit;
/** What was really looked up, in order. */
const lookedUp: string[] = [];
const failing = new Set<string>();

const priced = (name: string, more: object = {}) =>
  outsideSkill<LookUp, unknown>({
    manifest: {
      name,
      description: 'Looks something up outside.',
      effect: 'read',
      input: LookUpSchema,
      output: z.json(),
      timeoutSeconds: 10,
      taints: [],
      priceUsd: '0.01',
      summary: ({ of }) => `Looks up ${of}`,
      ...more,
    },
    run: async ({ of }) => {
      lookedUp.push(of);
      if (failing.delete(of)) return { output: 7n as never };
      return {
        output: { of, answer: lookedUp.length },
        taints: ['untrusted'],
        outputs: [{ kind: 'page', title: of, ref: 'atom:x' }],
        undo: { of },
      };
    },
  });

beforeAll(async () => {
  kit = await openEngine([
    priced('look_up', { repeats: 'request' }),
    priced('look_up_anew'),
    priced('look_up_inside', { repeats: 'request', secrets: ['deploy-key'] }),
  ]);
});
afterAll(() => kit.close());

/** A request whose agent makes one of these calls a turn; its calls in order. */
async function asking(skill: string, inputs: readonly LookUp[]): Promise<{ ref: AgentRef; calls: CallRow[] }> {
  const ref = await kit.accept('go');
  let turns = 0;
  kit.answer(() => {
    const input = inputs[turns];
    turns += 1;
    if (input === undefined) return reply([{ type: 'text', text: 'Done.' }]);
    return reply([{ type: 'tool_use', id: `use_${turns}`, name: skill, input }] as never, 'tool_use');
  });
  await follow(kit, ref);
  return { ref, calls: await callsOf(ref) };
}

const callsOf = (ref: AgentRef): Promise<CallRow[]> =>
  kit.engine.db.as(ref.user, (tx) =>
    tx.rows<CallRow>(sql`select * from calls where request_id = ${ref.request} order by turn, position, id`),
  );
const billed = async (ref: AgentRef): Promise<number> => {
  const { times } = await kit.engine.db.as(ref.user, (tx) =>
    tx.one<{ times: number }>(
      sql`select count(*)::int as times from charges where request_id = ${ref.request} and kind = 'skill'`,
    ),
  );
  return times;
};
/** As often as this was looked up since the tests began. */
const timesOf = (of: string): number => lookedUp.filter((each) => each === of).length;

test('the same question within a request is asked outside once and paid once, however its fields stand', async () => {
  const { ref, calls } = await asking('look_up', [
    { of: 'rain', options: { near: 1, far: [2] } },
    { options: { far: [2], near: 1 }, of: 'rain' },
    { of: 'rain', options: { near: 1, far: [3] } },
  ]);
  const [first, again, other] = calls;
  expect(calls.map(({ status }) => status)).toEqual(['done', 'done', 'done']);
  expect(again?.output).toEqual(first?.output);
  expect(other?.output).not.toEqual(first?.output);
  expect([timesOf('rain'), await billed(ref)]).toEqual([2, 2]);
  expect([again?.outputs, again?.undo, first?.outputs.length]).toEqual([[], null, 1]);
});

test('another agent of the request is given the same answer, with the labels that it puts on its reader', async () => {
  const { ref, calls } = await asking('look_up', [{ of: 'snow' }]);
  const second = { ...ref, agent: `${ref.agent}_second` };
  const call = `${calls[0]?.id ?? ''}_second`;
  await kit.engine.db.system(async (tx) => {
    const copy = (table: 'agents' | 'calls', id: string, change: object) =>
      tx.run(sql`insert into ${sql.raw(table)}
        select (jsonb_populate_record(null::${sql.raw(table)}, to_jsonb(t) || ${JSON.stringify(change)}::jsonb)).* from ${sql.raw(table)} t where t.id = ${id}`);
    await copy('agents', ref.agent, { id: second.agent, labels: [], status: 'running', ended_at: null });
    const fresh = { output: null, undo: null, outputs: [], taints: [], attempts: 0, started_at: null, ended_at: null };
    await copy('calls', calls[0]?.id ?? '', { ...fresh, id: call, agent_id: second.agent, status: 'pending' });
    await tx.run(sql`update requests set ended_at = null, status = 'running' where id = ${ref.request}`);
  });
  await runSkillCall(kit.deps, { ...second, callId: call, mode: 'run', quick: false }, 1, new AbortController().signal);
  const made = (await callsOf(ref)).find(({ id }) => id === call);
  expect(made).toMatchObject({ status: 'done', agent_id: second.agent, output: calls[0]?.output });
  const { labels } = await kit.engine.db.as(ref.user, (tx) =>
    tx.one<{ labels: string[] }>(sql`select labels from agents where id = ${second.agent}`),
  );
  expect([labels, timesOf('snow'), await billed(ref)]).toEqual([['untrusted'], 1, 1]);
});

test('another request asks again, and so does a skill that does not say that its answers last', async () => {
  await asking('look_up', [{ of: 'wind' }]);
  await asking('look_up', [{ of: 'wind' }]);
  expect(timesOf('wind')).toBe(2);
  const { ref } = await asking('look_up_anew', [{ of: 'fog' }, { of: 'fog' }]);
  expect([timesOf('fog'), await billed(ref)]).toEqual([2, 2]);
});

test('nothing is taken from a call that failed, nor where a secret opens the answer', async () => {
  failing.add('hail');
  const { calls } = await asking('look_up', [{ of: 'hail' }, { of: 'hail' }]);
  expect(calls.at(-1)).toMatchObject({ status: 'done', output: { of: 'hail' } });
  expect(timesOf('hail')).toBe(2);
  await asking('look_up_inside', [{ of: 'safe' }, { of: 'safe' }]);
  await asking('look_up', [{ of: 'secret://deploy-key' }, { of: 'secret://deploy-key' }]);
  expect([timesOf('safe'), timesOf('secret://deploy-key')]).toEqual([2, 2]);
});

test('recordings are transcribed once a request', () => {
  expect(transcribeAudioManifest).toMatchObject({ repeats: 'request', effect: 'read' });
});
