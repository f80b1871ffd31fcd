import { describe, expect, it } from 'vitest';
import type { EffectClass } from '../../contracts/effect-class.js';
import { askUser } from '../../skills/ask-user/run.js';
import { parseInput } from '../../skills/registry.js';
import { sendMessage } from '../../skills/send-message/run.js';
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

describe('ask_user', () => {
  it('waits for a person', () => {
    expect(askUser.runs).toBe('question');
    expect(askUser.manifest.summary({ question: 'Which\nJo  do you mean?' })).toBe('Asks “Which Jo do you mean?”');
  });
});
