import { z } from 'zod';
import { outsideSkill, type Skill } from '../../contracts/skill.js';

/** A service outside that takes money for every question, and remembers what it was asked. */
export interface Survey {
  readonly skill: Skill;
  readonly asked: readonly string[];
  readonly underWay: number;
  /** The most questions that were under way at once. */
  readonly most: number;
  /** Lets questions wait for this. */
  holdUntil(gate: Promise<void>): void;
  /** Forgets everything. */
  reset(): void;
}

/** The skill `survey`, with a price in USD; the same question of one request is asked once. */
export function openSurvey(priceUsd: string): Survey {
  const fresh = () => ({ asked: [] as string[], underWay: 0, most: 0, gate: Promise.resolve() });
  let state = fresh();
  const skill = outsideSkill<{ about: string }, { found: string }>({
    manifest: {
      name: 'survey',
      description: 'Asks a service that costs money.',
      effect: 'read',
      input: z.strictObject({ about: z.string() }),
      output: z.strictObject({ found: z.string() }),
      timeoutSeconds: 10,
      taints: [],
      priceUsd,
      repeats: 'request',
      summary: ({ about }) => `Surveys ${about}`,
    },
    async run({ about }) {
      state.asked.push(about);
      state.underWay += 1;
      state.most = Math.max(state.most, state.underWay);
      await state.gate;
      state.underWay -= 1;
      return { output: { found: `facts about ${about}` } };
    },
  });
  return {
    skill,
    get asked() {
      return state.asked;
    },
    get underWay() {
      return state.underWay;
    },
    get most() {
      return state.most;
    },
    holdUntil: (gate) => {
      state.gate = gate;
    },
    reset: () => {
      state = fresh();
    },
  };
}
