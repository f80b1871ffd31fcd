import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createWebReader } from '../../connectors/web/reader.js';
import type { Atom } from '../../contracts/space.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { type Desk, deskOf } from '../e2e/deciding.js';
import { openStage, resolvers, type Stage } from '../e2e/stage.js';
import type { ScriptInput } from '../stand-ins/anthropic-script.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';
import { always, answered, asking, call, coordinator, isFirst, news, readStrangers, spawn } from './asking.js';

let stage: Stage;
let desk: Desk;
let web: WebStandIn;
let reader: ReturnType<typeof createWebReader>;
let space: string;
let doc: string;

beforeAll(async () => {
  web = await startWebStandIn();
  reader = createWebReader({ allowedHosts: [web.host] });
  stage = await openStage({ moreSkills: [readStrangers] });
  desk = deskOf(stage);
  // The stand-in is reached as a page of the open web is.
  Object.assign(stage.world.serving.installation.activityDeps, { webReader: { ...reader, allows: () => false } });
  await asUser(async (tx) => {
    const spaces = spaceAccess(tx, userActor(stage.world.owner));
    space = (await spaces.create({ name: 'Contracts' })).id;
    doc = (await spaces.put(space, { payload: { text: 'The fee is 400.' }, comment: 'x' })).id;
  });
});
afterEach(() => stage.assertClean());
afterAll(async () => {
  await stage.close();
  await reader.close();
  await web.close();
});

function asUser<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  return stage.world.serving.installation.engine.db.as(stage.world.owner, work);
}

interface AgentRow {
  id: string;
  parent_id: string;
  label: string;
  labels: string[];
  dm_space: string;
  outcome: string | null;
}

function childrenOf(request: string): Promise<AgentRow[]> {
  return asUser((tx) =>
    tx.rows<AgentRow>(sql`
      select id, parent_id, label, labels, dm_space, outcome from agents where request_id = ${request} and parent_id is not null order by created_at, id`),
  );
}

/** What stands in the space that an agent shares with its coordinator, as its user sees it. */
async function dmOf(agent: AgentRow | undefined): Promise<string[]> {
  const found = await asUser((tx) =>
    spaceAccess(tx, userActor(stage.world.owner)).search({ spaces: [agent?.dm_space ?? ''], limit: 50 }),
  );
  const atoms = found.items.map(({ atom }): Atom => atom).toSorted((a, b) => a.createdAt.localeCompare(b.createdAt));
  return atoms.map(
    ({ author, metadata, payload }) =>
      `${author.split(':')[0]} ${String(metadata['kind'])}: ${(payload as { text: string }).text}`,
  );
}

describe('a coordinator', () => {
  test('grants what its agent needs: asked and answered in their space, used in the next step, by itself over [S3-12] [S3-44]', async () => {
    let read = '';
    stage.script(
      'read the contract',
      always(
        asking({ spaces: { [space]: 'read' }, skills: ['space_get'] }, (input) => {
          if (!answered(input, 'space_get')) return call('space_get', { space, atom: doc });
          read = input.toolResults[0]?.content ?? '';
          return { text: 'The fee is 400.' };
        }),
      ),
    );
    const answer = { grant: true, reason: 'The contract is what it is about.', minutes: 30 };
    const view = await stage.finish([spawn('read the contract'), ...always(coordinator(answer))]);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'Told: The fee is 400.' } });
    expect(JSON.stringify(read)).toContain('The fee is 400.');
    const [child] = await childrenOf(view.id);
    expect(await dmOf(child)).toEqual([
      expect.stringMatching(
        /^agent request: Access acc_\w+ is asked for: read on the space spc_\w+, the skill space_get\. Reason: The task names/,
      ) as string,
      expect.stringMatching(
        /^agent grant: Granted for 30 minutes by agent:agt_\w+: .* Reason: The contract is what it is about\.$/,
      ) as string,
    ]);
    expect(await desk.all(view.id)).toEqual([]);
    const grants = await asUser((tx) =>
      tx.rows<{ name: string; minutes: number; granted_by: string }>(sql`
        select name, round(extract(epoch from expires_at - created_at) / 60)::int as minutes, granted_by from agent_grants where agent_id = ${child?.id ?? ''} and kind = 'skill'
        union all select space_id, round(extract(epoch from expires_at - created_at) / 60)::int, granted_by from space_grants
        where principal = ${`agent:${child?.id ?? ''}`} and space_id = ${space}`),
    );
    const by = `agent:${child?.parent_id ?? ''}`;
    expect(grants).toEqual([
      { name: 'space_get', minutes: 30, granted_by: by },
      { name: space, minutes: 30, granted_by: by },
    ]);
  });

  test('grants a secret as a reference, never as its value [S3-13]', async () => {
    stage.script(
      'deploy it',
      always(asking({ secrets: ['secret://db-password'] }, (input) => ({ text: news(input) }))),
    );
    const view = await stage.finish([spawn('deploy it'), ...always(coordinator({ grant: true, reason: 'So be it.' }))]);
    expect(view.status).toBe('completed');
    const [child] = await childrenOf(view.id);
    const held = await asUser((tx) =>
      tx.rows(sql`select kind, name from agent_grants where agent_id = ${child?.id ?? ''} and kind = 'secret'`),
    );
    expect(held).toEqual([{ kind: 'secret', name: 'db-password' }]);
    expect((await dmOf(child)).join('\n')).toContain('the use of secret://db-password');
  });

  test('denies, and nothing is widened [S3-12]', async () => {
    let error = '';
    stage.script(
      'read the other contract',
      always(
        asking({ spaces: { [space]: 'read' }, skills: ['space_get'] }, (input) => {
          const [first] = input.toolResults;
          if (first?.name !== 'space_get') return { ...call('space_get', { space, atom: doc }), unknownTools: true };
          error = first.content;
          return { text: 'I may not.' };
        }),
      ),
    );
    const view = await stage.finish([
      spawn('read the other contract'),
      ...always(coordinator({ grant: false, reason: 'Not its business.' })),
    ]);
    expect(view).toMatchObject({ status: 'completed', result: { text: 'Told: I may not.' } });
    expect(error).toBe('There is no skill called space_get. You have: message_agent, request_access.');
    const [child] = await childrenOf(view.id);
    expect((await dmOf(child)).at(-1)).toMatch(
      /^agent denial: Denied by agent:agt_\w+: .* Reason: Not its business\.$/,
    );
    expect(
      await asUser((tx) =>
        tx.rows(sql`select 1 from agent_grants where agent_id = ${child?.id ?? ''} and kind <> 'model'`),
      ),
    ).toEqual([]);
  });

  test.each([
    ['approve', 'written', 'granted'],
    ['reject', 'I may not.', 'denied'],
  ] as const)('without the right itself leaves it to the person: %s [S2-20]', async (decision, said, told) => {
    const order = `write it down to ${decision}`;
    stage.script(
      order,
      always(
        asking({ skills: ['file_write'] }, (input) => {
          if (news(input).includes('[denied')) return { text: 'I may not.' };
          return answered(input, 'file_write')
            ? { text: 'written' }
            : call('file_write', { path: `${decision}.txt`, text: 'x' });
        }),
      ),
    );
    stage.script(`lead to ${decision}`, [
      spawn(order),
      ...always(coordinator({ grant: true, reason: 'It seems right.' })),
    ]);
    const request = await stage.play([
      spawn(`lead to ${decision}`, { label: 'leader', skills: ['spawn_agent', 'answer_access'] }),
      (input) => ({ text: (JSON.parse(input.toolResults[0]?.content ?? '{}') as { text: string }).text }),
    ]);
    const [approval] = await desk.waitFor(request, 1);
    expect(approval).toMatchObject({
      effect: 'access',
      skill: 'request_access',
      preview: { text: expect.stringContaining('does not have this itself (skills.0)') as string },
    });
    await stage.world.until(request, ({ status }) => status === 'waiting_approval');
    await desk.decide(approval, { decision });
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: `Told: ${said}` } });
    const helper = (await childrenOf(request)).find(({ label }) => label === 'helper');
    expect((await dmOf(helper)).at(-1)).toMatch(told === 'granted' ? /^user grant: Granted/ : /^user denial: Denied/);
  });

  test('that has it all still leaves it to the person where strangers’ words, private content and a way out would meet [S2-20]', async () => {
    stage.script(
      'answer the strangers',
      always((input) => {
        if (isFirst(input)) return call('read_strangers', {});
        if (answered(input, 'read_strangers'))
          return call('request_access', {
            skills: ['email_send'],
            spaces: { [space]: 'read' },
            reason: 'They want to know.',
          });
        return { text: news(input).includes('[denied') ? 'I may not.' : 'I wait for the answer.' };
      }),
    );
    const request = await stage.play([
      spawn('answer the strangers', { skills: ['read_strangers'] }),
      ...always(coordinator({ grant: true, reason: 'Why not.' })),
    ]);
    const [approval] = await desk.waitFor(request, 1);
    expect(approval).toMatchObject({
      effect: 'access',
      preview: { text: expect.stringContaining('has read words of strangers') as string },
    });
    const [child] = await childrenOf(request);
    const held = () =>
      asUser((tx) =>
        tx.rows(sql`select name from agent_grants where agent_id = ${child?.id ?? ''} and kind = 'skill'`),
      );
    expect(await held()).toEqual([{ name: 'read_strangers' }]);
    await desk.decide(approval, { decision: 'reject', reason: 'No.' });
    expect(await stage.world.ended(request)).toMatchObject({
      status: 'completed',
      result: { text: 'Told: I may not.' },
    });
    expect(await held()).toEqual([{ name: 'read_strangers' }]);
  });
});

describe('a right that ends', () => {
  test.each([
    [
      'by itself',
      (agent: string) =>
        asUser((tx) =>
          tx.run(sql`update agent_grants set expires_at = now() where agent_id = ${agent} and name = 'file_write'`),
        ),
    ],
    ['because it is taken back', undefined],
  ] as const)('%s is gone in the next step', async (how, end) => {
    const order = `write twice, ended ${how}`;
    const gate = resolvers();
    stage.outside(how, async ({ requestId }) => {
      const [child] = await childrenOf(requestId);
      await end?.(child?.id ?? '');
      if (end === undefined) await gate.promise;
      return null;
    });
    const write = call('file_write', { path: 'twice.txt', text: how });
    const errors: string[] = [];
    stage.script(order, [
      write,
      call('probe', { name: how }),
      { ...write, unknownTools: true },
      (input) => {
        errors.push(...input.toolResults.map(({ content }) => content));
        return { text: 'once' };
      },
    ]);
    const request = await stage.play([
      spawn(order, { skills: ['file_write', 'probe'] }),
      (input) => {
        if (end !== undefined) return { text: 'Told: once' };
        const [, agent] = /"agent":"(agt_\w+)"/.exec(input.toolResults[0]?.content ?? '') ?? [];
        return call('revoke_access', { agent, skills: ['file_write'], reason: 'Enough.' });
      },
      (input) => {
        gate.resolve();
        return coordinator({ grant: false, reason: '' })(input);
      },
      ...always(coordinator({ grant: false, reason: '' })),
    ]);
    await expect
      .poll(async () => (await stage.callsOf(request)).some(({ skill }) => skill === 'probe'), { timeout: 20_000 })
      .toBe(true);
    if (end === undefined) await stage.say(request, 'Take it back.');
    expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'Told: once' } });
    expect(errors).toEqual([expect.stringMatching(/^There is no skill called file_write\. You have: /) as string]);
  });
});

test('an agent that does not lead another one can neither grant it anything nor steer nor stop it [S3-44]', async () => {
  const ids = { agent: '', access: '' };
  stage.outside('look around', async ({ requestId }) => {
    await expect
      .poll(async () => {
        const [found] = await asUser((tx) =>
          tx.rows<{ agent: string; access: string }>(
            sql`select agent_id as agent, id as access from access_requests where request_id = ${requestId}`,
          ),
        );
        Object.assign(ids, found);
        return ids.access;
      })
      .not.toBe('');
    return null;
  });
  let refused: ScriptInput['toolResults'] = [];
  stage.script('wants more', always(asking({ skills: ['file_write'] }, () => ({ text: 'still wanting' }))));
  stage.script('meddles', [
    call('probe', { name: 'look around' }),
    () => ({
      calls: [
        { name: 'answer_access', input: { access: ids.access, grant: true, reason: 'Why not.' } },
        { name: 'revoke_access', input: { agent: ids.agent, skills: ['probe'], reason: 'Why not.' } },
        { name: 'steer_work', input: { agent: ids.agent, text: 'Do something else.' } },
        { name: 'cancel_work', input: { target: ids.agent, reason: 'Why not.' } },
      ],
    }),
    (input) => {
      refused = input.toolResults;
      return { text: 'I could not.' };
    },
  ]);
  const meddling = ['probe', 'answer_access', 'revoke_access', 'steer_work', 'cancel_work', 'file_write'];
  const request = await stage.play([
    {
      calls: [
        { name: 'spawn_agent', input: { task: 'wants more', label: 'victim', skills: ['probe'], wait: false } },
        { name: 'spawn_agent', input: { task: 'meddles', label: 'meddler', skills: meddling } },
      ],
    },
    ...always((input) =>
      refused.length === 0 ? { text: 'I wait.' } : coordinator({ grant: false, reason: 'No.' })(input),
    ),
  ]);
  await expect.poll(() => refused.length, { timeout: 20_000 }).toBe(4);
  expect(refused.map(({ name, isError }) => [name, isError])).toEqual([
    ['answer_access', true],
    ['revoke_access', true],
    ['steer_work', true],
    ['cancel_work', true],
  ]);
  const victim = (await childrenOf(request)).find(({ label }) => label === 'victim');
  expect(victim?.outcome).toBeNull();
  expect(
    await asUser((tx) =>
      tx.rows(sql`select name from agent_grants where agent_id = ${victim?.id ?? ''} and kind = 'skill'`),
    ),
  ).toEqual([{ name: 'probe' }]);
  expect(await asUser((tx) => tx.rows(sql`select 1 from agent_notes where agent_id = ${victim?.id ?? ''}`))).toEqual(
    [],
  );
  await stage.cancel(request);
});

test('whoever is told nothing private reads the web freely; whoever can see private things has to ask [S3-07] [S3-14]', async () => {
  const free = web.page('/owls', { body: '<title>Owls</title><p>They hunt at night.</p>' });
  const asked = web.page('/owls?for=olga', { body: '<title>Owls</title><p>They hunt at night.</p>' });
  const order = 'Find out what owls do at night.';
  const look = { from: '2027-09-01', to: '2027-09-01', durationMinutes: 30 };
  const request = await stage.play(
    [
      call('calendar_find_free', look),
      {
        calls: [
          { name: 'spawn_agent', input: { task: order, label: 'free', skills: ['web_fetch'] } },
          {
            name: 'spawn_agent',
            input: {
              task: 'look at owls and my calendar',
              label: 'seeing',
              skills: ['web_fetch', 'calendar_find_free'],
            },
          },
        ],
      },
      { text: 'Both are done.' },
    ],
    { text: order },
  );
  // After the words of the user, which are the same.
  stage.script(order, [call('web_fetch', { url: free }), { text: 'They hunt.' }]);
  stage.script('look at owls and my calendar', [
    call('calendar_find_free', look),
    call('web_fetch', { url: asked }),
    { text: 'It waits.' },
    { text: 'They hunt.' },
  ]);
  const [approval] = await desk.waitFor(request, 1);
  expect(approval).toMatchObject({ effect: 'egress', skill: 'web_fetch', payload: { url: asked } });
  await expect
    .poll(async () => (await childrenOf(request)).map(({ label, outcome }) => [label, outcome]).toSorted(), {
      timeout: 20_000,
    })
    .toEqual([
      ['free', 'completed'],
      ['seeing', null],
    ]);
  const agents = await childrenOf(request);
  expect(agents.find(({ label }) => label === 'free')?.labels).toEqual(['untrusted']);
  expect(agents.find(({ label }) => label === 'seeing')?.labels).toContain('private');
  expect(web.requests.map(({ path }) => path)).toEqual(['/owls']);
  await desk.decide(approval, { decision: 'approve' });
  expect(await stage.world.ended(request)).toMatchObject({ status: 'completed', result: { text: 'Both are done.' } });
  web.assertClean();
});
