import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { MAX_ITEMS, TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const ContactsSearchInputSchema = z.strictObject({
  query: CleanTextSchema.min(1).max(500).describe('A name, an address or a role; any of the words may match.'),
});

const ContactSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  email: z.string().optional(),
  role: z.string().optional(),
});
export type Contact = z.infer<typeof ContactSchema>;

const ContactsSearchOutputSchema = z.strictObject({
  route: z.string(),
  contacts: z.array(ContactSchema).max(MAX_ITEMS),
  note: z.string().optional(),
});

/** Pure data of the skill `contacts_search`. */
export const contactsSearchManifest: SkillManifest<
  z.infer<typeof ContactsSearchInputSchema>,
  z.infer<typeof ContactsSearchOutputSchema>
> = {
  name: 'contacts_search',
  description:
    "Finds people in the user's contacts, best match first, with their e-mail address and role where known. " +
    'Never guess an address: if nobody fits or several people fit equally well, ask the user.',
  effect: 'read',
  input: ContactsSearchInputSchema,
  output: ContactsSearchOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ query }) => `Looks for ${quote(query)} in the contacts`,
};
