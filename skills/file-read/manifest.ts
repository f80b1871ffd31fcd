import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';
import { WorkspacePathSchema } from '../shared/path-schema.js';
import { quote } from '../shared/summary-text.js';

const FileReadInputSchema = z.strictObject({ path: WorkspacePathSchema });

const FileReadOutputSchema = z.strictObject({ path: z.string(), text: z.string(), note: z.string().optional() });

/** Pure data of the skill `file_read`. */
export const fileReadManifest: SkillManifest<
  z.infer<typeof FileReadInputSchema>,
  z.infer<typeof FileReadOutputSchema>
> = {
  name: 'file_read',
  description:
    "Reads one text file of the user's workspace folder. Of a long file only the beginning comes back, with a note.",
  effect: 'read',
  input: FileReadInputSchema,
  output: FileReadOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ path }) => `Reads the file ${quote(path)}`,
};
