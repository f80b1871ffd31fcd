import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewTrigger } from '../../contracts/trigger.js';
import { MOST_MAILS } from '../../engine/triggers/arrivals.js';
import { removeTrigger } from '../../engine/triggers/triggers.js';
import { openTriggers, type TriggerKit } from './trigger-kit.js';

let kit: TriggerKit;
beforeAll(async () => {
  kit = await openTriggers();
});
afterAll(() => kit.close());

const arriving = (spec: (NewTrigger & { kind: 'mail' })['spec'], cooldownSeconds = 0): NewTrigger => ({
  kind: 'mail',
  spec,
  instructions: 'Act when it matters.',
  cooldownSeconds,
});
const forget = (id: string) =>
  kit.engine.engine.db.as(kit.engine.owner, (tx) => removeTrigger(tx, kit.engine.owner, id));

describe('mail that comes in', () => {
  test('[S2-05] an urgent mail sets the agent to work once, one that is not does nothing, nor do those from before', async () => {
    await kit.mail('old', {
      from: 'boss@example.org',
      subject: 'URGENT: old',
      text: 'From before.',
      at: kit.start - 60_000,
    });
    const { id } = await kit.make(arriving({ words: 'urgent', everySeconds: 30 }));
    await kit.pass(0);
    await kit.mail('news', { from: 'news@example.org', subject: 'Weekly letter', text: 'Ten tips.' });
    await kit.pass(30);
    expect(await kit.fired(id)).toEqual([]);
    await kit.mail('new', {
      from: 'Bo <bo@example.org>',
      subject: 'Urgent: the server',
      text: 'It burns. Please call me.',
    });
    const looks = await kit.due(60);
    await kit.look([...looks, ...looks], 60);
    kit.restart();
    await kit.pass(90);
    const [fired, ...others] = await kit.fired(id);
    expect(others).toEqual([]);
    expect(fired).toMatchObject({ labels: ['private', 'untrusted'], text: 'Act when it matters.' });
    for (const part of ['A new mail', 'bo@example.org', 'Urgent: the server', 'It burns.', 'mail new'])
      expect(fired?.report).toContain(part);
    expect(fired?.report).not.toContain('From before');
    await forget(id);
  });

  test('is reported together where several came, and again only for those that came after', async () => {
    const { id } = await kit.make(arriving({ from: 'eve@example.org', subject: 'offer' }));
    await kit.pass(0);
    for (const name of ['offer-a', 'offer-b'])
      await kit.mail(name, { from: 'eve@example.org', subject: `Offer ${name}`, text: 'x'.repeat(5_000) });
    await kit.mail('offer-c', { from: 'dan@example.org', subject: 'Offer offer-c', text: 'Not hers.' });
    await kit.pass(60);
    await kit.mail('offer-d', { from: 'eve@example.org', subject: 'Offer offer-d', text: 'One more.', at: kit.start });
    await kit.pass(120);
    const reports = (await kit.fired(id)).map(({ report }) => report);
    expect(reports).toEqual([expect.stringContaining('2 new mails'), expect.stringContaining('offer-d')]);
    expect(reports[0]).not.toContain('offer-c');
    expect(reports[0]?.length).toBeLessThan(2_000);
    await forget(id);
  });

  test('within the cool-down waits, and is reported when that is over', async () => {
    const { id } = await kit.make(arriving({ from: 'kim@example.org' }, 600));
    await kit.pass(0);
    await kit.mail('kim-1', { from: 'kim@example.org', subject: 'One', text: '1' });
    await kit.pass(60);
    await kit.mail('kim-2', { from: 'kim@example.org', subject: 'Two', text: '2' });
    await kit.pass(120);
    expect(await kit.fired(id)).toHaveLength(1);
    await kit.pass(660);
    expect((await kit.fired(id)).map(({ report }) => report)).toEqual([
      expect.stringContaining('kim-1'),
      expect.stringContaining('kim-2'),
    ]);
    await forget(id);
  });

  test('from before that did not fit into the first look is not new when others go', async () => {
    const from = 'list@example.org';
    const hour = 3_600_000;
    const old = Array.from({ length: MOST_MAILS + 20 }, (_one, n) => n);
    for (const n of old)
      await kit.mail(`list-${n}`, { from, subject: `Old ${n}`, text: 'x', at: kit.start - hour - n * 60_000 });
    const { id } = await kit.make(arriving({ from }));
    await kit.pass(0);
    for (const n of old.slice(0, 10)) await kit.removeMail(`list-${n}`);
    await kit.pass(60);
    expect(await kit.fired(id)).toEqual([]);
    // Under way since before the trigger was made.
    await kit.mail('list-late', { from, subject: 'Late', text: 'x', at: kit.start - hour / 2 });
    await kit.mail('list-new', { from, subject: 'New', text: 'x' });
    await kit.pass(120);
    for (const n of old.slice(10, 30)) await kit.removeMail(`list-${n}`);
    await kit.pass(180);
    const reports = (await kit.fired(id)).map(({ report }) => report);
    expect(reports).toEqual([expect.stringMatching(/^2 new mails.*“New”.*“Late”/s)]);
    await forget(id);
  });

  test('is not lost when the mailbox cannot be read for a while', async () => {
    const { id } = await kit.make(arriving({ from: 'lee@example.org' }));
    await kit.pass(0);
    const { mail } = kit.deps();
    const search = mail.search;
    Object.assign(mail, { search: async () => Promise.reject(new Error('disk on fire')) });
    await kit.mail('lee-1', { from: 'lee@example.org', subject: 'Hello', text: 'Hi.' });
    await kit.pass(60);
    expect((await kit.view(id)).trouble).toContain('its log says why');
    Object.assign(mail, { search });
    await kit.pass(120);
    expect(await kit.fired(id)).toHaveLength(1);
    expect(await kit.view(id)).not.toHaveProperty('trouble');
    await forget(id);
  });
});
