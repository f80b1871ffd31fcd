/**
 * Records golden histories that are not there yet: `npx tsx test/replay/record.ts`. Those that are there are kept; delete
 * one first to have it recorded anew, but only when workflow code changed in a way that is not meant to replay old runs.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { clockWorkflowId } from '../../contracts/ids.js';
import { ProblemError } from '../../contracts/problem.js';
import type { RequestView } from '../helpers/world.js';
import { allRuns } from '../e2e/histories.js';
import { deskOf } from '../e2e/deciding.js';
import { createProvider } from '../e2e/provider.js';
import { openStage, type Stage } from '../e2e/stage.js';
import type { ScriptTurn } from '../stand-ins/anthropic.js';
import { cliCacheDir, findTemporalCli } from '../../workers/dev-server/find-temporal-cli.js';
import { startDevServer } from '../../workers/dev-server/start-dev-server.js';
import { CLOCK_SCENES, CUT_CLOCK_SCENES, playClock } from './clock-scenes.js';
import { HISTORIES, toJson } from './golden.js';

const TASK: ScriptTurn = { calls: [{ name: 'tasks_create', input: { title: 'a task' } }] };
const BOTH: ScriptTurn = {
  calls: [
    { name: 'tasks_list', input: {} },
    { name: 'file_list', input: {} },
  ],
};
const ASK: ScriptTurn = { calls: [{ name: 'ask_user', input: { question: 'Which?' } }] };
const DONE: ScriptTurn = { text: 'done' };
const MAIL: ScriptTurn = {
  calls: [{ name: 'email_send', input: { to: ['dana@example.com'], subject: 'Lunch', body: 'At one?' } }],
};

const provider = createProvider();
const note = (text: string): ScriptTurn => ({
  calls: [{ name: 'post_note', input: { to: 'gus@example.com', text } }],
});

/** What is recorded: each makes one request and leaves it closed. */
const SCENES: Readonly<Record<string, (stage: Stage) => Promise<string>>> = {
  completed: async (stage) => (await stage.finish([BOTH, TASK, DONE])).id,
  'ask-user': async (stage) => {
    const request = await asked(stage);
    await stage.say(request, 'this one');
    return (await stage.world.ended(request)).id;
  },
  steered: async (stage) => {
    stage.model.latencyMs = 500;
    const request = await stage.play([DONE, DONE]);
    await delay(300);
    await stage.say(request, 'shorter');
    await stage.world.ended(request);
    stage.model.latencyMs = 0;
    return request;
  },
  'cancelled-waiting': async (stage) => {
    const request = await asked(stage);
    await stage.cancel(request);
    return request;
  },
  'cancelled-thinking': async (stage) => {
    stage.model.pushFaults('stall');
    const request = await stage.play([DONE]);
    await stage.world.until(request, (view) => view.status === 'running');
    await delay(300);
    await stage.cancel(request);
    return request;
  },
  'failed-after-retries': async (stage) => {
    stage.model.pushFaults('529', 'reset', 'refusal');
    return (await stage.finish([DONE])).id;
  },
  'skill-retried': async (stage) => {
    let runs = 0;
    stage.outside('shaky', async () => {
      runs += 1;
      if (runs < 3) throw new Error('busy');
      return {};
    });
    return (await stage.finish([{ calls: [{ name: 'probe', input: { name: 'shaky' } }] }, DONE])).id;
  },
  'undo-waiting': async (stage) => {
    const request = await stage.play([{ calls: [...(TASK.calls ?? []), ...(ASK.calls ?? [])] }, DONE]);
    await stage.world.until(request, (view) => view.status === 'waiting_user' && view.agents[0]?.status === 'waiting');
    await undone(stage, request);
    await stage.say(request, 'go on');
    return (await stage.world.ended(request)).id;
  },
  'undo-thinking': async (stage) => {
    stage.model.pushFaults({ kind: 'stall', when: (input) => input.toolResults.length > 0 });
    const request = await stage.play([TASK, DONE]);
    while (stage.asked(request).length < 2) await delay(20);
    await undone(stage, request);
    await stage.cancel(request);
    return request;
  },
  'undo-after-end': async (stage) => {
    const { id } = await stage.finish([TASK, DONE]);
    await closed(stage, `request:${id}`);
    await undone(stage, id);
    return id;
  },
  'approval-approved': async (stage) => {
    const request = await decided(stage, MAIL, 'approve');
    return (await stage.world.ended(request)).id;
  },
  'approval-rejected': async (stage) => {
    const request = await decided(stage, MAIL, 'reject');
    return (await stage.world.ended(request)).id;
  },
  'approval-expired': async (stage) => {
    const limits = stage.world.serving.installation.engine.limits as { approvalDays: number };
    const usual = limits.approvalDays;
    limits.approvalDays = 3 / 86_400;
    const { id } = await stage.finish([MAIL, DONE, DONE]);
    limits.approvalDays = usual;
    return id;
  },
  'effect-looked-up': async (stage) => {
    provider.on('reset', async ({ beforeSend, happen }) => {
      beforeSend();
      happen();
      throw new Error('the connection was reset');
    });
    return (await stage.world.ended(await decided(stage, note('reset'), 'approve'))).id;
  },
  'effect-interrupted': async (stage) => {
    provider.on('interrupted', async ({ beforeSend, happen }) => {
      beforeSend();
      happen();
      throw new ProblemError('unavailable', 'The store was away.');
    });
    return (await stage.world.ended(await decided(stage, note('interrupted'), 'approve'))).id;
  },
  'team-inside': async (stage) => {
    stage.script('look inside', [BOTH, DONE]);
    const input = { task: 'look inside', skills: ['tasks_list', 'file_list'] };
    return (await stage.finish([team(input, input), DONE])).id;
  },
  'team-apart': async (stage) => {
    stage.script('look outside', [TASK, DONE]);
    const input = { task: 'look outside', skills: ['tasks_create', 'web_search'] };
    return (await stage.finish([team(input, input, input, input), DONE])).id;
  },
  'team-in-time': async (stage) => {
    stage.script('be quick', [DONE]);
    return (await stage.finish([team({ task: 'be quick', timeoutSeconds: 60, skills: ['web_search'] }), DONE])).id;
  },
};

function team(...wishes: object[]): ScriptTurn {
  return { calls: wishes.map((input) => ({ name: 'spawn_agent', input })) };
}

/** As `SCENES`, in runs that are cut at 20 events. */
const CUT_SCENES: typeof SCENES = {
  continued: async (stage) => {
    const request = await stage.play([TASK, TASK, TASK, ASK, TASK, BOTH, DONE]);
    await stage.world.until(request, (view) => view.status === 'waiting_user');
    await stage.say(request, 'yes');
    return (await stage.world.ended(request)).id;
  },
  'approval-continued': async (stage) => {
    const request = await stage.play([TASK, TASK, TASK, MAIL, DONE, DONE]);
    await decideWhenParked(stage, request, 'approve');
    return (await stage.world.ended(request)).id;
  },
};

function isRecorded(name: string): boolean {
  return [name, `${name}-1`].some((file) => existsSync(path.join(HISTORIES, `${file}.json`)));
}

async function asked(stage: Stage): Promise<string> {
  const request = await stage.play([ASK, DONE]);
  await stage.world.until(request, (view: RequestView) => view.status === 'waiting_user');
  return request;
}

/** A request that has waited for the approval of its first turn's call, which is decided now. */
async function decided(stage: Stage, turn: ScriptTurn, decision: 'approve' | 'reject'): Promise<string> {
  const request = await stage.play([turn, DONE, DONE]);
  await decideWhenParked(stage, request, decision);
  return request;
}

async function decideWhenParked(stage: Stage, request: string, decision: 'approve' | 'reject'): Promise<void> {
  await stage.world.until(request, (view) => view.status === 'waiting_approval');
  const desk = deskOf(stage);
  for (const approval of await desk.pending(request)) await desk.decide(approval, { decision });
}

async function undone(stage: Stage, request: string): Promise<void> {
  const statusNow = async () => (await stage.callsOf(request))[0]?.status;
  while ((await statusNow()) !== 'done') await delay(20);
  await stage.undo((await stage.callsOf(request))[0]?.id ?? '');
  while ((await statusNow()) !== 'undone') await delay(20);
}

async function closed(stage: Stage, workflowId: string): Promise<void> {
  const handle = stage.client.workflow.getHandle(workflowId);
  while ((await handle.describe()).status.name === 'RUNNING') await delay(50);
}

async function record(stage: Stage, name: string, request: string): Promise<void> {
  await recordRuns(stage, name, `request:${request}`);
  const { agents } = await stage.world.view(request);
  const own = agents.find(({ parent }) => parent !== undefined);
  if (own !== undefined && name !== 'team-inside') await recordRuns(stage, `${name}-agent`, `agent:${own.id}`);
}

async function recordRuns(stage: Stage, name: string, workflowId: string): Promise<void> {
  await closed(stage, workflowId);
  const runs = await allRuns(stage.client, workflowId);
  for (const [index, run] of runs.entries()) {
    const file = path.join(HISTORIES, `${runs.length === 1 ? name : `${name}-${index + 1}`}.json`);
    writeFileSync(file, `${JSON.stringify(anonymous(toJson(run)), null, 1)}\n`);
  }
  process.stdout.write(`${name}: ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}\n`);
}

/** As the SDK names a worker: `pid@host`. */
const PROCESS = new RegExp(`\\d+@${hostname().replaceAll('.', '\\.')}`, 'g');

/** Without the names of this machine and its processes. */
function anonymous(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(PROCESS, 'recorder').replaceAll(hostname(), 'host');
  if (Array.isArray(value)) return value.map(anonymous);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, anonymous(inner)]));
}

async function main(): Promise<void> {
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-record-'));
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const environment = process.env;
  const cliPath = await findTemporalCli({ cacheDir: cliCacheDir(environment, homedir()), environment, log: say });
  const server = await startDevServer({ home, cliPath, log: say, environment });
  mkdirSync(HISTORIES, { recursive: true });
  const temporalAddress = server.address;
  const effectTimes = { retryMs: 50, probeDelaysMs: [50, 100, 200], leaseMs: 2_000 };
  for (const [scenes, clockScenes, file] of [
    [SCENES, CLOCK_SCENES, {}],
    [CUT_SCENES, CUT_CLOCK_SCENES, { temporal: { historyEvents: 20 } }],
  ] as const) {
    const stage = await openStage({ temporalAddress, moreSkills: provider.skills, effectTimes, file });
    for (const [name, scene] of Object.entries(scenes)) {
      if (!isRecorded(name)) await record(stage, name, await scene(stage));
    }
    for (const [name, scene] of Object.entries(clockScenes)) {
      if (!isRecorded(name)) await recordRuns(stage, name, clockWorkflowId(await playClock(stage, scene)));
    }
    await stage.close();
  }
  await server.stop();
  rmSync(home, { recursive: true, force: true });
}

await main();
