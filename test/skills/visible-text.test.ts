import { describe, expect, it } from 'vitest';
import { visibleLine, visibleText } from '../../skills/shared/visible-text.js';

function shown(text: string): string {
  return visibleText(text).text;
}

describe('visible text', () => {
  it.each([
    'Hello, Jo!\n\tTwo lines\n',
    'Grüße an Zoë, naïve café',
    'Привет, это русский текст',
    '日本語のテキスト、DVDを見る Tシャツ',
    'مرحبا بالعالم שלום',
    'हिन्दी ไทย 한국어',
    'narrow\u202Fno-break\u00A0wide\u3000space',
    '❤️ 👍🏽 1️⃣ ☎︎ 葛\u{E0100}',
    'e\u0301 combined',
    '',
  ])('leaves %j as it is', (text) => {
    expect(visibleText(text)).toEqual({ text, warnings: [] });
  });

  it.each([
    ['\u202E', '⟦U+202E⟧'],
    ['\u2066', '⟦U+2066⟧'],
    ['\u200B', '⟦U+200B⟧'],
    ['\u200D', '⟦U+200D⟧'],
    ['\u2060', '⟦U+2060⟧'],
    ['\uFEFF', '⟦U+FEFF⟧'],
    ['\u00AD', '⟦U+00AD⟧'],
    ['\u061C', '⟦U+061C⟧'],
    ['\u034F', '⟦U+034F⟧'],
    ['\u115F', '⟦U+115F⟧'],
    ['\u1160', '⟦U+1160⟧'],
    ['\u3164', '⟦U+3164⟧'],
    ['\uFFA0', '⟦U+FFA0⟧'],
    ['\u2800', '⟦U+2800⟧'],
    ['\u2028', '⟦U+2028⟧'],
    ['\u0000', '⟦U+0000⟧'],
    ['\u001B', '⟦U+001B⟧'],
    ['\u0085', '⟦U+0085⟧'],
    ['\r', '⟦U+000D⟧'],
    ['\uD800', '⟦U+D800⟧'],
    ['\u{E0041}', '⟦U+E0041⟧'],
    ['\u{1D173}', '⟦U+1D173⟧'],
    ['\u{E0100}', '⟦U+E0100⟧'],
  ])('shows %j', (character, mark) => {
    const { text, warnings } = visibleText(`a${character}b`);
    expect(text).toBe(`a${mark}b`);
    expect(warnings).toEqual([expect.stringContaining(mark.slice(1, -1))]);
  });

  it('takes CRLF for the end of a line', () => {
    expect(visibleText('a\r\nb')).toEqual({ text: 'a\nb', warnings: [] });
  });

  it('names what it found, how often, and whether it turns the text', () => {
    const { warnings } = visibleText('a\u200B\u200Bb\u202Ec');
    expect(warnings).toEqual([
      'Contains hidden characters, shown as ⟦U+200B⟧ and the like: U+200B 2 times, U+202E (right-to-left override). ' +
        'Some of them change the direction of the text.',
    ]);
  });

  it('shows messages that hide in tags and in rows of selectors', () => {
    const tags = String.fromCodePoint(...Array.from(Buffer.from('pay'), (code) => code + 0xe0000));
    expect(shown(`Hi${tags}`)).toBe('Hi⟦U+E0070⟧⟦U+E0061⟧⟦U+E0079⟧');
    expect(shown('😀\uFE0F\uFE01\uFE02\u{E0101}')).toBe('😀\uFE0F⟦U+FE01⟧⟦U+FE02⟧⟦U+E0101⟧');
    expect(shown('\uFE0F')).toBe('⟦U+FE0F⟧');
    expect(shown(' \uFE0F')).toBe(' ⟦U+FE0F⟧');
  });

  it('names words of mixed alphabets, also where something hidden splits them', () => {
    const { text, warnings } = visibleText('Pay p\u0430ypal and g\u200B\u043Eogle; \u03BFffice');
    expect(text).toContain('p\u0430ypal');
    expect(warnings[1]).toBe(
      'Letters of different alphabets that look alike stand in one word: “p\u0430ypal”, “g\u043Eogle”, “\u03BFffice”.',
    );
  });

  it('names ten words and kinds at most', () => {
    const words = Array.from({ length: 14 }, (_, index) => `${'a'.repeat(index + 1)}\u0430`).join(' ');
    const kinds = Array.from({ length: 14 }, (_, index) => String.fromCodePoint(0xe0041 + index)).join('');
    const [hidden, mixed] = visibleText(`${words} ${kinds}`).warnings;
    expect(hidden).toMatch(/ and 4 other kinds\.$/);
    expect(mixed).toMatch(/ and 4 more\.$/);
    expect(visibleText(`a${'\u0430'.repeat(10_000)}`).warnings.join('').length).toBeLessThan(200);
  });

  it('takes a long text in its stride', { timeout: 30_000 }, () => {
    expect(shown('\u202Ea'.repeat(200_000))).toHaveLength(200_000 * 9);
  });

  it('fits on one line where asked to', () => {
    expect(visibleLine('a\r\nb\tc\u2028d')).toBe('a b c⟦U+2028⟧d');
  });
});
