import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { IdSchema } from '../../contracts/text.js';
import { type AtomView, AtomViewSchema } from '../shared/atom-view-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const SpaceGetInputSchema = z.strictObject({ space: IdSchema, atom: IdSchema });

/** Pure data of the skill `space_get`. */
export const spaceGetManifest: SkillManifest<z.infer<typeof SpaceGetInputSchema>, AtomView> = {
  name: 'space_get',
  description:
    'Reads one atom of a space with its payload, metadata, references and version. Only a very long payload is shortened (cut: true).',
  effect: 'read',
  input: SpaceGetInputSchema,
  output: AtomViewSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ space, atom }) => `Reads the atom ${atom} of the space ${space}`,
};
