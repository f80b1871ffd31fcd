import { transactionSkill } from '../../contracts/skill.js';
import { cutText } from '../../contracts/text.js';
import { withNote } from '../shared/note.js';
import { mainText } from '../shared/payload-field.js';
import { searchMemoryManifest } from './manifest.js';

const MAX_MEMORIES = 20;
const TEXT_BYTES = 2000;

/** Searches the user's personal memory. */
export const searchMemory = transactionSkill({
  manifest: searchMemoryManifest,
  searches: ({ query }) => [query],
  async run({ query }, { spaces }) {
    const memory = await spaces.ofRole('memory');
    const page = await spaces.search({ query, spaces: [memory.id], limit: MAX_MEMORIES });
    const texts = page.items.map(({ atom }) => ({ atom, text: mainText(atom.payload, 'text') }));
    const memories = texts.map(({ atom, text }) => ({
      id: atom.id,
      text: cutText(text, TEXT_BYTES),
      at: atom.updatedAt,
    }));
    const cut = memories.some((found, index) => found.text !== texts[index]?.text);
    return {
      output: {
        memories,
        ...withNote(
          page.cursor === undefined ? undefined : 'More memories match; search with other words.',
          cut ? `A long memory was cut; space_get with space ${memory.id} shows it whole.` : undefined,
        ),
      },
    };
  },
});
