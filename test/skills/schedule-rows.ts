const SET = { effect: 'internal', taints: [], undoable: true };

/** The rows of the skills that are about what comes due; see `every-skill.test.ts`. */
export const scheduleRows = [
  {
    name: 'set_reminder',
    ...SET,
    input: { text: 'Call Jo', when: 'tomorrow at 9am' },
    wrong: { text: 'Call Jo', when: 'tomorrow', catchUp: 'never' },
    path: 'catchUp',
  },
  {
    name: 'list_reminders',
    effect: 'read',
    taints: ['private'],
    undoable: false,
    input: {},
    wrong: { status: 'pending' },
    path: 'status',
  },
  {
    name: 'change_reminder',
    ...SET,
    taints: ['private'],
    input: { id: 'rem_1', snooze: 'PT15M' },
    wrong: { id: 'rem_1', snooze: '15 minutes' },
    path: 'snooze',
  },
  {
    name: 'schedule_work',
    ...SET,
    input: { task: 'Sum up the news', when: 'every weekday at 6', budgetUsd: '0.50' },
    wrong: { task: 'Look', trigger: { kind: 'watch', spec: { url: 'ftp://x.example', condition: { kind: 'down' } } } },
    path: 'trigger.spec.url',
  },
];
