import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CleanTextSchema, InstantSchema, TimeZoneSchema } from '../../contracts/text.js';
import { getMe } from '../../engine/users.js';
import { LONGEST_TEXT, resolveTime } from '../../times/resolve-time.js';
import { callerOf } from '../plugins/auth.js';
import { compact } from '../compact.js';
import { answers, NoQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const QuestionedTimeSchema = z.strictObject({
  text: CleanTextSchema.min(1).max(LONGEST_TEXT).describe('As it was said, English or German.'),
  timeZone: TimeZoneSchema.optional().describe('Whose clock is meant; the caller’s own when omitted.'),
  now: InstantSchema.optional().describe('When it was said; this moment when omitted.'),
});

const PreviewSchema = z
  .object({
    dueAt: z.string().nullable().describe('The (first) time, RFC 3339 in UTC; null where the question comes first.'),
    timeZone: z.string().describe('The zone in which it was understood; a recurrence keeps its wall-clock time there.'),
    local: z.string().optional().describe('The wall-clock time there, also one that the clocks skip that day.'),
    text: z.string().optional().describe('What of the words is left to be reminded of.'),
    recurrence: z.string().optional().describe('RFC 5545 RRULE.'),
    question: z.string().optional().describe('What has to be asked before anything is set.'),
  })
  .meta({ id: 'ReminderPreview' });

/** How words about time are understood. */
export function reminderRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine } = deps;
  return async (app) => {
    app.post(
      '/v1/reminders/preview',
      {
        schema: {
          tags: ['reminders'],
          summary: 'When these words mean, or what has to be asked back; nothing is made',
          querystring: NoQuerySchema,
          body: QuestionedTimeSchema,
          response: answers({ 200: PreviewSchema }),
        },
      },
      async (request) => {
        const { text, now } = request.body;
        const timeZone = request.body.timeZone ?? (await getMe(engine, callerOf(request).id)).timeZone;
        const meant = resolveTime(text, { now: now === undefined ? Date.now() : Date.parse(now), timeZone });
        if (meant.kind === 'ask') return { dueAt: null, timeZone, question: meant.question };
        return compact({
          dueAt: new Date(meant.due).toISOString(),
          timeZone: meant.zone,
          local: meant.kind === 'at' ? meant.local : meant.start,
          text: meant.what,
          recurrence: meant.kind === 'recurring' ? meant.rrule : undefined,
        });
      },
    );
  };
}
