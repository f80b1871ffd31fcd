import type { Hold, HoldAccess } from '../../contracts/skill.js';

/** Holds in memory, and whether the user has answered. */
export interface FakeHolds extends HoldAccess {
  /** By task id, or by `title:` and the title of a task to come. */
  readonly placed: Map<string, Hold>;
  isAnswered: boolean;
}

export function fakeHolds(): FakeHolds {
  const placed = new Map<string, Hold>();
  const holds: FakeHolds = {
    placed,
    isAnswered: false,
    place: async (task, hold) => void placed.set(task, hold),
    expect: async (title, hold) => void placed.set(`title:${title}`, hold),
    expected: async (title) => (holds.isAnswered ? undefined : placed.get(`title:${title}`)),
    async of(task) {
      const hold = placed.get(task);
      return hold === undefined ? undefined : { ...hold, isAnswered: holds.isAnswered };
    },
    async withdraw(meeting) {
      const gone = [...placed].filter(([, hold]) => hold.meeting === meeting).map(([task]) => task);
      for (const task of gone) placed.delete(task);
      return gone.filter((task) => !task.startsWith('title:'));
    },
  };
  return holds;
}
