/** Alphabets whose letters look like those of another; scripts that are written together with Latin letters are left out. */
const SCRIPTS: readonly RegExp[] = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
  /\p{Script=Georgian}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Lisu}/u,
];
const LONGEST_SHOWN = 40;

/** The different words that hold letters of more than one of these alphabets, such as a Cyrillic а in a Latin word. */
export function mixedScriptWords(text: string): string[] {
  const words = new Set(text.match(/[\p{L}\p{M}]+/gu));
  return [...words].filter(isMixed).map(shorten);
}

function isMixed(word: string): boolean {
  if (/^[\u0000-\u024F]*$/.test(word)) return false;
  return SCRIPTS.filter((script) => script.test(word)).length > 1;
}

function shorten(word: string): string {
  const characters = [...word];
  return characters.length > LONGEST_SHOWN ? `${characters.slice(0, LONGEST_SHOWN).join('')}…` : word;
}
