import type { Convention } from './convention.js';

export const scratchpad: Convention = {
  name: 'scratchpad',
  description: `A scratchpad: one agent's working memory, for what does not fit into its context or must outlive it. One atom a note: payload {text} or whatever the work needs; metadata topic: what it belongs to, in few words; state: open (to be looked at again), used or dropped. References from name where it was found, next the note that goes on from it.
Private to the agent that made it: share what is finished by putting it into another space, not by sharing the pad. Half-finished is fine, and so is being wrong; say how sure you are.
Where to go on: space_search {"metadata": {"state": "open", "kind": null}}.
Write down early: what was asked, what you have tried, what you decided and why. Update a note while it is about the same thing; put a new one with next when you go another way. When the work is done, deprecate what nobody needs. Atoms of kind recipe and example are no notes.`,
  recipes: [
    {
      title: 'Leave work so that you can go on later',
      text: `space_put: payload {"text": "Asked: … Done: … Decided, and why: … Next: …"}, metadata {"topic": "<the work>", "state": "open"}, references [{"type": "from", "atom": "<the task>"}]. When you come back: space_search {"metadata": {"topic": "<the work>", "state": "open"}}, then go on from what stands under Next.`,
    },
    {
      title: 'Collect much and keep little',
      text: `Put each finding as a note of its own, with from to where it came from. Then read them together, put one note with the conclusion, and space_update each finding to state used or dropped with next to the conclusion. Only the conclusion goes into a space that others read.`,
    },
  ],
  examples: [
    {
      key: 'conclusion',
      payload: {
        text: 'Both trains arrive too late; the night bus fits. Fairly sure: the timetable changes in December.',
      },
      metadata: { topic: 'trip to the fair', state: 'open' },
    },
    {
      key: 'finding',
      payload: { text: 'The last train leaves at 21:40 and takes three hours.' },
      metadata: { topic: 'trip to the fair', state: 'used' },
      references: [{ type: 'next', to: 'conclusion' }],
    },
  ],
};
