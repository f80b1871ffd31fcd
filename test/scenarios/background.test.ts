import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { outsideSkill } from '../../contracts/skill.js';
import { sql } from '../../store/sql.js';
import { brief, call, spawn } from '../agents/script.js';
import { openStage, resolvers, type Scripts, type Stage } from '../e2e/stage.js';
import { crontabOf } from './cron.js';

const JOBS = 15;
const ENDED_MS = 50_000;
const WHOLE_MS = 120_000;

/** Work of which a test decides when it ends. */
function slowSkill(work: { during: () => Promise<void> }) {
  return outsideSkill({
    manifest: {
      name: 'slow_work',
      description: 'Takes its time.',
      effect: 'read',
      input: z.strictObject({}),
      output: z.strictObject({ done: z.boolean() }),
      timeoutSeconds: 60,
      taints: [],
      summary: () => 'Works slowly',
    },
    run: async () => {
      await work.during();
      return { output: { done: true } };
    },
  });
}

/** Every other job leaves its slow work to an agent of its own. */
function engage(stage: Stage): void {
  stage.script('direct job', [call('slow_work', {}), { text: 'done by myself' }]);
  stage.script('helper', [call('slow_work', {}), { text: 'helped' }]);
  stage.script('delegated job', [spawn({ task: 'helper', skills: ['slow_work'] }), { text: 'done with help' }]);
}

async function addJobs(stage: Stage): Promise<string[]> {
  const crontab = crontabOf(stage);
  const jobs: string[] = [];
  for (let number = 1; number <= JOBS; number += 1)
    jobs.push(await crontab.add(brief(number % 2 === 0 ? 'delegated job' : 'direct job', { number: `${number}` })));
  return jobs;
}

/** What the rows say of the slow work of these requests, and when each ended. */
async function progress(stage: Stage, requests: readonly string[]) {
  const { engine } = stage.world.serving.installation;
  return engine.db.as(stage.world.owner, (tx) =>
    tx.rows<{ id: string; begun: number; done: number; ended: string | null }>(sql`
      select r.id, r.ended_at as ended, count(c.id) filter (where c.attempts > 0)::int as begun, count(c.id) filter (where c.status = 'done')::int as done
      from requests r left join calls c on c.request_id = r.id and c.skill = 'slow_work' where r.id = any(${[...requests]}::text[]) group by r.id`),
  );
}

/** Each was done once, from one time of its job, and by itself. */
async function expectOnceEach(stage: Stage, jobs: readonly string[]): Promise<void> {
  const requests = await crontabOf(stage).requestsOf(...jobs);
  const views = await Promise.all(requests.map((request) => stage.world.ended(request, ENDED_MS)));
  expect(views.map(({ origin, status, result }) => [origin, status, result?.text])).toEqual(
    jobs.map((_, index) => ['trigger', 'completed', index % 2 === 1 ? 'done with help' : 'done by myself']),
  );
  expect((await progress(stage, requests)).map(({ done }) => done)).toEqual(Array(JOBS).fill(1));
  const occasions = await crontabOf(stage).occasions(...jobs);
  expect(occasions.map(({ outcome }) => outcome)).toEqual(Array(JOBS).fill('fired'));
  expect(new Set(occasions.map(({ request }) => request)).size).toBe(JOBS);
  const { engine } = stage.world.serving.installation;
  const made = await engine.db.as(stage.world.owner, (tx) =>
    tx.one<{ count: number }>(sql`select count(*)::int as count from requests where origin = 'trigger'`),
  );
  expect(made.count).toBe(JOBS);
}

test(
  'fifteen jobs of the same moment are at work, and the answer to the user comes before any of them ends [S4-03] [S4-09]',
  async () => {
    const gate = resolvers();
    const stage = await openStage({ moreSkills: [slowSkill({ during: () => gate.promise })] });
    try {
      engage(stage);
      const jobs = await addJobs(stage);
      await crontabOf(stage).strike(...jobs);
      const requests = await crontabOf(stage).requestsOf(...jobs);
      // Those that work themselves, and as many helpers as are let in at once.
      const { subagents } = stage.world.serving.installation.config.file.limits;
      await vi.waitFor(async () => {
        const begun = (await progress(stage, requests)).filter((job) => job.begun > 0);
        expect(begun).toHaveLength(Math.ceil(JOBS / 2) + subagents);
      }, ENDED_MS);
      const answered = await stage.finish([call('tasks_create', { title: 'milk' }), { text: 'Milk is on the list.' }], {
        text: 'Put milk on the list',
      });
      expect(answered).toMatchObject({ status: 'completed', result: { text: 'Milk is on the list.' } });
      expect((await progress(stage, requests)).filter((job) => job.ended !== null)).toEqual([]);
      gate.resolve();
      await expectOnceEach(stage, jobs);
      stage.assertClean();
    } finally {
      gate.resolve();
      await stage.close();
    }
  },
  WHOLE_MS,
);

test(
  'a restart loses none of fifteen jobs, neither those at work nor those that just came due, and doubles none [S4-09]',
  async () => {
    const scripts: Scripts = new Map();
    const work = { during: () => new Promise<void>(() => undefined) };
    const moreSkills = [slowSkill(work)];
    const first = await openStage({ scripts, moreSkills });
    engage(first);
    const jobs = await addJobs(first);
    const [early, late] = [jobs.slice(0, 10), jobs.slice(10)];
    await crontabOf(first).strike(...early);
    const requests = await crontabOf(first).requestsOf(...early);
    await vi.waitFor(async () => {
      const begun = (await progress(first, requests)).filter((job) => job.begun > 0);
      expect(begun.length).toBeGreaterThanOrEqual(early.length / 2);
    }, ENDED_MS);
    await crontabOf(first).strike(...late);
    await first.close({ keepHome: true });

    work.during = () => Promise.resolve();
    const { model } = first;
    const second = await openStage({
      scripts,
      moreSkills,
      model,
      home: first.world.home,
      taskQueue: first.world.taskQueue,
    });
    try {
      await expectOnceEach(second, jobs);
      second.assertClean();
    } finally {
      await second.close();
    }
  },
  WHOLE_MS,
);
