import type { Convention } from './convention.js';

export const chat: Convention = {
  name: 'chat',
  description: `A chat between people and agents, shown turn by turn. One atom a turn: payload {text}; metadata role: user or assistant; turn: its number, counted from 1; state: waiting (a person's turn nobody has answered) or answered. References reply_to name the turn that is answered, about the atoms it speaks of.
People write the turns of role user, agents those of role assistant; nobody writes for the other. A turn is not rewritten once it is answered.
What waits for an answer: space_search {"metadata": {"role": "user", "state": "waiting", "kind": null}}.
Answer with space_put (role assistant, the next turn number, reply_to), then space_update the person's turn to state answered with ifVersion as read; if that is refused, the person has changed it: read it again. Long work does not hold up the chat: answer that it has begun, do it elsewhere, and put a further turn when it is done. Atoms of kind recipe and example are no turns.`,
  recipes: [
    {
      title: 'Answer what waits',
      text: `1. space_search with the metadata of the description; take the lowest turn number first.
2. space_search {"metadata": {"turn": {"gte": <that number minus 10>}}} for what was said before.
3. space_put: payload {"text": "…"}, metadata {"role": "assistant", "turn": <the highest number plus 1>}, references [{"type": "reply_to", "atom": "<the turn>"}].
4. space_update the turn you answered: metadata {"state": "answered"}, ifVersion: the version you read.`,
    },
    {
      title: 'Put the result of long work into the chat later',
      text: `Keep the id of the turn that asked. When the work is done, space_put a turn of role assistant with reply_to to it and about to the result. Say in one sentence what was asked before you say what came of it: much may have been said in between.`,
    },
  ],
  examples: [
    {
      key: 'question',
      payload: { text: 'Which of the two flats is closer to the school?' },
      metadata: { role: 'user', turn: 1, state: 'answered' },
    },
    {
      key: 'answer',
      payload: { text: 'The one in Lindenstraße: 600 metres, the other one 1.4 kilometres.' },
      metadata: { role: 'assistant', turn: 2 },
      references: [{ type: 'reply_to', to: 'question' }],
    },
  ],
};
