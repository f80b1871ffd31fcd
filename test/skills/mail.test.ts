import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { emailDraft } from '../../skills/email-draft/run.js';
import { emailRead } from '../../skills/email-read/run.js';
import { emailSearch } from '../../skills/email-search/run.js';
import { emailSend } from '../../skills/email-send/run.js';
import { parseInput } from '../../skills/registry.js';
import { receivedMail } from '../helpers/fake-mail.js';
import { propose } from '../helpers/outward-call.js';
import { type FakeContext, fakeContext, runSkill, undoSkill } from '../helpers/skill-context.js';

const MAIL = { to: ['jo@example.org'], subject: 'Lunch', body: 'Hi Jo,\n\nat one?' };

/** A mailbox with one conversation of two mails. */
function withMails(): FakeContext {
  const context = fakeContext();
  context.mail.inbox.set('eml_1', receivedMail('eml_1', { messageId: 'm1@x' }));
  const second = { messageId: 'm2@x', references: ['m0@x', 'm1@x'], date: '2026-11-21T09:00:00.000Z' };
  context.mail.inbox.set('eml_2', receivedMail('eml_2', second));
  return context;
}

function refusal(input: unknown): string {
  const parsed = parseInput(emailSend, input);
  return parsed.ok ? 'not refused' : parsed.message;
}

function headersOf(mime: string): string[] {
  return mime
    .slice(0, mime.indexOf('\r\n\r\n'))
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
}

describe('the input of a mail', () => {
  it.each([
    [{ to: [] }, 'to: '],
    [{ to: ['Jo <jo@example.org>'] }, 'to.0: must be one plain address'],
    [{ to: ['jo@example.org\r\nBcc: evil@example.org'] }, 'to.0: must be one plain address'],
    [{ to: ['jo@example.org\u0000'] }, 'to.0: must be one plain address'],
    [{ to: ['jo@example.org, bo@example.org'] }, 'to.0: must be one plain address'],
    [{ to: ['jo@example'] }, 'to.0: must be one plain address'],
    [{ to: ['jo@@example.org'] }, 'to.0: must be one plain address'],
    [{ to: ['"jo"@example.org'] }, 'to.0: must be one plain address'],
    [{ to: ['jo@example.org '] }, 'to.0: must be one plain address'],
    [{ to: [`${'x'.repeat(320)}@example.org`] }, 'to.0: '],
    [{ to: ['j\u043E@example.org'] }, 'to.0: must be ASCII'],
    [{ to: ['jo@ex\u200Bample.org'] }, 'to.0: must be ASCII'],
    [{ to: ['jo@bücher.example'] }, 'to.0: must be ASCII'],
    [{ cc: ['JO@Example.ORG'] }, 'cc.0: jo@example.org is named twice'],
    [{ bcc: ['bo@x.org', 'bo@x.org'] }, 'bcc.1: bo@x.org is named twice'],
    [{ subject: 'a\r\nBcc: evil@example.org' }, 'subject: must be one line'],
    [{ subject: ' \u200B\u3000' }, 'subject: must not be blank'],
    [{ subject: 'x'.repeat(1001) }, 'subject: '],
    [{ body: 'x'.repeat(200_001) }, 'body: '],
    [{ body: 'a\u0000' }, 'body: '],
    [{ inReplyTo: 'a@b\r\nBcc: evil@example.org' }, 'inReplyTo: '],
    [{ from: 'boss@example.org' }, 'from: is not a known field'],
  ])('refuses %.80j', (changes, message) => {
    expect(refusal({ ...MAIL, ...changes })).toContain(message);
  });

  it('refuses more than 100 recipients, however they are spread', () => {
    const people = Array.from({ length: 10_000 }, (_, index) => `p${index}@example.org`);
    expect(refusal({ ...MAIL, to: people })).toMatch(/^to: /);
    const spread = { to: people.slice(0, 50), cc: people.slice(50, 100), bcc: people.slice(100, 101) };
    expect(refusal({ ...MAIL, ...spread })).toMatch(/^to: names 101 recipients/);
    expect(refusal({ ...MAIL, ...spread, bcc: [] })).toBe('not refused');
  });

  it('takes odd but plain addresses, and writes their domain in lower case', () => {
    const to = ["O'Neil+x_y@Mail.Example.ORG", 'jo@XN--bcher-kva.example', 'a.b-c@1.2.example'];
    expect(parseInput(emailSend, { ...MAIL, to })).toMatchObject({
      ok: true,
      input: { to: ["O'Neil+x_y@mail.example.org", 'jo@xn--bcher-kva.example', 'a.b-c@1.2.example'] },
    });
  });
});

describe('email_send', () => {
  it('shows the whole mail, then sends exactly those bytes', async () => {
    const context = fakeContext();
    const raw = { ...MAIL, to: ['Jo@Example.org', 'bo@example.org'], cc: ['cy@example.org'], bcc: ['di@example.org'] };
    const call = await propose(emailSend, raw, context);
    expect(call.recipients).toEqual(['jo@example.org', 'bo@example.org', 'cy@example.org', 'di@example.org']);
    expect(call.proposal).toEqual({
      title: 'Mail to Jo@example.org (+3 more): Lunch',
      preview: {
        text: [
          'From: Mara Lindt <mara@retinue.local>',
          'To: Jo@example.org, bo@example.org',
          'Cc: cy@example.org',
          'Bcc: di@example.org',
          'Subject: Lunch',
          '',
          'Hi Jo,\n\nat one?',
        ].join('\n'),
        recipients: call.recipients,
      },
      frozen: { mediaType: 'message/rfc822', text: expect.any(String) },
    });
    expect(context.mail.sent.size).toBe(0);
    expect(await call.probe()).toBe('absent');
    const sent = await call.send();
    expect(sent).toEqual({
      providerId: 'apr_1@retinue.local',
      output: {
        status: 'sent',
        messageId: 'apr_1@retinue.local',
        to: ['Jo@example.org', 'bo@example.org'],
        route: 'written to the outbox in memory; Gmail is not connected',
      },
      outputs: [{ kind: 'mail', title: call.proposal.title, ref: 'effect:apr_1' }],
    });
    expect(context.mail.sent.get('apr_1')).toBe(call.proposal.frozen?.text);
    expect(await call.probe()).toEqual(sent);
  });

  it('renders once: the same proposal has the same bytes, with the time and key of the proposal', async () => {
    const frozen = async (key?: string) =>
      (await propose(emailSend, MAIL, fakeContext(), key)).proposal.frozen?.text ?? '';
    const first = await frozen();
    expect(await frozen()).toBe(first);
    expect(await frozen('apr_2')).not.toBe(first);
    expect(headersOf(first)).toEqual(
      expect.arrayContaining([
        'Message-ID: <apr_1@retinue.local>',
        'Date: Mon, 23 Nov 2026 07:00:05 +0000',
        'X-Action-Id: apr_1',
      ]),
    );
    expect(first).toMatch(/^(?:[\t\u0020-\u007E]*\r\n)*$/);
  });

  it('says in the mail what it showed', async () => {
    const body = `Grüße\n..\nFrom here\n${'Lange Zeile '.repeat(500)}\n\u202Eabc`;
    const { proposal } = await propose(emailSend, { ...MAIL, subject: 'Über 100 €', body }, fakeContext());
    const read = await PostalMime.parse(proposal.frozen?.text ?? '');
    expect(read.text?.replace(/\n$/, '')).toBe(body);
    expect(read).toMatchObject({ subject: 'Über 100 €', from: { name: 'Mara Lindt', address: 'mara@retinue.local' } });
  });

  it('shows a body of 100 KB in full', async () => {
    const body = Array.from({ length: 2000 }, (_, line) => `Line ${line}: ${'words '.repeat(8)}`).join('\n');
    const { proposal } = await propose(emailSend, { ...MAIL, body }, fakeContext());
    expect(body.length).toBeGreaterThan(100_000);
    expect(proposal.preview.text.endsWith(`\n\n${body}`)).toBe(true);
  });

  it('shows what is hidden in subject, body and name, and warns first', async () => {
    const context = { ...fakeContext(), user: { id: 'usr_1', name: 'Mara\r\nBcc: x@y.org \u202E' } };
    const hidden = { ...MAIL, subject: 'Pay\u200Bment', body: 'to p\u0430ypal\u202E\u00AD now' };
    const { proposal } = await propose(emailSend, hidden, context);
    const lines = proposal.preview.text.split('\n');
    expect(lines[0]).toMatch(/^Warning: Contains hidden characters.*U\+202E/);
    expect(lines[1]).toBe('Warning: Letters of different alphabets that look alike stand in one word: “p\u0430ypal”.');
    expect(lines[2]).toBe('From: Mara Bcc: x@y.org ⟦U+202E⟧ <mara@retinue.local>');
    expect(proposal.preview.text).toContain('Subject: Pay⟦U+200B⟧ment');
    expect(proposal.preview.text).toContain('to p\u0430ypal⟦U+202E⟧⟦U+00AD⟧ now');
    expect(proposal.title).toBe('Mail to jo@example.org: Pay⟦U+200B⟧ment');
    expect(headersOf(proposal.frozen?.text ?? '').some((line) => /^bcc/i.test(line))).toBe(false);
  });

  it('sends nothing without approval', async () => {
    const context = fakeContext();
    await expect(runSkill(emailSend, MAIL, context)).rejects.toMatchObject({ type: 'forbidden' });
    const call = await propose(emailSend, MAIL, context);
    const late = (): void => {
      throw new Error('too late');
    };
    await expect(call.send(late)).rejects.toThrow('too late');
    expect(context.mail.sent.size).toBe(0);
  });
});

describe('a reply', () => {
  it.each(['eml_2', 'm2@x', '<m2@x>'])('to %s carries the references of the conversation', async (inReplyTo) => {
    const { proposal } = await propose(emailSend, { ...MAIL, inReplyTo }, withMails());
    expect(headersOf(proposal.frozen?.text ?? '')).toEqual(
      expect.arrayContaining(['In-Reply-To: <m2@x>', 'References: <m0@x> <m1@x> <m2@x>']),
    );
    expect(proposal.preview.text).toContain('\nIn reply to: “Lunch” from Jo Doe <jo@example.org>\n');
  });

  it('to a message that is not here names its id', async () => {
    const { proposal } = await propose(emailSend, { ...MAIL, inReplyTo: '<gone@x>' }, withMails());
    expect(headersOf(proposal.frozen?.text ?? '')).toEqual(
      expect.arrayContaining(['In-Reply-To: <gone@x>', 'References: <gone@x>']),
    );
    expect(proposal.preview.text).toContain('In reply to: <gone@x>, which is not among the mails here');
  });

  it('to nothing is refused', async () => {
    await expect(propose(emailSend, { ...MAIL, inReplyTo: 'eml_9' }, withMails())).rejects.toMatchObject({
      type: 'not-found',
    });
  });

  it('repeats no foreign id that could break a header, and keeps long conversations short', async () => {
    const context = fakeContext();
    const references = ['evil@x>\r\nBcc: x@y.org', ...Array.from({ length: 90 }, (_, index) => `r${index}@x`)];
    context.mail.inbox.set('eml_1', receivedMail('eml_1', { references, subject: 'a\nTo: all@x \u202E' }));
    const { proposal } = await propose(emailSend, { ...MAIL, inReplyTo: 'eml_1' }, context);
    const headers = headersOf(proposal.frozen?.text ?? '');
    expect(headers.some((line) => /evil|^bcc/i.test(line))).toBe(false);
    expect(headers.find((line) => line.startsWith('References:'))?.match(/</g)).toHaveLength(20);
    expect(proposal.preview.text).toContain('In reply to: “a To: all@x ⟦U+202E⟧”');
  });

  it('no longer fits when somebody has written meanwhile', async () => {
    const context = withMails();
    const call = await propose(emailSend, { ...MAIL, inReplyTo: 'eml_1' }, context);
    expect(await call.difference()).toBeUndefined();
    const news = {
      from: 'Bo <bo@x.org>',
      subject: 'No need any more',
      references: ['m1@x'],
      date: '2026-11-22T09:00:00.000Z',
    };
    context.mail.inbox.set('eml_3', receivedMail('eml_3', news));
    expect(await call.difference()).toBe(
      'Since this was proposed, a new mail has come into the conversation: “No need any more” from “Bo <bo@x.org>”.',
    );
    context.mail.inbox.set(
      'eml_4',
      receivedMail('eml_4', { ...news, subject: 'Really', date: '2026-11-22T10:00:00.000Z' }),
    );
    expect(await call.difference()).toMatch(/“Really” from “Bo <bo@x\.org>” and 1 more before it\.$/);
    const alone = await propose(emailSend, MAIL, context);
    expect(await alone.difference()).toBeUndefined();
  });
});

describe('email_draft', () => {
  it('saves one draft however often it runs, names the route, and is taken back', async () => {
    const context = withMails();
    const result = await runSkill(emailDraft, { ...MAIL, inReplyTo: 'eml_1' }, context);
    await runSkill(emailDraft, { ...MAIL, inReplyTo: 'eml_1' }, context);
    expect(result.output).toEqual({
      draft: 'call_1',
      to: ['jo@example.org'],
      subject: 'Lunch',
      route: 'the mail in memory; Gmail is not connected',
    });
    expect(result.outputs).toEqual([{ kind: 'draft', title: 'Mail to jo@example.org: Lunch', ref: 'effect:call_1' }]);
    expect([...context.mail.drafts.keys()]).toEqual(['call_1']);
    expect(headersOf(context.mail.drafts.get('call_1') ?? '')).toEqual(
      expect.arrayContaining(['In-Reply-To: <m1@x>', 'Date: Mon, 23 Nov 2026 07:00:00 +0000']),
    );
    await undoSkill(emailDraft, result, context);
    expect(context.mail.drafts.size).toBe(0);
    expect(context.mail.sent.size).toBe(0);
  });
});

describe('email_search', () => {
  it('answers with short entries in local time, newest first', async () => {
    const context = withMails();
    context.mail.inbox.set('old', receivedMail('old', { date: '2026-06-01T09:00:00.000Z', snippet: 'x'.repeat(5000) }));
    const { output } = await runSkill(emailSearch, { since: '2026-11-20' }, context);
    expect(output).toMatchObject({
      route: 'the mail in memory; Gmail is not connected',
      mails: [
        { id: 'eml_2', date: '2026-11-21T10:00:00+01:00', from: 'Jo Doe <jo@example.org>' },
        { id: 'eml_1', date: '2026-11-20T10:00:00+01:00' },
      ],
    });
    expect(output).not.toHaveProperty('note');
    const all = await runSkill(emailSearch, { limit: 2 }, context);
    expect(all.output).toMatchObject({ note: 'More mails fit; only the newest 2 are shown.' });
  });
});

describe('email_read', () => {
  it('reads one mail with everything, and says when the text goes on', async () => {
    const context = withMails();
    const attachments = [{ name: 'plan.pdf', mediaType: 'application/pdf', size: 3 }];
    const to = Array.from({ length: 60 }, (_, index) => `p${index}@x.org`);
    context.mail.inbox.set('long', receivedMail('long', { text: `${'é'.repeat(49_999)}😀 end`, attachments, to }));
    const { output } = await runSkill(emailRead, { mail: 'long' }, context);
    expect(output).toMatchObject({ id: 'long', attachments, text: expect.stringMatching(/^é{49999}.$/u) });
    expect(output).toHaveProperty('note', 'Only the first 50000 of 50005 characters of the text are shown.');
    expect(output).toMatchObject({ to: expect.arrayContaining(['and 10 more']) });
    await expect(runSkill(emailRead, { mail: 'none' }, context)).rejects.toMatchObject({ type: 'not-found' });
  });
});
