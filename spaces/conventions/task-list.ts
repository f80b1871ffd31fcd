import type { Convention } from './convention.js';

export const taskList: Convention = {
  name: 'task-list',
  description: `A task list. One atom a task: payload {title, notes?, due?}; metadata status: open, active (somebody works on it) or done; owner: who works on it; priority: 1 (urgent) to 3. References blocked_by name tasks to be done first, part_of the task it is a piece of, result what came of it.
Work that can be done now: space_search {"metadata": {"status": "open", "kind": null}, "references": {"blocked_by": {"status": "done"}}}.
Take a task before you begin: space_update with status active, your owner and ifVersion as you read it. Refused means that somebody was faster: search again. When it is done, set status done and say in the comment what came of it; whoever waits reads that. Cannot go on? Set it back to open and say why. Whoever may append adds tasks; taking one needs write. Tasks nobody wants any more are deprecated. Atoms of kind recipe and example are no work.`,
  recipes: [
    {
      title: 'Take the most urgent task that nothing blocks',
      text: `1. space_search with the metadata and references of the description. Of what is found take the lowest priority number; none counts as 2.
2. space_update: metadata {"status": "active", "owner": "<your id>"}, ifVersion: the version you read. If it is refused, begin again.
3. Do the work. Put results where they belong and refer to them: references [{"type": "result", "atom": "<id>"}] beside those the task has, since references replace all.
4. space_update: metadata {"status": "done"}, with what came of it as the comment.`,
    },
    {
      title: 'Split a task into steps that wait for each other',
      text: `Put the first step with space_put, then each further one with blocked_by to the step it needs and part_of to the whole. Give the whole blocked_by to the last steps, so that it is found when they are done. Steps without blocked_by between them can be taken at the same time by different agents.`,
    },
    {
      title: 'Close many tasks in a program',
      text: `A program sees this space as the object space. This closes what was dropped:

const { items } = await space.search({ metadata: { status: 'open', topic: 'old trip' } });
for (const { atom } of items) {
  await space.update(atom.id, { metadata: { status: 'done' }, comment: 'The trip is off' });
}`,
    },
  ],
  examples: [
    { key: 'venue', payload: { title: 'Find three rooms for 40 people' }, metadata: { status: 'done', priority: 1 } },
    {
      key: 'visit',
      payload: { title: 'Visit the two best rooms', notes: 'Ask about parking.' },
      metadata: { status: 'open', priority: 1 },
      references: [{ type: 'blocked_by', to: 'venue' }],
    },
    {
      key: 'invite',
      payload: { title: 'Write the invitation', due: '2026-12-01' },
      metadata: { status: 'open', priority: 2 },
      references: [{ type: 'blocked_by', to: 'visit' }],
    },
  ],
};
