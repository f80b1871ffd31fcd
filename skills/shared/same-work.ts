/** Words that say nothing about what a piece of work is. */
const EMPTY_WORDS = new Set(
  (
    'a an and are as at be by can do does for from get has have he her his if in into is it its me my no not of on once or our ' +
    'out over she so that the their them then they this to up us was we will with you your ' +
    'am an auf aus bei bis das dass dem den der des die ein eine einem einen einer er es für im in ins ist mit nach nicht noch ' +
    'oder sich sie sind so über um und uns von vor war wir wird zu zum zur'
  ).split(' '),
);

function tellingWords(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return new Set(words.filter((word) => !EMPTY_WORDS.has(word)));
}

/** Whether two titles name the same piece of work: at least half of the telling words of the shorter one, and two of them. */
export function isSameWork(one: string, other: string): boolean {
  const [a, b] = [tellingWords(one), tellingWords(other)];
  const [few, many] = a.size <= b.size ? [a, b] : [b, a];
  return few.size <= 1 ? one.trim().toLowerCase() === other.trim().toLowerCase() : shares(few, many, 0.5);
}

/** Whether a text is about the work with this title: most of the title's telling words stand in it. */
export function isAboutWork(text: string, title: string): boolean {
  return shares(tellingWords(title), tellingWords(text), 0.6);
}

function shares(words: ReadonlySet<string>, others: ReadonlySet<string>, part: number): boolean {
  const shared = [...words].filter((word) => others.has(word)).length;
  return shared >= Math.min(2, words.size) && shared > 0 && shared >= part * words.size;
}
