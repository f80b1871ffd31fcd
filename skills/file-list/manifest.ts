import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { MAX_ITEMS, OUTSIDE_TIMEOUT_SECONDS } from '../shared/limits.js';
import { WorkspacePathSchema } from '../shared/path-schema.js';
import { quote } from '../shared/summary-text.js';

const FileListInputSchema = z.strictObject({
  folder: WorkspacePathSchema.optional().describe('A folder inside the workspace; omit for all of it.'),
});

const FileListOutputSchema = z.strictObject({
  files: z.array(z.strictObject({ path: z.string(), size: z.int(), modifiedAt: z.string() })).max(MAX_ITEMS),
  note: z.string().optional(),
});

/** Pure data of the skill `file_list`. */
export const fileListManifest: SkillManifest<
  z.infer<typeof FileListInputSchema>,
  z.infer<typeof FileListOutputSchema>
> = {
  name: 'file_list',
  description: "Lists the files in the user's workspace folder with path, size in bytes and time of the last change.",
  effect: 'read',
  input: FileListInputSchema,
  output: FileListOutputSchema,
  timeoutSeconds: OUTSIDE_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ folder }) => (folder === undefined ? 'Lists the workspace files' : `Lists the files in ${quote(folder)}`),
};
