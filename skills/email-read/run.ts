import { outsideSkill } from '../../contracts/skill.js';
import { cutText } from '../../contracts/text.js';
import { viewAddresses, viewSummary } from '../shared/mail-view.js';
import { firstItems, withNote } from '../shared/note.js';
import { emailReadManifest } from './manifest.js';

const MAX_CHARACTERS = 50_000;
const MAX_ADDRESSES = 50;
const MAX_ATTACHMENTS = 50;
const NAME_BYTES = 255;

/** Reads one mail. */
export const emailRead = outsideSkill({
  manifest: emailReadManifest,
  async run({ mail: id }, { mail, user, timeZone }) {
    const read = await mail.read(user.id, id);
    const { snippet: _inText, ...summary } = viewSummary(read, timeZone);
    const { items, note } = firstItems(read.attachments, MAX_ATTACHMENTS, 'the others are left out');
    const isCut = read.text.length > MAX_CHARACTERS;
    const cutNote = `Only the first ${MAX_CHARACTERS} of ${read.text.length} characters of the text are shown.`;
    return {
      output: {
        route: mail.route,
        ...summary,
        to: viewAddresses(read.to, MAX_ADDRESSES),
        cc: viewAddresses(read.cc, MAX_ADDRESSES),
        text: isCut ? read.text.slice(0, MAX_CHARACTERS).toWellFormed() : read.text,
        attachments: items.map(({ name, mediaType, size }) => ({ name: cutText(name, NAME_BYTES), mediaType, size })),
        ...withNote(isCut ? cutNote : undefined, note),
      },
    };
  },
});
