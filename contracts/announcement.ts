import { z } from 'zod';

/** What the assistant has to say without having been asked just now: something came due, or was noticed. */
export const AnnouncementSchema = z
  .object({
    request: z.string(),
    conversation: z.string(),
    origin: z.enum(['reminder', 'trigger']),
    /** What it is about: the words of the reminder, or the instructions of the trigger. */
    about: z.string(),
    /** What the assistant says; its error where it failed. */
    text: z.string(),
    status: z.string(),
    /** From when on the user may be told: not within the quiet hours, other than what the user has set a time for. */
    at: z.string(),
  })
  .meta({ id: 'Announcement' });
export type Announcement = z.infer<typeof AnnouncementSchema>;
