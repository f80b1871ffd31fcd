import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import {
  NewReminderSchema,
  type Reminder,
  REMINDER_STATUSES,
  ReminderPatchSchema,
  ReminderSchema,
} from '../../contracts/reminder.js';
import { CleanTextSchema, IdSchema, InstantSchema, TimeZoneSchema } from '../../contracts/text.js';
import type { Engine } from '../../engine/deps.js';
import { cancelReminder, changeReminder } from '../../engine/reminders/change-reminder.js';
import { makeReminder } from '../../engine/reminders/make-reminder.js';
import { listReminders, viewReminder } from '../../engine/reminders/reminders.js';
import type { Spoken, Unclear } from '../../engine/reminders/when.js';
import { getMe } from '../../engine/users.js';
import { LONGEST_TEXT, resolveTime } from '../../times/resolve-time.js';
import { callerOf } from '../plugins/auth.js';
import { compact } from '../compact.js';
import { answers, IdParamsSchema, listOf, NoBodySchema, NoQuerySchema, pageFields } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['reminders'];
const FilterSchema = z.strictObject({
  status: z.enum(REMINDER_STATUSES).optional(),
  conversation: IdSchema.optional(),
  ...pageFields,
});

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

/** Reminders of the caller, and how words about time are understood. */
export function reminderRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine } = deps;
  return async (app) => {
    app.get(
      '/v1/reminders',
      {
        schema: {
          tags: TAGS,
          summary: 'Reminders of mine, newest first',
          querystring: FilterSchema,
          response: answers({ 200: listOf(ReminderSchema) }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return engine.db.as(id, (tx) => listReminders(tx, id, request.query));
      },
    );

    app.post(
      '/v1/reminders',
      {
        schema: {
          tags: TAGS,
          summary:
            'Set a reminder; where the words leave a doubt, nothing is set and the problem is the question to ask',
          querystring: NoQuerySchema,
          body: NewReminderSchema,
          response: answers({ 201: ReminderSchema }),
        },
      },
      async (request, reply) => {
        const { id } = callerOf(request);
        const maker = {
          ...(await spokenBy(engine, id)),
          user: id,
          author: `user:${id}`,
          agent: 'default',
          labels: [],
          skills: null,
        };
        const made = await engine.db.as(id, (tx) => makeReminder(tx, maker, request.body));
        return reply.code(201).send(unlessAsked(made));
      },
    );

    app.get(
      '/v1/reminders/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'One reminder',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: ReminderSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return engine.db.as(id, (tx) => viewReminder(tx, id, request.params.id));
      },
    );

    app.patch(
      '/v1/reminders/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Snooze, change, pause or resume a reminder; a new time lets one that was delivered wait again',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: ReminderPatchSchema,
          response: answers({ 200: ReminderSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        const spoken = await spokenBy(engine, id);
        const { params, body } = request;
        return unlessAsked(await engine.db.as(id, (tx) => changeReminder(tx, id, params.id, body, spoken)));
      },
    );

    app.delete(
      '/v1/reminders/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Cancel a reminder: once answered it is not delivered any more, and stays to be read',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: ReminderSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return engine.db.as(id, (tx) => cancelReminder(tx, id, request.params.id));
      },
    );

    app.post(
      '/v1/reminders/preview',
      {
        schema: {
          tags: TAGS,
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

/** Words of this moment, on the caller's own clock unless they name another. */
async function spokenBy(engine: Engine, user: string): Promise<Spoken> {
  return { now: Date.now(), timeZone: (await getMe(engine, user)).timeZone };
}

/** Nothing is set while a question is open: whoever asks can only be told. */
function unlessAsked(made: Reminder | Unclear): Reminder {
  if (!('question' in made)) return made;
  const { question } = made;
  throw new ProblemError('invalid-body', question, { status: 422, errors: [{ path: 'when', message: question }] });
}
