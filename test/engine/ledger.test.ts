import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EffectTimes } from '../../engine/deps.js';
import { ALL_FAULTS, type OutsideProvider, PROVIDER_FAULTS, startProvider } from '../stand-ins/provider.js';
import { type PostSkill, postSkill } from '../stand-ins/provider-skill.js';
import { answerTruthfully, type Load, type LoadedCall, runLoad } from './effect-load.js';
import { type EngineKit, openEngine } from './engine-kit.js';

const SEED = 20_261_121;
const CALLS = 300;
/** Long enough for a busy machine; a process that died is waited for that long. */
const TIMES: Partial<EffectTimes> = { leaseMs: 5_000, sendMs: 4_500 };

interface Scene {
  readonly kit: EngineKit;
  readonly provider: OutsideProvider;
  readonly planted: PostSkill;
  readonly load: Load;
  readonly calls: LoadedCall[];
}

async function play(identified: boolean): Promise<Scene> {
  console.log(`seed ${SEED}, ${CALLS} calls, provider ${identified ? 'with' : 'without'} ids`);
  const provider = await startProvider({ seed: SEED, identified, weights: ALL_FAULTS });
  const planted = postSkill({ name: 'post', provider });
  const kit = await openEngine([planted.skill], TIMES);
  const shape = { calls: CALLS, callsARequest: 5, requestsAtOnce: 20, seed: SEED, deaths: 0.05 };
  const load: Load = { kit, skill: 'post', provider, ...shape };
  return { kit, provider, planted, load, calls: await runLoad(load) };
}

async function leave(scene: Scene): Promise<void> {
  await scene.kit.close();
  await scene.provider.close();
}

/** Everything that must hold however the calls went. */
function expectFairPlay({ provider, planted, calls }: Scene): void {
  expect(new Set(calls.map(({ label }) => label)).size).toBe(CALLS);
  expect(provider.violations).toEqual([]);
  expect(new Set(provider.log.map(({ fault }) => fault))).toEqual(new Set(PROVIDER_FAULTS));
  expect(provider.log.filter(({ executed }) => executed).length).toBeGreaterThan(0);
  expect(planted.attempts.length).toBeGreaterThan(CALLS / 2);
}

describe('the ledger with a provider that knows ids', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await play(true);
  }, 300_000);
  afterAll(() => leave(scene));

  test('brings every approved call to one end, and sends none twice', () => {
    expectFairPlay(scene);
    const { provider, calls } = scene;
    const ends = calls.map(({ label, effect, questions }) => {
      const times = provider.executions(label);
      const isFair = effect.status === 'done' ? times === 1 : effect.status === 'failed' && times === 0;
      return isFair && questions.length === 0 ? 'fair' : `${label}: ${effect.status}, executed ${times} times`;
    });
    expect(ends.filter((end) => end !== 'fair')).toEqual([]);
    const done = calls.filter(({ effect }) => effect.status === 'done').length;
    expect(done).toBeGreaterThan(CALLS * 0.8);
  });

  test('gives up only after three attempts that did nothing', () => {
    const failed = scene.calls.filter(({ effect }) => effect.status === 'failed');
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.map(({ effect }) => effect.attempts)).toEqual(failed.map(() => 3));
  });

  test('sends the approved bytes and its own key with every attempt', () => {
    const byKey = new Map(scene.calls.map(({ effect, label }) => [effect.key, label]));
    const strangers = scene.provider.log.filter(
      ({ key, label, body }) =>
        byKey.get(key ?? '') !== label || body !== JSON.stringify({ to: ['dana@example.com'], text: label }),
    );
    expect(strangers).toEqual([]);
  });
});

describe('the ledger with a provider that knows no ids', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await play(false);
  }, 300_000);
  afterAll(() => leave(scene));

  test('asks a person once about every attempt whose end nobody saw, and sends nothing twice', () => {
    expectFairPlay(scene);
    const { provider, calls, planted } = scene;
    const twice = calls.filter(({ label }) => provider.executions(label) > 1);
    expect(twice).toEqual([]);
    const asked = calls.filter(({ questions }) => questions.length > 0);
    expect(asked.map(({ questions }) => questions.length)).toEqual(asked.map(() => 1));
    expect(asked.map(({ effect }) => effect.status)).toEqual(asked.map(() => 'unknown'));
    const ambiguous = new Set(planted.attempts.filter(({ end }) => end === 'ambiguous').map(({ key }) => key));
    expect(ambiguous.size).toBeGreaterThan(CALLS / 10);
    const askedKeys = new Set(asked.map(({ effect }) => effect.key));
    expect([...ambiguous].filter((key) => !askedKeys.has(key))).toEqual([]);
  });

  test('knows the end of every other call', () => {
    const { provider, calls } = scene;
    const others = calls.filter(({ questions }) => questions.length === 0);
    const ends = others.map(({ label, effect }) => [effect.status, provider.executions(label)].join());
    expect(new Set(ends)).toEqual(new Set(['done,1', 'failed,0']));
  });

  test('ends what is asked as the person says, until everything happened once or was refused three times', async () => {
    const { load, provider, calls } = scene;
    const answered = await answerTruthfully(load, calls);
    const labels = new Set(calls.map(({ label }) => label));
    expect([...labels].filter((label) => provider.executions(label) > 1)).toEqual([]);
    expect(answered.filter(({ questions }) => questions.some(({ status }) => status === 'pending'))).toEqual([]);
    const missing = [...labels].filter((label) => provider.executions(label) === 0);
    const failed = [...calls, ...answered].filter(({ effect }) => effect.status === 'failed');
    expect(missing.filter((label) => !failed.some((call) => call.label === label))).toEqual([]);
  }, 300_000);
});
