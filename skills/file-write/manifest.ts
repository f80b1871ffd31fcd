import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';
import { WorkspacePathSchema } from '../shared/path-schema.js';
import { quote } from '../shared/summary-text.js';

const FileWriteInputSchema = z.strictObject({
  path: WorkspacePathSchema,
  text: CleanTextSchema.max(500_000).describe('The whole new content of the file.'),
});

const FileWriteOutputSchema = z.strictObject({
  path: z.string(),
  bytes: z.int(),
  change: z.enum(['created', 'replaced', 'unchanged']),
});

/** Pure data of the skill `file_write`. */
export const fileWriteManifest: SkillManifest<
  z.infer<typeof FileWriteInputSchema>,
  z.infer<typeof FileWriteOutputSchema>
> = {
  name: 'file_write',
  description: "Writes one text file into the user's workspace folder, replacing what stood there. It can be undone.",
  effect: 'internal',
  input: FileWriteInputSchema,
  output: FileWriteOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ path }) => `Writes the file ${quote(path)}`,
};
