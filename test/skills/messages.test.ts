import { describe, expect, it } from 'vitest';
import type { EffectClass } from '../../contracts/effect-class.js';
import { askUser } from '../../skills/ask-user/run.js';
import { parseInput } from '../../skills/registry.js';
import { sendMessage } from '../../skills/send-message/run.js';
import { propose } from '../helpers/outward-call.js';
import { fakeContext, runSkill } from '../helpers/skill-context.js';

function classOf(target: string, conversationId?: string): EffectClass | undefined {
  const parsed = parseInput(sendMessage, { target, text: 'Hi' });
  if (sendMessage.runs === 'question' || !parsed.ok) throw new Error('unexpected');
  return sendMessage.classify?.(parsed.input, conversationId === undefined ? undefined : { conversationId });
}

describe('send_message', () => {
  it.each(['me', 'conversation', 'cnv_1'])('writes to %s into the own conversation', async (target) => {
    const context = fakeContext();
    const { output } = await runSkill(sendMessage, { target, text: 'Half done', files: ['fil_1'] }, context);
    expect(output).toEqual({ message: 'msg_1', route: 'this conversation' });
    expect(context.posted).toEqual([{ text: 'Half done', files: ['fil_1'] }]);
  });

  it.each(['Jo', 'jo@example.org', 'cnv_2', 'Me', ' me', 'telegram:1'])('never reaches %j', async (target) => {
    const context = fakeContext();
    await expect(runSkill(sendMessage, { target, text: 'Hi' }, context)).rejects.toMatchObject({ type: 'forbidden' });
    expect(context.posted).toEqual([]);
  });

  it('is internal only to the own conversation', () => {
    expect(classOf('me')).toBe('internal');
    expect(classOf('conversation')).toBe('internal');
    expect(classOf('cnv_1', 'cnv_1')).toBe('internal');
    expect(classOf('cnv_2', 'cnv_1')).toBe('outward');
    expect(classOf('cnv_1')).toBe('outward');
    expect(classOf('jo@example.org', 'cnv_1')).toBe('outward');
  });
});

describe('send_message to somebody else', () => {
  it('goes as a mail once approved', async () => {
    const context = fakeContext();
    const call = await propose(sendMessage, { target: 'Jo@Example.org', text: 'I am late' }, context);
    expect(call.recipients).toEqual(['jo@example.org']);
    expect(call.proposal).toMatchObject({
      title: 'Mail to Jo@example.org: Message from Mara Lindt',
      preview: {
        text: expect.stringMatching(/^From: .*\nTo: Jo@example\.org\n.*\n\nI am late$/),
        recipients: ['jo@example.org'],
      },
    });
    expect(context.mail.sent.size).toBe(0);
    expect(await call.probe()).toBe('absent');
    expect(await call.send()).toMatchObject({
      providerId: 'apr_1@retinue.local',
      output: { status: 'sent', route: 'written to the outbox in memory; Gmail is not connected' },
      outputs: [{ kind: 'mail', ref: 'effect:apr_1' }],
    });
    expect(context.mail.sent.get('apr_1')).toBe(call.proposal.frozen?.text);
    expect(await call.probe()).toMatchObject({ providerId: 'apr_1@retinue.local' });
    expect(context.posted).toEqual([]);
  });

  it.each(['Jo', 'telegram:1', 'cnv_2', 'Jo <jo@example.org>', 'j\u043E@example.org'])(
    'says what to do where no channel reaches %j',
    async (target) => {
      await expect(propose(sendMessage, { target, text: 'Hi' }, fakeContext())).rejects.toMatchObject({
        type: 'invalid-body',
        message: expect.stringContaining('Give an e-mail address; look it up with contacts_search.'),
      });
    },
  );

  it('sends no files', async () => {
    const raw = { target: 'jo@example.org', text: 'Hi', files: ['fil_1'] };
    await expect(propose(sendMessage, raw, fakeContext())).rejects.toThrow('files cannot be sent to other people yet');
  });

  it('makes one line of the name in the subject', async () => {
    const context = { ...fakeContext(), user: { id: 'usr_1', name: 'Mara\r\nBcc: x@y.org' } };
    const { proposal } = await propose(sendMessage, { target: 'jo@example.org', text: 'Hi' }, context);
    expect(proposal.preview.text).toContain('Subject: Message from Mara Bcc: x@y.org\n');
    expect(proposal.frozen?.text).not.toMatch(/^Bcc:/m);
  });
});

describe('ask_user', () => {
  it('waits for a person', () => {
    expect(askUser.runs).toBe('question');
    expect(askUser.manifest.summary({ question: 'Which\nJo  do you mean?' })).toBe('Asks “Which Jo do you mean?”');
  });
});
