import type { Convention } from './convention.js';

export const promptLibrary: Convention = {
  name: 'prompt-library',
  description: `Texts that agents are given: instructions for a kind of work, and descriptions for new spaces. One atom a text: payload {title, text}; metadata type: instructions or description; name: by which it is asked for; topic: the kind of work; status: draft, proven (it has worked) or retired. References based_on name the text it was made from, example what it led to.
Each text must work by itself: what to do, what matters most, which form the result has, when to ask. Placeholders are written {{name}} and listed at the end.
Texts for a kind of work: space_search {"query": "<the work>", "metadata": {"status": "proven", "kind": null}}.
Change a text for one occasion by putting a new one with based_on, for everybody with space_update; say in the comment what went wrong before. Only whoever the user trusts writes here: agents act by these texts. What came from outside is never put here unread. Atoms of kind recipe and example are no texts to use.`,
  recipes: [
    {
      title: 'Adapt a text to one occasion',
      text: `1. space_search with the query and metadata of the description; space_get the best one.
2. Change what the occasion needs and fill in the placeholders.
3. space_put: payload {"title": "…", "text": "…"}, metadata {"type": "instructions", "name": "<a name of its own>", "topic": "…", "status": "draft"}, references [{"type": "based_on", "atom": "<the text>"}].
4. Give it to an agent by that name. If it worked, space_update it to status proven.`,
    },
    {
      title: 'Teach a new convention',
      text: `No code is needed. Make a space (space_create) with the tag convention, the name of the convention in convention, and a description that says: what one atom is; the keys of its metadata and their values; the types of references; who writes what; the one search that finds what to do. Then every new space of the user that names the convention and has no description takes this one.`,
    },
  ],
  examples: [
    {
      key: 'research',
      payload: {
        title: 'Research with sources',
        text: 'Find out {{question}}. Give each finding with where it stands and how sure you are. Look for what speaks against it. Stop after ten sources and say what is still open. Placeholders: question.',
      },
      metadata: { type: 'instructions', topic: 'research', status: 'proven' },
    },
    {
      key: 'prices',
      payload: {
        title: 'Compare prices',
        text: 'Find out what {{thing}} costs at five sellers, delivery included. Give each price with where it stands and on which day. Placeholders: thing.',
      },
      metadata: { type: 'instructions', topic: 'research', status: 'draft' },
      references: [{ type: 'based_on', to: 'research' }],
    },
  ],
};
