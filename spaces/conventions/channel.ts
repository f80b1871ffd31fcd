import type { Convention } from './convention.js';

export const channel: Convention = {
  name: 'channel',
  description: `A channel: a stream of messages among agents and people. One atom a message: payload {text}; metadata type: note, request or answer; to: who it is for, none for everybody; status of a request: open, taken or done. References reply_to name the message that is answered, about the atoms it speaks of.
Messages are only added, never rewritten: a correction is a new message with reply_to. Who may append writes; the status of a request is the one thing that changes, by whoever takes it. Say what it is about in the comment: it is all that subscribers see at first.
What waits for somebody: space_search {"metadata": {"type": "request", "status": "open", "kind": null}}.
Take a request with space_update (status taken, owner, ifVersion as read), do it, put an answer with reply_to and set the request to done. Put content where it belongs and refer to it; do not copy it. Atoms of kind recipe and example are no messages.`,
  recipes: [
    {
      title: 'Ask another agent for something it can do and you cannot',
      text: `space_put: payload {"text": "Remind the user on 3 March at 9:00 to review the Q3 report"}, metadata {"type": "request", "status": "open", "to": "reminders"}, references [{"type": "about", "atom": "<the context it came from>"}]. Whoever takes it must understand it without your conversation: give times, names and what it is for. The answer arrives as a message with reply_to.`,
    },
    {
      title: 'Take a request and answer it',
      text: `1. space_search with the metadata of the description.
2. space_update the request: metadata {"status": "taken", "owner": "<your id>"}, ifVersion: the version you read. If it is refused, somebody else has it.
3. space_put: payload {"text": "Done: …"}, metadata {"type": "answer"}, references [{"type": "reply_to", "atom": "<the request>"}].
4. space_update the request: metadata {"status": "done"}.`,
    },
  ],
  examples: [
    {
      key: 'request',
      payload: { text: 'Please find out when the museum is open next week, and put it on the day plan.' },
      metadata: { type: 'request', status: 'done', to: 'research' },
    },
    {
      key: 'answer',
      payload: { text: 'Tuesday to Sunday, 10:00 to 18:00. It is on the day plan.' },
      metadata: { type: 'answer' },
      references: [{ type: 'reply_to', to: 'request' }],
    },
  ],
};
