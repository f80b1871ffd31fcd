import type { Convention } from './convention.js';

export const knowledgeBase: Convention = {
  name: 'knowledge-base',
  description: `A knowledge base: facts with the evidence for them. One atom a fact: payload {title, text}; metadata topic; confidence: 0 to 1; status: open (to be checked), settled or disputed; asOf: the day it was true, such as 2026-11-21. References supports and contradicts name the facts it speaks for or against, source where it comes from, supersedes the fact it replaces.
Search before you put: a fact that is there is updated or supported, not put twice. Whoever may append adds facts and evidence; only a curator, who has write, settles and merges. Never lower or raise a confidence without evidence, and say in the comment which.
What wants checking: space_search {"metadata": {"status": "open", "kind": null}}.
A fact that contradicts a settled one is put with contradicts, and both become disputed; nobody deletes the other. What is replaced is deprecated. Atoms of kind recipe and example are no facts.`,
  recipes: [
    {
      title: 'Add a finding',
      text: `1. space_search {"query": "<the finding>"}. If it is there already, put your evidence as an atom with supports to it instead.
2. space_put: payload {"title": "…", "text": "…"}, metadata {"topic": "…", "confidence": 0.7, "status": "open", "asOf": "<today>"}, references [{"type": "source", "atom": "<where it stands>"}].
3. If it speaks against a fact, add {"type": "contradicts", "atom": "<the fact>"} and space_update both to status disputed.`,
    },
    {
      title: 'Settle a dispute',
      text: `space_search {"metadata": {"status": "disputed"}}; read both facts, what supports each and the days they are of. Put one fact that says what holds now, with supersedes to both and status settled, or space_update the one that was right to settled and deprecate the other. Name the evidence in the comment.`,
    },
    {
      title: 'Find what rests on a fact in a program',
      text: `A program sees this space as the object space:

const { items } = await space.search({ metadata: { topic: 'boiler' } });
return items.filter(({ atom }) => atom.references.some(({ type }) => type === 'supports')).map(({ atom }) => atom.payload.title);`,
    },
  ],
  examples: [
    {
      key: 'age',
      payload: { title: 'The boiler is of 2009', text: 'The plate on the boiler says 2009.' },
      metadata: { topic: 'boiler', confidence: 0.95, status: 'settled', asOf: '2026-03-02' },
    },
    {
      key: 'invoice',
      payload: { title: 'Invoice of the boiler', text: 'The invoice is of October 2009.' },
      metadata: { topic: 'boiler', confidence: 0.9, status: 'settled', asOf: '2026-03-02' },
      references: [{ type: 'supports', to: 'age' }],
    },
    {
      key: 'neighbour',
      payload: { title: 'The boiler is of 2015', text: 'The neighbour remembers that it was put in in 2015.' },
      metadata: { topic: 'boiler', confidence: 0.2, status: 'disputed', asOf: '2026-03-05' },
      references: [{ type: 'contradicts', to: 'age' }],
    },
  ],
};
