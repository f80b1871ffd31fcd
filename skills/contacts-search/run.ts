import { transactionSkill } from '../../contracts/skill.js';
import type { Atom } from '../../contracts/space.js';
import { cutText } from '../../contracts/text.js';
import { withNote } from '../shared/note.js';
import { mainText, textField } from '../shared/payload-field.js';
import { type Contact, contactsSearchManifest } from './manifest.js';

const ROUTE = 'the contacts in Retinue; Google Contacts is not connected';
const MAX_CONTACTS = 20;
const FIELD_BYTES = 320;

/** Finds people in the user's own contacts space. */
export const contactsSearch = transactionSkill({
  manifest: contactsSearchManifest,
  searches: ({ query }) => [query],
  async run({ query }, { spaces }) {
    const contacts = await spaces.ofRole('contacts');
    const page = await spaces.search({ query, spaces: [contacts.id], limit: MAX_CONTACTS });
    return {
      output: {
        route: ROUTE,
        contacts: page.items.map((hit) => toContact(hit.atom)),
        ...withNote(page.cursor === undefined ? undefined : 'More contacts match; search with a fuller name.'),
      },
    };
  },
});

function toContact(atom: Atom): Contact {
  const email = textField(atom.payload, 'email');
  const role = textField(atom.payload, 'role');
  return {
    id: atom.id,
    name: cutText(mainText(atom.payload, 'name'), FIELD_BYTES),
    ...(email === undefined ? {} : { email: cutText(email, FIELD_BYTES) }),
    ...(role === undefined ? {} : { role: cutText(role, FIELD_BYTES) }),
  };
}
