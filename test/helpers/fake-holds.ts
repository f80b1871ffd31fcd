import type { Hold, HoldAccess } from '../../contracts/skill.js';

/** Holds in memory, and whether the user has answered. */
export interface FakeHolds extends HoldAccess {
  /** By task id, or by `title:` and the title of a task to come. */
  readonly placed: ReadonlyMap<string, Hold>;
  isAnswered: boolean;
}

export function fakeHolds(): FakeHolds {
  const placed = new Map<string, Hold & { former: string }>();
  const holds: FakeHolds = {
    placed,
    isAnswered: false,
    place: async (task, hold, former) => void placed.set(task, { ...hold, former }),
    expect: async (title, hold) => void placed.set(`title:${title}`, { ...hold, former: 'open' }),
    async of(task) {
      const hold = placed.get(task);
      return hold === undefined ? undefined : { ...hold, isAnswered: holds.isAnswered };
    },
    async withdraw(meeting) {
      const gone = [...placed].filter(([, hold]) => hold.meeting === meeting);
      for (const [task] of gone) placed.delete(task);
      return gone.flatMap(([task, { former }]) => (task.startsWith('title:') ? [] : [{ task, former }]));
    },
  };
  return holds;
}
