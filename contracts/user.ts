import { z } from 'zod';
import { CleanTextSchema, TimeZoneSchema } from './text.js';

const ClockSchema = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 22:00');
const QuietHoursSchema = z.strictObject({ from: ClockSchema, to: ClockSchema });
const ChannelSchema = z.strictObject({ kind: CleanTextSchema.min(1).max(50), id: CleanTextSchema.min(1).max(200) });

export const UserSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    timeZone: z.string(),
    quietHours: QuietHoursSchema.optional(),
    channels: z.array(ChannelSchema),
  })
  .meta({ id: 'User' });
export type User = z.infer<typeof UserSchema>;

export const NewUserSchema = z.strictObject({
  name: CleanTextSchema.min(1).max(200),
  timeZone: TimeZoneSchema.optional(),
  channels: z.array(ChannelSchema).max(20).optional(),
});
export type NewUser = z.infer<typeof NewUserSchema>;

export const UserPatchSchema = z.strictObject({
  name: CleanTextSchema.min(1).max(200).optional(),
  timeZone: TimeZoneSchema.optional(),
  quietHours: QuietHoursSchema.nullable().optional(),
  channels: z.array(ChannelSchema).max(20).optional(),
});
export type UserPatch = z.infer<typeof UserPatchSchema>;
