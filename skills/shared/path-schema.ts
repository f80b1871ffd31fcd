import { CleanTextSchema } from '../../contracts/text.js';

/** A path inside the user's folder; what leads out of it is refused here and again where files are touched. */
export const WorkspacePathSchema = CleanTextSchema.min(1)
  .max(500)
  .refine((path) => !path.startsWith('/') && !path.includes('\\') && !path.split('/').includes('..'), {
    error: 'must be a relative path with / that stays inside the folder',
  });
