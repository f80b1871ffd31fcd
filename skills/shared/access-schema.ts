import { z } from 'zod';
import { PermissionSchema } from '../../contracts/space.js';
import { CleanTextSchema, IdSchema } from '../../contracts/text.js';

const NameSchema = CleanTextSchema.min(1).max(200);

/** Rights on spaces, by id. */
export const SpaceRightsSchema = z.record(IdSchema, PermissionSchema);

/** What an agent can be given, lose, or ask for. */
export const accessShape = {
  spaces: SpaceRightsSchema.optional().describe('Space ids with read, append, write or grant.'),
  skills: z.array(NameSchema).max(100).optional(),
  secrets: z.array(NameSchema).max(50).optional().describe('Names, or secret://NAME; used by skills, never shown.'),
  hosts: z.array(NameSchema).max(100).optional(),
};

/** Why, in one or two sentences. */
export const ReasonSchema = CleanTextSchema.min(1).max(2_000);
