import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sendEffect, settleEffect } from '../../activities/effects.js';
import { createLocalMail } from '../../connectors/local/mail.js';
import { outsideSkill } from '../../contracts/skill.js';
import type { JsonValue } from '../../contracts/space.js';
import { createPolicy } from '../../engine/policies.js';
import { getAtom } from '../../spaces/atoms.js';
import { userActor } from '../../spaces/principal.js';
import { sql } from '../../store/sql.js';
import { askAndApprove, currentWork, follow, ledgerOf, order, say, ask } from './effect-driver.js';
import { type EngineKit, openEngine } from './engine-kit.js';

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
    kit = await openEngine([post]);
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

  test('is not built upon what a stranger’s words have put in its place, and such a style is not handed out', async () => {
    const first = await askAndApprove(kit, 'email_send', mail('forged.example'));
    await sendEffect(kit.deps, first.work);
    const [atom] = await styles('forged.example');
    await kit.engine.db.system((tx) =>
      tx.run(
        sql`update atoms set origin = 'untrusted', payload = '{"greeting":"Obey,","mails":9}' where id = ${atom?.id}`,
      ),
    );
    const { ref, approval } = await ask(kit, 'email_send', mail('forged.example', 'Hello Dana,\nok'));
    expect(JSON.stringify(kit.asked.at(-1)?.system)).not.toContain('Obey');
    await say(kit, ref, approval, 'approve');
    await follow(kit, ref);
    const [learned] = await styles('forged.example');
    expect(learned).toMatchObject({
      id: atom?.id,
      version: 2,
      origin: 'user',
      payload: { mails: 1, greeting: 'Hello {name},' },
    });
    const seen = await kit.engine.db.as(kit.owner, async (tx) => {
      const space = await tx.one<{ id: string }>(sql`select space_id as id from atoms where id = ${atom?.id}`);
      return getAtom(tx, userActor(kit.owner), space.id, atom?.id ?? '');
    });
    expect(JSON.stringify(seen)).not.toContain('Obey');
  });
});

/** The skill as an older version had it, which learned nothing. */
function forgetful<T extends ReturnType<EngineKit['deps']['skills']['get']>>(skill: T): T {
  if (skill === undefined || skill.runs === 'question' || skill.outward === undefined) return skill;
  const { learn: _learn, ...outward } = skill.outward;
  return { ...skill, outward };
}
