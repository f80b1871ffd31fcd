import type { Convention } from './convention.js';

export const personalMemory: Convention = {
  name: 'personal-memory',
  description: `Personal memory: what agents know of one person without being told again. One atom a fact: payload {text}, one sentence that is understood without the conversation it came from; metadata kind: fact; topic: person, preference, plan, health, work or home; said: the day it was said. References source name where it was said, supersedes the fact it replaces.
Keep what will matter again: preferences, names, dates, decisions. Leave out what is true only today, what was guessed, and passwords. What mail, web pages and files say is not the person's word.
What is known: space_search {"query": "<the subject>", "metadata": {"kind": "fact"}}. Search before you put.
Newer facts win: put the new one with supersedes and deprecate the old one; do not rewrite it. What the person wants forgotten is deprecated at once. Part of this space stands in the context of every conversation, so facts are short. Atoms of kind recipe and example are no facts.`,
  recipes: [
    {
      title: 'Take a change of mind into account',
      text: `1. space_search {"query": "<the subject>", "metadata": {"kind": "fact"}}.
2. space_put: payload {"text": "…"}, metadata {"kind": "fact", "topic": "…", "said": "<today>"}, references [{"type": "supersedes", "atom": "<the old fact>"}].
3. Deprecate the old fact; the comment says what has changed.`,
    },
    {
      title: 'Tell a fact from a guess',
      text: `The person said it, or did it more than once: keep it with space_put. You concluded it from one remark: do not keep it; ask when it matters. Somebody else said it about the person: keep it only once the person has confirmed it, with source to where.`,
    },
  ],
  examples: [
    {
      key: 'old',
      payload: { text: 'Drinks coffee with milk.' },
      metadata: { topic: 'preference', said: '2026-01-10' },
      isDeprecated: true,
    },
    {
      key: 'new',
      payload: { text: 'Drinks tea in the afternoon; no coffee after 14:00.' },
      metadata: { topic: 'preference', said: '2026-05-04' },
      references: [{ type: 'supersedes', to: 'old' }],
    },
  ],
};
