import { ProblemError } from '../../contracts/problem.js';
import { outsideSkill } from '../../contracts/skill.js';
import { differenceOfThread, probeFrozen, proposeMail, sendFrozen } from '../shared/mail-outward.js';
import { recipientsOf } from '../shared/mail-schema.js';
import { learnStyle } from '../shared/writing-style-lesson.js';
import { emailSendManifest } from './manifest.js';

/** Sends a mail that was approved, byte for byte. */
export const emailSend = outsideSkill({
  manifest: emailSendManifest,
  async run() {
    throw new ProblemError('forbidden', 'A mail is sent only after it was approved; this call was not.');
  },
  outward: {
    recipients: (input) => recipientsOf(input),
    prepare: proposeMail,
    difference: differenceOfThread,
    send: (action, context) => sendFrozen(action, action.input, context),
    probe: (action, context) => probeFrozen(action, action.input, context),
    learn: learnStyle,
  },
});
