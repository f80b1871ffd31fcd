import { outsideSkill } from '../../contracts/skill.js';
import type { MailQuery } from '../../contracts/services.js';
import { localTime, startOf } from '../shared/calendar-time.js';
import { viewSummary } from '../shared/mail-view.js';
import { withNote } from '../shared/note.js';
import { DEFAULT_MAILS, emailSearchManifest } from './manifest.js';

/** Finds received mails. */
export const emailSearch = outsideSkill({
  manifest: emailSearchManifest,
  async run({ words, from, subject, since, limit = DEFAULT_MAILS }, { mail, user, timeZone }) {
    const query: MailQuery = {
      ...(words === undefined ? {} : { words }),
      ...(from === undefined ? {} : { from }),
      ...(subject === undefined ? {} : { subject }),
      ...(since === undefined ? {} : { since: localTime(startOf(since, timeZone), timeZone) }),
      limit: limit + 1,
    };
    const found = await mail.search(user.id, query);
    const note = found.length > limit ? `More mails fit; only the newest ${limit} are shown.` : undefined;
    return {
      output: {
        route: mail.route,
        mails: found.slice(0, limit).map((summary) => viewSummary(summary, timeZone)),
        ...withNote(note),
      },
      // Nothing found is nobody's words.
      taints: found.length === 0 ? [] : ['untrusted'],
    };
  },
});
