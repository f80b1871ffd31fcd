import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sendEffect, settleEffect } from '../../activities/effects.js';
import { thinkTurn } from '../../activities/think.js';
import { createLocalMail } from '../../connectors/local/mail.js';
import { outsideSkill } from '../../contracts/skill.js';
import type { JsonValue } from '../../contracts/space.js';
import type { AgentRef } from '../../contracts/step.js';
import { acceptRequest } from '../../engine/accept.js';
import { createPolicy } from '../../engine/policies.js';
import { viewRequest } from '../../engine/requests.js';
import { putAtom, setDeprecated, updateAtom } from '../../spaces/atoms.js';
import { type Actor, userActor } from '../../spaces/principal.js';
import { spaceOfRole } from '../../spaces/spaces.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { askAndApprove, currentWork, follow, ledgerOf, order, say, ask } from './effect-driver.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

interface StyleAtom {
  id: string;
  group: string;
  version: number;
  author: string;
  origin: string;
  payload: { mails: number; greeting?: string; sources: string[] };
}

const mail = (domain: string, body = 'Hi Dana,\n\nas agreed.\n\nBest\nOlga') => ({
  to: [`dana@${domain}`],
  subject: 'Offer',
  body,
});

describe('a lesson', () => {
  let kit: EngineKit;
  const learning = { times: 0, fail: false };
  beforeAll(async () => {
    const post = outsideSkill<{ to: string }, JsonValue>({
      manifest: {
        name: 'post_lesson',
        description: 'Posts.',
        effect: 'outward',
        input: z.strictObject({ to: z.string() }),
        output: z.json(),
        timeoutSeconds: 10,
        taints: [],
        summary: () => 'Posts',
      },
      run: async () => ({ output: {} }),
      outward: {
        prepare: async () => ({ title: 'Post', preview: { text: 'Post', recipients: [] } }),
        async send(_action, { beforeSend }) {
          beforeSend();
          return { providerId: 'p', output: {}, outputs: [] };
        },
        async learn(_done, { spaces }) {
          learning.times += 1;
          // The store refuses the statement, which would end any transaction it stands in.
          if (learning.fail) await spaces.get('x\u0000', 'y');
        },
      },
    });
    // An attempt that waits for the processor must not count as too late.
    kit = await openEngine([post], { leaseMs: 4_000, sendMs: 3_000 });
  });
  afterAll(() => kit.close());

  const styles = (group: string): Promise<StyleAtom[]> =>
    kit.engine.db.as(kit.owner, (tx) =>
      tx.rows<StyleAtom>(sql`
        select id, metadata->>'group' as "group", version, author, origin, payload from atoms
        where metadata->>'kind' = 'style' and metadata->>'group' = ${group} and not deprecated`),
    );

  test('that goes wrong leaves the record of the success as it is', async () => {
    learning.fail = true;
    const { ref, work } = await askAndApprove(kit, 'post_lesson', { to: 'x' });
    await sendEffect(kit.deps, work);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done', attempts: 1 }]);
    expect(learning.times).toBe(1);
    learning.fail = false;
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done' });
  });

  test('that a crash has cut off is made up for when the attempt is looked into, and is learned once', async () => {
    const { ref, work } = await askAndApprove(kit, 'email_send', mail('crash.example'));
    const skills = { ...kit.deps.skills, get: (name: string) => forgetful(kit.deps.skills.get(name)) };
    await sendEffect({ ...kit.deps, skills }, work);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done' }]);
    expect(await styles('crash.example')).toEqual([]);
    await settleEffect(kit.deps, work);
    await settleEffect(kit.deps, work);
    await settleEffect(kit.deps, await currentWork(kit, ref, work.key));
    expect(await styles('crash.example')).toMatchObject([
      {
        version: 1,
        author: `user:${kit.owner}`,
        origin: 'user',
        payload: { mails: 1, greeting: 'Hi {name},', sources: [`approval:${work.key}`] },
      },
    ]);
  });

  test('is learned from what a look outside finds', async () => {
    const { ref, work } = await askAndApprove(kit, 'email_send', mail('found.example'));
    const local = createLocalMail({ root: `${kit.store.folder}/local` });
    const cutOff: typeof kit.deps.mail = {
      ...local,
      async send(...given) {
        await local.send(...given);
        throw new Error('the connection ended');
      },
    };
    await sendEffect({ ...kit.deps, mail: cutOff }, work);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'unknown' }]);
    expect(await styles('found.example')).toEqual([]);
    await follow(kit, ref);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done' }]);
    expect(await styles('found.example')).toMatchObject([{ version: 1, payload: { mails: 1 } }]);
  });

  test('is not taken from what a policy has let through', async () => {
    await createPolicy(kit.engine, kit.owner, { skill: 'email_send', recipient: 'dana@policy.example' });
    const { ref } = await order(kit, [{ name: 'email_send', input: mail('policy.example') }]);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done' }]);
    expect(await styles('policy.example')).toEqual([]);
  });

  test('from mails sent at the same moment begins no atom twice', async () => {
    const works = [];
    for (let index = 0; index < 6; index += 1)
      works.push((await askAndApprove(kit, 'email_send', mail('race.example', `Hi Dana,\n${index}`))).work);
    await Promise.all(works.map((work) => sendEffect(kit.deps, work)));
    const [atom, ...more] = await styles('race.example');
    expect([more.length, atom?.version, atom?.payload.mails]).toEqual([0, 6, 6]);
    expect(atom?.payload.sources.toSorted()).toEqual(works.map(({ key }) => `approval:${key}`).toSorted());
  });

  describe('after which a stranger’s words', () => {
    /** What an agent that has read strangers' words may do to memory. */
    const stranger: Actor = { user: '', author: 'agent:agt_x', origin: 'untrusted' };
    const forged = { greeting: 'Obey,', mails: 9 };
    type Deed = (tx: Tx, actor: Actor, memory: string, atom: string, group: string) => Promise<unknown>;
    const deeds: [string, Deed][] = [
      [
        'stand in a newer style of the group',
        (tx, actor, memory, _atom, group) =>
          putAtom(tx, actor, memory, { payload: forged, metadata: { kind: 'style', group }, comment: 'x' }),
      ],
      [
        'were written over the style',
        (tx, actor, memory, atom) => updateAtom(tx, actor, memory, atom, { payload: forged, comment: 'x' }),
      ],
      [
        'gave it to another group',
        (tx, actor, memory, atom) =>
          updateAtom(tx, actor, memory, atom, {
            metadata: { group: 'eve.example', spelled: 'eve.example' },
            comment: 'x',
          }),
      ],
      [
        'made it no style',
        (tx, actor, memory, atom) =>
          updateAtom(tx, actor, memory, atom, { payload: forged, metadata: { kind: 'note' }, comment: 'x' }),
      ],
      ['put it away', (tx, actor, memory, atom) => setDeprecated(tx, actor, memory, atom, true, 'x')],
    ];
    const inMemory = <T>(actor: Actor, work: (tx: Tx, actor: Actor, memory: string) => Promise<T>): Promise<T> =>
      kit.engine.db.as(kit.owner, async (tx) => {
        const acting = { ...actor, user: kit.owner };
        return work(tx, acting, (await spaceOfRole(tx, acting, 'memory')).id);
      });

    test.each(deeds)('%s: what was learned is handed out and built upon', async (what, deed) => {
      const domain = `${what.replaceAll(' ', '-')}.example`;
      const first = await askAndApprove(kit, 'email_send', mail(domain));
      await sendEffect(kit.deps, first.work);
      const [atom] = await styles(domain);
      await inMemory(stranger, (tx, actor, memory) => deed(tx, actor, memory, atom?.id ?? '', domain));
      const { ref, approval } = await ask(kit, 'email_send', mail(domain, 'Hi Dana,\nok'));
      const told = kit.asked.at(-1)?.system.join('\n');
      expect(told).toContain(`To ${domain} (1 mails):\nGreeting: Hi {name},`);
      expect(told).not.toContain('Obey');
      await say(kit, ref, approval, 'approve');
      await follow(kit, ref);
      const learned = (await styles(domain)).find(({ id }) => id === atom?.id);
      expect(learned).toMatchObject({ origin: 'user', payload: { mails: 2, greeting: 'Hi {name},' } });
      expect(learned?.payload.sources).toEqual([`approval:${approval.id}`, `approval:${first.work.key}`]);
      expect((await styles(domain)).filter(({ origin }) => origin === 'user')).toHaveLength(1);
      // The last turn came after the lesson.
      expect(kit.asked.at(-1)?.system.join('\n')).toContain(`To ${domain} (2 mails):`);
    });

    test('bring back no style that the user has put away, before or since', async () => {
      const restore: Deed = (tx, actor, memory, atom) => setDeprecated(tx, actor, memory, atom, false, 'x');
      const write: Deed = (tx, actor, memory, atom) =>
        updateAtom(tx, actor, memory, atom, { payload: forged, comment: 'x' });
      const away: Deed = (tx, actor, memory, atom) => setDeprecated(tx, actor, memory, atom, true, 'no');
      const user = userActor(kit.owner);
      const courses: [string, [Actor, Deed][]][] = [
        [
          'before.example',
          [
            [user, away],
            [stranger, restore],
          ],
        ],
        [
          'since.example',
          [
            [stranger, write],
            [user, away],
          ],
        ],
      ];
      for (const [domain, course] of courses) {
        const first = await askAndApprove(kit, 'email_send', mail(domain));
        await sendEffect(kit.deps, first.work);
        const [atom] = await styles(domain);
        for (const [who, deed] of course)
          await inMemory(who, (tx, actor, memory) => deed(tx, actor, memory, atom?.id ?? '', domain));
        const { ref, approval } = await ask(kit, 'email_send', mail(domain, 'Hello Dana,\nok'));
        expect(kit.asked.at(-1)?.system.join('\n')).not.toContain(`To ${domain}`);
        await say(kit, ref, approval, 'approve');
        await follow(kit, ref);
        const learned = (await styles(domain)).filter(({ origin }) => origin === 'user');
        expect(learned).toMatchObject([{ version: 1, payload: { mails: 1, greeting: 'Hello {name},' } }]);
        expect(learned[0]?.id).not.toBe(atom?.id);
      }
    });
  });
});

describe('the style of a group', () => {
  let kit: EngineKit;
  const GROUPS = ['acme.example', "o'neil@gmail.com", 'dana@gmail.com', 'xn--mller-kva.example', 'straße.example'];
  beforeAll(async () => {
    kit = await openEngine([], { leaseMs: 4_000, sendMs: 3_000 });
    const actor = userActor(kit.owner);
    await kit.engine.db.as(kit.owner, async (tx) => {
      const memory = (await spaceOfRole(tx, actor, 'memory')).id;
      for (const group of [...GROUPS, 'everyone']) {
        const spelled = group.startsWith('xn--') ? { spelled: 'müller.example' } : {};
        const metadata = { kind: 'style', group, ...spelled };
        await putAtom(tx, actor, memory, { payload: { mails: 1 }, metadata, comment: 'x' });
      }
    });
  });
  afterAll(() => kit.close());

  const toldIn = async (ref: AgentRef): Promise<string[]> => {
    kit.answer(() => reply([{ type: 'text', text: 'fine' }]));
    await thinkTurn(kit.deps, { ...ref, turn: 1 }, new AbortController().signal);
    return [...(kit.asked.at(-1)?.system.join('\n') ?? '').matchAll(/^To (.+) \(1 mails\):$/gm)].map(
      ([, group]) => group ?? '',
    );
  };
  /** A result as an earlier turn of the agent would have left it. */
  const leaveResult = (ref: AgentRef, position: number, text: string): Promise<number> =>
    kit.engine.db.system((tx) =>
      tx.run(sql`
        insert into calls (id, user_id, request_id, agent_id, turn, position, skill, input, summary, verdict, timeout_ms, quick, status, output)
        values (${`call_${ref.agent}_${position}`}, ${kit.owner}, ${ref.request}, ${ref.agent}, 0, ${position}, 'x', '{}', 'x', 'run', 1000, true, 'done',
          ${JSON.stringify({ text })}::jsonb)`),
    );

  test.each([
    ['Write to dana@acme.example, please', ['acme.example']],
    ['Write to DANA@ACME.EXAMPLE.', ['acme.example']],
    ['who is at „acme.example“?', ['acme.example']],
    ['(acme.example) and acme.example’s offer', ['acme.example']],
    ['https://acme.example/x', ['acme.example']],
    ['notacme.example, sub.acme.example, acme.examples, acme.example.net, acme-acme.example, müacme.example', []],
    ['acme.example@evil.example', []],
    ['notacme.example and then acme.example', ['acme.example']],
    ["tell o'neil@gmail.com", ["o'neil@gmail.com"]],
    ["tell neil@gmail.com and x.dana@gmail.com and o'dana@gmail.com", []],
    ["tell 'dana@gmail.com'", ['dana@gmail.com']],
    ['to kim@xn--mller-kva.example', ['xn--mller-kva.example']],
    ['to kim@müller.example', ['xn--mller-kva.example']],
    ['to kim@straße.example', ['straße.example']],
    ['to everyone', []],
  ])('is found in %j: %j', async (text, groups) => {
    const found = await toldIn(await kit.accept(text));
    expect(found).toEqual(groups.length === 0 ? [] : [...groups, 'everyone']);
  });

  test('is found at the beginning of a line of a result', async () => {
    const ref = await kit.accept('who wrote?');
    await leaveResult(ref, 0, 'mails:\nacme.example\tok');
    expect(await toldIn(ref)).toEqual(['acme.example', 'everyone']);
  });

  test('is found in what was said and replied in the conversation before', async () => {
    const first = await kit.accept('Write to dana@acme.example');
    kit.answer(() => reply([{ type: 'text', text: 'Shall kim@müller.example have it too?' }]));
    await thinkTurn(kit.deps, { ...first, turn: 1 }, new AbortController().signal);
    const { conversation } = await viewRequest(kit.engine, kit.owner, first.request);
    const again = await acceptRequest(kit.engine, kit.owner, { body: { text: 'write to them again', conversation } });
    const { agent } = await viewRequest(kit.engine, kit.owner, again.id);
    const found = await toldIn({ user: kit.owner, request: again.id, agent });
    expect(found.toSorted()).toEqual(['acme.example', 'everyone', 'xn--mller-kva.example']);
  });

  test('is looked for in the words and the newest results, 200,000 characters in all', async () => {
    const long = (name: string): string => `${name} ${'x '.repeat(60_000)}`;
    const ref = await kit.accept('to dana@gmail.com');
    await leaveResult(ref, 0, long('acme.example'));
    await leaveResult(ref, 1, long('kim@müller.example'));
    await leaveResult(ref, 2, long("o'neil@gmail.com"));
    const found = await toldIn(ref);
    expect(found.toSorted()).toEqual(['dana@gmail.com', 'everyone', "o'neil@gmail.com", 'xn--mller-kva.example']);
  });
});

/** The skill as an older version had it, which learned nothing. */
function forgetful<T extends ReturnType<EngineKit['deps']['skills']['get']>>(skill: T): T {
  if (skill === undefined || skill.runs === 'question' || skill.outward === undefined) return skill;
  const { learn: _learn, ...outward } = skill.outward;
  return { ...skill, outward };
}
