import { outsideSkill } from '../../contracts/skill.js';
import type { WebPage } from '../../contracts/services.js';
import { withNote } from '../shared/note.js';
import { webFetchManifest } from './manifest.js';

/** Characters of one part. */
const PART = 30_000;

/** Reads a web page. */
export const webFetch = outsideSkill({
  manifest: webFetchManifest,
  destinations: ({ url }) => [url],
  async run({ url, offset = 0 }, { webReader, abortSignal }) {
    const page = await webReader.read(url, { abortSignal });
    const { redirectedTo } = page;
    const end = endOfPart(page.text, offset);
    const truncated = end < page.text.length;
    return {
      output: {
        url: page.url,
        title: page.title,
        text: page.text.slice(offset, end),
        truncated,
        ...(truncated ? { nextOffset: end } : {}),
        ...(redirectedTo === undefined ? {} : { redirectedTo }),
        ...withNote(noteOn(page, offset)),
      },
    };
  },
});

/** Never inside a character. */
function endOfPart(text: string, offset: number): number {
  const end = Math.min(text.length, offset + PART);
  const isInside = /[\uDC00-\uDFFF]/.test(text.charAt(end)) && /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return isInside ? end - 1 : end;
}

function noteOn({ text, redirectedTo }: WebPage, offset: number): string | undefined {
  if (redirectedTo !== undefined) return 'The page is at another host and was not read. Read it there with web_fetch.';
  if (text === '') return 'The page has no text; it may need a browser. Try another one.';
  if (offset >= text.length) return `The text ends before: it has ${text.length} characters now.`;
  return undefined;
}
