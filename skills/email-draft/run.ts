import { z } from 'zod';
import { outsideSkill } from '../../contracts/skill.js';
import { describeMail } from '../shared/mail-outward.js';
import { mailTitle } from '../shared/mail-preview.js';
import { emailDraftManifest } from './manifest.js';

const UndoSchema = z.strictObject({ draft: z.string() });

/** Saves a draft under the id of the call, so that a repeated run leaves one draft. */
export const emailDraft = outsideSkill({
  manifest: emailDraftManifest,
  async run(input, context) {
    context.abortSignal.throwIfAborted();
    const { mail, user, callId, now } = context;
    const { content } = await describeMail(input, { ...context, key: callId, at: now });
    const { id } = await mail.saveDraft(user.id, callId, await mail.compose(content));
    return {
      output: { draft: id, to: input.to, subject: input.subject, route: mail.route },
      outputs: [{ kind: 'draft', title: mailTitle(input), ref: `effect:${callId}` }],
      undo: { draft: id },
    };
  },
  async undo(undo, { mail, user }) {
    await mail.removeDraft(user.id, UndoSchema.parse(undo).draft);
  },
});
