import { describe, expect, test } from 'vitest';
import type { Effect } from '../../contracts/approval.js';
import type { EffectTimes } from '../../engine/deps.js';
import { answerTruthfully, type Load, type LoadedCall, runLoad } from '../engine/effect-load.js';
import { openEngine } from '../engine/engine-kit.js';
import { ALL_FAULTS, type OutsideProvider, PROVIDER_FAULTS, startProvider } from '../stand-ins/provider.js';
import { postSkill } from '../stand-ins/provider-skill.js';

const SEED = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 2 ** 31));
const CALLS = Number(process.env.SOAK_CALLS ?? 10_000);
/** Long enough for a busy machine: an attempt that comes too late counts as one that was refused. */
const TIMES: Partial<EffectTimes> = { leaseMs: 10_000, sendMs: 9_500 };
const DEATHS = 0.03;

interface Figures {
  readonly calls: number;
  readonly 'wire calls': number;
  readonly executed: number;
  readonly duplicates: number;
  readonly lost: number;
  readonly done: number;
  readonly 'given up': number;
  readonly asked: number;
  readonly seconds: number;
}

describe(`${CALLS} calls with every fault, seed ${SEED}`, () => {
  test.each([
    ['a provider with ids', true],
    ['a provider without ids', false],
  ])('to %s are each carried out once or surely not', async (title, identified) => {
    const begun = performance.now();
    const provider = await startProvider({ seed: SEED, identified, weights: ALL_FAULTS });
    const kit = await openEngine([postSkill({ name: 'post', provider, answerMs: 300 }).skill], TIMES);
    const shape = { calls: CALLS, callsARequest: 5, requestsAtOnce: 20, seed: SEED, deaths: DEATHS };
    const load: Load = { kit, skill: 'post', provider, ...shape };
    const first = await runLoad(load);
    const answered = await answerTruthfully(load, first);
    const ends = [...first.filter(({ ref }) => !answered.some((call) => call.ref === ref)), ...answered];
    await kit.close();
    await provider.close();
    const figures = sumUp(provider, first, ends, (performance.now() - begun) / 1000);
    console.log(`\n${title}, SOAK_SEED=${SEED} SOAK_CALLS=${CALLS}`);
    console.table(figures);
    console.table(countBy(provider.log.map(({ fault }) => fault)));
    expect(provider.violations).toEqual([]);
    expect(figures).toMatchObject({ calls: CALLS, duplicates: 0, lost: 0 });
    expect(figures.executed).toBeGreaterThan(0);
    expect(figures.done).toBeGreaterThan(0);
    expect(figures.asked > 0).toBe(!identified);
    expect(Object.keys(countBy(provider.log.map(({ fault }) => fault))).toSorted()).toEqual(
      [...PROVIDER_FAULTS].toSorted(),
    );
  });
});

/** Lost is what the ledger and the world tell differently about in the end. */
function sumUp(
  provider: OutsideProvider,
  first: readonly LoadedCall[],
  ends: readonly LoadedCall[],
  seconds: number,
): Figures {
  const labels = [...new Set(first.map(({ label }) => label))];
  const ended = (status: Effect['status']): Set<string> =>
    new Set(ends.flatMap(({ label, effect }) => (effect.status === status ? [label] : [])));
  const [done, failed] = [ended('done'), ended('failed')];
  return {
    calls: labels.length,
    'wire calls': provider.log.length,
    executed: provider.log.filter(({ executed }) => executed).length,
    duplicates: labels.filter((label) => provider.executions(label) > 1).length,
    lost: labels.filter((label) => provider.executions(label) !== (done.has(label) ? 1 : 0)).length,
    done: done.size,
    'given up': [...failed].filter((label) => !done.has(label)).length,
    asked: first.filter(({ questions }) => questions.length > 0).length,
    seconds: Math.round(seconds),
  };
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
