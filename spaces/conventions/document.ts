import type { Convention } from './convention.js';

export const document: Convention = {
  name: 'document',
  description: `A document that several hands refine. One atom a section: payload {title, text}, text in Markdown; metadata section: its place, such as 2 or 2.5; status: draft, review (it wants another pair of eyes) or final; owner: who writes it now. Remarks are atoms of their own: payload {text}, metadata type: remark, status open or done, reference on to the section. References source name what a section is based on, after the section that must be read first.
Refine with space_update and ifVersion as read, so that nobody overwrites what somebody else just wrote; say in the comment what is better now. Older versions stay: see the history. Who has append only puts remarks.
What wants a reviewer: space_search {"metadata": {"status": "review", "kind": null}}.
Open remarks on a section come before new text. A section that is not needed any more is deprecated. Atoms of kind recipe and example are no part of the text.`,
  recipes: [
    {
      title: 'Refine a section without losing the work of others',
      text: `1. space_get the section; note its version.
2. space_search {"metadata": {"type": "remark", "status": "open"}, "references": {"on": {"section": <its number>}}} for what is asked of it.
3. space_update: payload {"title": "…", "text": "…"} in full, ifVersion: the version you noted. If it is refused, read the section again and put your change into what is there now.
4. space_update each remark you met: metadata {"status": "done"}.`,
    },
    {
      title: 'Read the document in order in a program',
      text: `A program sees this space as the object space:

const { items } = await space.search({ metadata: { status: { in: ['draft', 'review', 'final'] } }, limit: 50 });
const sections = items.map(({ atom }) => atom).sort((one, other) => one.metadata.section - other.metadata.section);
return sections.map(({ payload }) => '## ' + payload.title + '\\n\\n' + payload.text).join('\\n\\n');`,
    },
  ],
  examples: [
    {
      key: 'summary',
      payload: { title: 'Summary', text: 'We move the workshop to May, because the room is free then.' },
      metadata: { section: 1, status: 'final' },
    },
    {
      key: 'costs',
      payload: { title: 'Costs', text: 'The room costs 400 a day; food about 20 a person.' },
      metadata: { section: 2, status: 'review' },
      references: [{ type: 'after', to: 'summary' }],
    },
    {
      key: 'remark',
      payload: { text: 'Is the price of the room with or without tax?' },
      metadata: { type: 'remark', status: 'open' },
      references: [{ type: 'on', to: 'costs' }],
    },
  ],
};
