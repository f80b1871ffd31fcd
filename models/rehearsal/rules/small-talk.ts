import { type Rule, say } from '../calls.js';
import { clockText, dayText } from '../time-text.js';
import { zoneOfCity } from '../zones.js';

const GREETING =
  /^(?:hi|hello|hey|hallo|good (?:morning|afternoon|evening)|guten (?:morgen|tag|abend)|moin|servus)(?:[\s,]+(?:there|retinue|everyone))?[\s!.,]*$/iu;
const THANKS =
  /^(?:(?:ok(?:ay)?|great|perfect|super|nice|cool)[\s,!.]+)?(?:thanks|thank you|thx|cheers|danke|vielen dank|danke schön)(?:\s+(?:a lot|so much|very much|again|for .{1,60}|für .{1,60}))?[\s!.]*$/iu;
const CLOCK =
  /^(?:(?:hey|hi|please|and|so)[\s,]+)?(?:can you tell me )?(?:what(?:'s| is)? (?:the )?(?:current )?(?:local )?time(?: is it)?(?: now| right now)?|what time do (?:they|we) have|wie spät ist es|wie viel uhr ist es)(?: (?:right )?now| gerade| jetzt)?(?: (?:in|at) (?<city>[^?!.]+?))?(?: (?:right )?now| gerade| jetzt)?\s*[?!.]*$/iu;
const DATE = /^what(?:'s| is)? (?:the date|today's date|day is it|day is today|the day)(?: today)?\s*\?*$/iu;

/** Greetings and thanks: one short sentence, nothing else. */
export const smallTalk: Rule = (text) => {
  if (THANKS.test(text)) return say('You are welcome.');
  return GREETING.test(text) ? say('Hello. Tell me what to note down, or ask what is stored.') : undefined;
};

/** The time here or in a city, from the moment the request names. */
export const worldClock: Rule = (text, setting) => {
  const asked = text.replace(/\u2019/g, "'").trim();
  const clock = CLOCK.exec(asked);
  if (!clock && !DATE.test(asked)) return undefined;
  if (!setting.now) return say('I do not know the present time.');
  const city = clock?.groups?.['city']?.replace(/^the /i, '').trim();
  const zone = city === undefined ? setting.timeZone : zoneOfCity(city);
  if (zone === undefined) return say(`I know no time zone by the name of “${city}”.`);
  const now = setting.now.withTimeZone(zone);
  return say(
    `It is ${clockText(now)} on ${dayText(now.toPlainDate())}${city === undefined ? '' : ` in ${city}`} (${zone}).`,
  );
};
