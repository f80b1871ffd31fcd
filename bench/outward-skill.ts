import { z } from 'zod';
import { outsideSkill, type Skill } from '../contracts/skill.js';
import type { Serving } from '../workers/serve.js';
import { clock } from './tools.js';

/** Tells of each sending at the moment the provider is called. */
export type Tell = (key: string, at: number) => void;

const NoteSchema = z.strictObject({ n: z.int() });

/** A skill that acts outside once approved, and takes no time for it. */
export function sendingSkill(tell: Tell): Skill {
  return outsideSkill({
    manifest: {
      name: 'bench_send',
      description: 'Sends nothing to nobody, for measuring.',
      effect: 'outward',
      input: NoteSchema,
      output: z.json(),
      timeoutSeconds: 10,
      taints: [],
      summary: () => 'measure',
    },
    run: async () => {
      throw new Error('this is sent only once it was approved');
    },
    outward: {
      recipients: () => ['dana@example.com'],
      prepare: async () => ({
        title: 'Note to dana@example.com',
        preview: { text: `To: dana@example.com\n\n${'Lunch at one? '.repeat(60)}`, recipients: ['dana@example.com'] },
      }),
      async send({ key }, { beforeSend }) {
        beforeSend();
        tell(key, clock());
        return { providerId: `note-${key}`, output: { sent: true }, outputs: [] };
      },
      probe: async () => 'absent',
    },
  });
}

/** Tells of the mails of this process too, at the moment the mail service is called. */
export function watchMail(serving: Serving, tell: Tell): void {
  const { mail } = serving.installation.activityDeps;
  const send = mail.send.bind(mail);
  const watched: typeof mail.send = (user, key, finished, beforeSend) => {
    tell(key, clock());
    return send(user, key, finished, beforeSend);
  };
  Object.assign(mail, { send: watched });
}
