import { NAME } from '../clauses.js';
import { isMeetingTalk } from '../meeting-words.js';
import type { Cast } from './cast.js';

const US = "(?:we|we all|all of us|the (?:two|three|four|five) of us|let's|let us|everyone|everybody)";
const FILL =
  '(?:(?:will|shall|are|have|all|both|then|also|now|just|therefore|next|so|going to|have to|to|agreed to|want to|plan to|decided to|said|now|once|already|be) )*';
const COME =
  '(?:meet|meeting|talk|talking|speak|speaking|see each other|seeing each other|see one another|reconvene|reconvening|regroup|regrouping|get together|getting together|sit down|sitting down|come back|come together|be back|back|catch up|catching up|pick (?:it|this|that|things) (?:back )?up|continue|continuing|convene|touch base|sync|syncing|gather|gathering|call|phone|check in|hold the next|go again|do this again)';
const GROUP = `(?:them|her|him|both|everyone|everybody|all of them|the (?:two|three|others|same|whole)|each other|one another|you)`;
const FIX =
  '(?:put in|put down|put|pencilled in|penciled in|booked|booked in|scheduled|settled on|set|set up|fixed|arranged|planned|agreed|agreed on|agreed to|agreed upon|picked|chose|landed on|confirmed|made|got|went for|blocked|reserved|marked|diarised)';
const HELD =
  '(?:call|meeting|appointment|sync|session|check-in|catch-up|follow-up|stand-?up|review|round|workshop|get-together|gathering|visit|rehearsal|slot|date|lesson|sitting|debrief|touchpoint|conversation|chat|one|time|talk|site visit|committee|board|huddle)';
const GERMAN_HELD =
  '(?:termin|treffen|sitzung|runde|besprechung|mal|telefonat|gespräch|probe|call|abstimmung|sprechstunde|zusammenkunft|begehung|ortstermin|baubesprechung|meeting|jour fixe|videocall|videokonferenz)';

/** What people say when they name their next meeting. */
const ANNOUNCED: readonly RegExp[] = [
  new RegExp(
    `(?<!(?:his|her|their|its|\\p{L}'s) )(?:next|follow-up|another|second) (?:\\p{Ll}+ )?${HELD}(?!\\p{L})`,
    'iu',
  ),
  /(?<!\p{L})(?:the|our|a) (?:follow-up|next one|next time)(?!\p{L})/iu,
  /(?<!\p{L})follow-up (?:is|will be|on|at|for|set|booked|:)/iu,
  new RegExp(
    `(?<!\\p{L})${US} ${FILL}${COME}(?! (?:the|to the|a|an|my|our|their|his|her|about it|with the) )(?!\\p{L})`,
    'iu',
  ),
  new RegExp(
    `(?<!\\p{L})(?:I|we) ${FILL}(?:(?:see|seeing|meet|meeting|call|calling|ring|visit|visiting|speak to|speak with|talk to|talking to|catch|join) )(?:${GROUP}|${NAME}(?:,? and ${NAME})*)(?: (?:all|both|two|three))?(?: (?:again|back|next)|(?= on | at | this | next | in ))`,
    'iu',
  ),
  new RegExp(`(?<!\\p{L})we ${FILL}${FIX} (?:[\\p{L}'-]+ ){0,6}?(?:${HELD}|in the diary)(?!\\p{L})`, 'iu'),
  new RegExp(`(?<!\\p{L})we ${FILL}${FIX}(?: on| for| it for| that for)? (?=\\p{L}|\\d)`, 'iu'),
  /^\W*(?:(?:and|so|then|now|first things first|for the|in the|my) )*(?:,? ?)(?:diary|calendar|date for the diary|diaries|save the date)(?: entry| note)?(?: please)? ?[:,–]/iu,
  /(?<!\p{L})(?:diary|diaries|calendar): /iu,
  /(?<!\p{L})same (?:time|place|people|round|group|crew)(?:,? same (?:time|place|people|round))? (?:next|again|on|this)(?!\p{L})/iu,
  /(?<!\p{L})(?:round|part|session|take) two(?: (?:is|on)|:)/iu,
  /(?<!\p{L})(?:wir|alle) (?:\p{Ll}+ )?(?:sehen|treffen|sprechen|hören|setzen|besprechen|verabreden|telefonieren|machen weiter|kommen|reden)(?: uns)?(?!\p{L})/iu,
  /(?<!\p{L})(?:sehen|treffen|sprechen|hören|setzen|telefonieren|reden|kommen|machen) wir(?: uns)?(?!\p{L})/iu,
  /(?<!\p{L})weiter ?geht(?:'s| es)|(?<!\p{L})geht(?:'s| es) weiter|weitergemacht wird/iu,
  new RegExp(
    `(?<!(?:seine?n?|ihre?n?|deren|dessen) )(?:nächste[rsnm]?|folge-?|weitere[rsn]?|zweite[rsn]?|neue[rsn]?) ?(?:\\p{Ll}+ )?${GERMAN_HELD}(?!\\p{L})`,
    'iu',
  ),
  /(?<!\p{L})(?:folgetermin|wiedersehen|fortsetzung)(?!\p{L})/iu,
  /(?<!\p{L})(?:verabredet|vereinbart|ausgemacht|abgemacht|festgelegt|eingetragen|geeinigt)(?: (?:haben|sind|ist) (?:wir|uns))? .*(?:für|auf|am|um)(?!\p{L})|(?<!\p{L})wir (?:haben|sind) (?:uns )?.*(?:verabredet|vereinbart|ausgemacht|geeinigt|festgelegt|eingetragen|gelegt)(?!\p{L})/iu,
];

/** Words that say that those who met will meet once more. */
const AGAIN =
  /(?<!\p{L})(?:again|back|next|reconvene\p{L}*|regroup\p{L}*|follow-up|another|continue|same time|diary|wieder|weiter|nochmal|erneut|nächste\p{L}*|folgetermin|fortsetzung)(?!\p{L})/iu;
const THEIRS =
  /^\W*(?:(?:and|but|so|und|aber|also|dann) )*(?:(?:[Tt]heir|[Hh]is|[Hh]er|[Dd]eren|[Dd]essen|[Ii]hre?n?|[Ss]eine?n?|(?!(?:Let|That|It|What|There|Here)'s)\p{Lu}[\p{L}-]+'s) |(?:he|she|they|er|it|He|She|They|Er|It|Sie) )/u;
const SUBJECT = new RegExp(
  `^\\W*(?:(?:and|but|so|und|aber|also|dann) )*(?<who>${NAME})(?:,? (?:and|und) ${NAME})* (?:has|have|is|are|meets?|will|hat|haben|ist|trifft|treffen|goes|wants|starts|geht|fährt|kommt)(?!\\p{L})`,
  'u',
);
const WITH_OTHERS =
  /(?<!\p{L})(?:with|mit) (?:the|their|his|her|a|an|some|dem|der|den|einem|einer|seinem|ihrem|deren) (?!(?:two|three|four|others|same|whole|team|group|rest|both|beiden|anderen|gleichen|selben)(?!\p{L}))/iu;
const PAST =
  /(?<!\p{L})(?:last (?:time|week|month|call|meeting)|yesterday|earlier this|we met|we had|we talked|we spoke|took place|did meet|letzte[nrs]?|gestern|hatten wir|wir hatten|trafen)(?!\p{L})/iu;

/** True when a piece of a note speaks of the next meeting of those who met, whether or not it says when. */
export function isAnnounced(part: string, cast: Cast): boolean {
  if (PAST.test(part) || isTheirs(part, cast)) return false;
  if (WITH_OTHERS.test(part) && !AGAIN.test(part)) return false;
  const talk = ANNOUNCED.some((pattern) => pattern.test(part)) || isMeetingTalk(part);
  return talk && !meetsStrangers(part, cast);
}

function isTheirs(part: string, cast: Cast): boolean {
  const who = SUBJECT.exec(part)?.groups?.['who'];
  return THEIRS.test(part) || (who !== undefined && cast.mentions(who).length > 0);
}

/** "We are meeting Castor on Monday": somebody who was not there, unless it says that it is once more. */
function meetsStrangers(part: string, cast: Cast): boolean {
  const who = new RegExp(`(?:meet|meeting|see|seeing|with|mit|treffen|visit) (?<who>${NAME})`, 'u').exec(part)
    ?.groups?.['who'];
  return who !== undefined && !AGAIN.test(part) && cast.mentions(who).length === 0 && !cast.isUser(who);
}
