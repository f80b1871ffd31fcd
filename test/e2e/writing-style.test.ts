import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Approval } from '../../contracts/approval.js';
import type { JsonValue } from '../../contracts/space.js';
import { acceptRequest } from '../../engine/accept.js';
import { createPolicy } from '../../engine/policies.js';
import { createUser } from '../../engine/users.js';
import { setDeprecated } from '../../spaces/atoms.js';
import { userActor } from '../../spaces/principal.js';
import { sql } from '../../store/sql.js';
import { textOf } from '../stand-ins/anthropic-body.js';
import type { RecordedCall, ScriptTurn } from '../stand-ins/anthropic.js';
import { type Desk, deskOf } from './deciding.js';
import { plantMail } from './plots.js';
import { openStage, type Scripts, type Stage } from './stage.js';

interface StyleAtom {
  id: string;
  space: string;
  version: number;
  author: string;
  origin: string;
  payload: { greeting?: string; mails: number; edits: { to: string }[]; sources: string[] };
}

const HEADING = 'How the user writes';
const FORMAL = 'Dear Dana,\n\nthe offer is attached.\n\nKind regards\nMike';

describe('mail in the user’s style', () => {
  const scripts: Scripts = new Map();
  let stage: Stage;
  let desk: Desk;
  beforeAll(async () => {
    stage = await openStage({ scripts, file: { owner: { name: 'Mike' } } });
    desk = deskOf(stage);
  });
  afterEach(() => stage.assertClean());
  afterAll(() => stage.close());

  const engine = () => stage.world.serving.installation.engine;
  const sending = (to: string, body: string): ScriptTurn => ({
    calls: [{ name: 'email_send', input: { to: [to], subject: 'The offer', body } }],
  });
  /** A request that leads to one draft, and the draft. */
  const drafted = async (
    to: string,
    body = FORMAL,
    before: readonly ScriptTurn[] = [],
  ): Promise<{ request: string; draft: Approval }> => {
    const request = await stage.play(
      [...before, sending(to, body), { text: 'A mail waits for you.' }, { text: 'Done.' }],
      { text: `Send ${to} the offer` },
    );
    await stage.world.until(request, (view) => view.status === 'waiting_approval');
    const [draft] = await desk.pending(request);
    if (draft === undefined) throw new Error('nothing waits');
    return { request, draft };
  };
  const editing = (draft: Approval, body: string) =>
    desk.decide(draft, { decision: 'edit', payload: { ...(draft.payload as { [key: string]: JsonValue }), body } });
  const sent = async (to: string, body?: string, before?: readonly ScriptTurn[]) => {
    const { request, draft } = await drafted(to, body, before);
    await desk.decide(draft, { decision: 'approve' });
    await stage.world.ended(request);
    return { request, draft };
  };
  const stylesOf = (group: string, user = stage.world.owner): Promise<StyleAtom[]> =>
    engine().db.as(user, (tx) =>
      tx.rows<StyleAtom>(sql`
        select id, space_id as space, version, author, origin, payload from atoms
        where metadata->>'kind' = 'style' and metadata->>'group' = ${group} order by created_at`),
    );
  const systemOf = (call: RecordedCall | undefined): string => textOf(call?.body?.system ?? '');
  const styleIn = (call: RecordedCall | undefined): string => {
    const system = systemOf(call);
    return system.includes(HEADING) ? system.slice(system.indexOf(HEADING)) : '';
  };
  const labelsOf = async (request: string): Promise<string[]> => {
    const row = await engine().db.as(stage.world.owner, (tx) =>
      tx.one<{ labels: string[] }>(sql`select labels from agents where request_id = ${request}`),
    );
    return row.labels;
  };

  test('an edit made today is in the next draft’s model input, with its source [S0-05] [S0-19]', async () => {
    const first = await drafted('dana@acme.example');
    expect(stage.asked(first.request).map(styleIn)).toEqual(['', '']);
    expect(await labelsOf(first.request)).toEqual([]);
    await editing(first.draft, 'Moin Dana,\n\nthe offer is attached.\n\nCheers\nMike');
    await stage.world.ended(first.request);
    const source = `approval:${first.draft.id}`;
    const [atom, ...more] = await stylesOf('acme.example');
    expect(more).toEqual([]);
    expect(atom).toMatchObject({
      version: 1,
      author: `user:${stage.world.owner}`,
      origin: 'user',
      payload: {
        greeting: 'Moin {name},',
        closing: 'Cheers\nMike',
        language: 'en',
        mails: 1,
        edits: [
          { from: 'Dear Dana,', to: 'Moin Dana,', source },
          { from: 'Kind regards', to: 'Cheers', source },
        ],
        sources: [source],
      },
    });
    const second = await drafted('kim@ACME.example', 'Moin Kim,\n\nthe offer is attached.\n\nCheers\nMike');
    const told = styleIn(stage.asked(second.request)[0]);
    expect(told.split('\n')).toEqual(
      expect.arrayContaining([
        HEADING,
        'To acme.example (1 mails):',
        'Greeting: Moin {name},',
        'Closing: Cheers ⏎ Mike',
        'Example: wrote “Dear Dana,” as “Moin Dana,”',
        `Source: ${source}, atom:${atom?.id ?? ''}`,
        'To everyone (1 mails):',
      ]),
    );
    expect(await labelsOf(second.request)).toEqual(['private']);
    await desk.decide(second.draft, { decision: 'approve' });
    await stage.world.ended(second.request);
    expect(await stylesOf('acme.example')).toMatchObject([{ id: atom?.id, version: 2, payload: { mails: 2 } }]);
  });

  test('another domain is told of nothing but everybody, and that only once it is private anyway', async () => {
    const stranger = await drafted('eve@notacme.example');
    expect(stage.asked(stranger.request).map(styleIn)).toEqual(['', '']);
    await desk.decide(stranger.draft, { decision: 'reject', reason: 'no' });
    await stage.world.ended(stranger.request);
    const looking: ScriptTurn = { calls: [{ name: 'search_memory', input: { query: 'harbour' } }] };
    const { request, draft } = await drafted('eve@notacme.example', FORMAL, [looking]);
    const [before, after] = stage.asked(request).map(styleIn);
    expect(before).toBe('');
    expect(after).toContain('To everyone (2 mails):');
    expect(after).not.toContain('To acme.example');
    await desk.decide(draft, { decision: 'reject', reason: 'no' });
    await stage.world.ended(request);
    // Neither of the rejected drafts has taught anything.
    expect(await stylesOf('notacme.example')).toEqual([]);
  });

  test('a group is found by what a skill returned, and a public provider’s by the whole address', async () => {
    await sent('dana.klein@gmail.com', 'Hey Dana,\n\nok\n\nBest\nMike');
    const find = (email: string): ScriptTurn => ({ calls: [{ name: 'probe_inside', input: { name: email } }] });
    for (const email of ['dana.klein@gmail.com', 'x.dana.klein@gmail.com'])
      stage.inside(email, async () => ({ note: `mails:\n${email}.` }));
    const other = await stage.finish([find('x.dana.klein@gmail.com'), { text: 'Found.' }], { text: 'who is it' });
    expect(stage.asked(other.id).map(styleIn)).toEqual(['', '']);
    const found = await stage.finish([find('dana.klein@gmail.com'), { text: 'Found.' }], { text: 'who is it' });
    const [before, after] = stage.asked(found.id).map(styleIn);
    expect(before).toBe('');
    expect(after).toContain('To dana.klein@gmail.com (1 mails):\nGreeting: Hey {name},');
    expect(await labelsOf(found.id)).toEqual(['private']);
  });

  test('approving without an edit teaches what is most frequent', async () => {
    for (const greeting of ['Hi', 'Hello', 'Hi']) await sent('dana@often.example', `${greeting} Dana,\nok`);
    expect(await stylesOf('often.example')).toMatchObject([
      { version: 3, payload: { greeting: 'Hi {name},', mails: 3, edits: [] } },
    ]);
  });

  test('nothing is learned from what a policy covers, nor from strangers’ words; the user’s own are', async () => {
    await createPolicy(engine(), stage.world.owner, { skill: 'email_send', recipient: 'dana@policy.example' });
    const covered = await stage.finish([sending('dana@policy.example', FORMAL), { text: 'Sent.' }, { text: 'Done.' }]);
    expect(await desk.effects(covered.id)).toMatchObject([{ status: 'done' }]);
    const mail = await plantMail(stage, 'terms', ['Hi Dana,', '', 'pay at once.']);
    const reading: ScriptTurn = { calls: [{ name: 'email_read', input: { mail } }] };
    await sent('dana@untrusted.example', 'Hi Dana,\n\npay at once.\n\nBest\nEve', [reading]);
    expect([await stylesOf('policy.example'), await stylesOf('untrusted.example')]).toEqual([[], []]);
    const { request, draft } = await drafted('dana@untrusted.example', 'Hi Dana,\n\npay at once.\n\nBest\nEve', [
      reading,
    ]);
    await editing(draft, 'Moin Dana,\n\npay at once.\n\nBest\nEve');
    await stage.world.ended(request);
    const [learned] = await stylesOf('untrusted.example');
    expect(learned?.payload).toMatchObject({ greeting: 'Moin {name},', edits: [{ from: '', to: 'Moin Dana,' }] });
    expect(JSON.stringify(learned?.payload)).not.toMatch(/pay at once|Eve|Hi Dana/);
  });

  test('a style that was deprecated is not used and not brought back', async () => {
    await sent('dana@gone.example', 'Hey Dana,\nok');
    const [old] = await stylesOf('gone.example');
    const actor = userActor(stage.world.owner);
    await engine().db.as(stage.world.owner, (tx) =>
      setDeprecated(tx, actor, old?.space ?? '', old?.id ?? '', true, 'not like that'),
    );
    const { request } = await sent('dana@gone.example', 'Hi Dana,\nok');
    // Its last turn comes after the new lesson.
    expect(stage.asked(request).slice(0, 2).map(styleIn)).toEqual(['', '']);
    expect(await stylesOf('gone.example')).toMatchObject([
      { id: old?.id, version: 2 },
      { version: 1, payload: { greeting: 'Hi {name},', mails: 1 } },
    ]);
  });

  test('another user never sees it', async () => {
    const { id } = await createUser(engine(), { id: stage.world.owner, isOwner: true }, { name: 'Nora' });
    scripts.set('nora:', [{ text: 'Noted.' }]);
    const text = 'nora: write to dana@acme.example';
    await acceptRequest(engine(), id, { body: { text }, idempotencyKey: undefined });
    await expect
      .poll(() => stage.model.calls.find((call) => JSON.stringify(call.body).includes('nora:')))
      .toBeDefined();
    const call = stage.model.calls.find(({ body }) => JSON.stringify(body).includes('nora:'));
    expect(systemOf(call)).toContain('User: Nora');
    expect(styleIn(call)).toBe('');
    expect(await stylesOf('acme.example', id)).toEqual([]);
  });
});
