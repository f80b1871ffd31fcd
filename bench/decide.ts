import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Approval } from '../contracts/approval.js';
import { measureKilled } from './decide-killed.js';
import { profileDecisions } from './decide-profile.js';
import { desk, Sendings, startUnit, type Unit } from './outward.js';
import { figures, round, startModel, startTemporal } from './tools.js';

const DECISIONS = 200;
const MAILS = 50;
const AT_ONCE = 20;
const WARM_UP = 20;
const PROFILED = 20;
const GOAL_MS = 1_000;

/** From a person's decision to the call of the provider: warm, and with the process that held the request killed. */
export async function measureDecisions(): Promise<void> {
  const temporal = await startTemporal();
  const model = await startModel(0);
  try {
    await measureWarm(model.url, temporal.address);
    await measureKilled({ modelUrl: model.url, temporalAddress: temporal.address });
  } finally {
    await model.close();
    await temporal.clean();
  }
}

async function measureWarm(modelUrl: string, temporalAddress: string): Promise<void> {
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-bench-'));
  const taskQueue = `bench-${randomBytes(4).toString('hex')}`;
  const sendings = new Sendings();
  const unit = await startUnit({ home, modelUrl, temporalAddress, taskQueue }, sendings);
  try {
    await series(unit, sendings, { scenario: 'send', count: WARM_UP, atOnce: 1 });
    const single = await series(unit, sendings, { scenario: 'send', count: DECISIONS, atOnce: 1 });
    report(`${DECISIONS} decisions one after the other`, single);
    const crowd = await series(unit, sendings, { scenario: 'send', count: DECISIONS, atOnce: AT_ONCE });
    report(`${DECISIONS} decisions, ${AT_ONCE} at once`, crowd);
    report(
      `${MAILS} mails one after the other`,
      await series(unit, sendings, { scenario: 'mail', count: MAILS, atOnce: 1 }),
    );
    await unit.park(PROFILED);
    await profileDecisions({ unit, sendings, temporalAddress, approvals: await desk.pending(unit) });
    if (sendings.repeated > 0) console.log(`decide: ${sendings.repeated} were sent more than once`);
  } finally {
    await unit.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

interface Times {
  readonly fromAsked: number[];
  readonly fromAnswered: number[];
  readonly answer: number[];
  /** Of the product's process, for each decision with all that follows from it. */
  cpuMs: number;
}

interface Series {
  readonly scenario: string;
  readonly count: number;
  readonly atOnce: number;
}

/** Parks that many and approves them in groups; a group begins when all of the last one have ended. */
async function series(unit: Unit, sendings: Sendings, { scenario, count, atOnce }: Series): Promise<Times> {
  await unit.park(count, { scenario });
  const approvals = await desk.pending(unit);
  const times: Times = { fromAsked: [], fromAnswered: [], answer: [], cpuMs: 0 };
  const before = await unit.memory();
  for (let from = 0; from < approvals.length; from += atOnce) {
    const group = approvals.slice(from, from + atOnce);
    await Promise.all(group.map((approval) => decideOne(unit, sendings, approval, times)));
    await unit.ended(group.map((approval) => approval.request));
  }
  times.cpuMs = ((await unit.memory()).cpuMs - before.cpuMs) / Math.max(1, approvals.length);
  return times;
}

async function decideOne(unit: Unit, sendings: Sendings, approval: Approval, times: Times): Promise<void> {
  const { asked, answered } = await desk.approve(unit, approval);
  const sent = await sendings.of(approval.id);
  times.fromAsked.push(sent - asked);
  times.fromAnswered.push(sent - answered);
  times.answer.push(answered - asked);
}

function report(title: string, { fromAsked, fromAnswered, answer, cpuMs }: Times): void {
  console.log(`decide, ${title}: from the decision to the provider ${figures(fromAsked, GOAL_MS)}`);
  console.log(
    `  from its answer to the provider ${figures(fromAnswered, GOAL_MS)}; the answer itself ${figures(answer)}; ${round(cpuMs)} ms of CPU each until its request has ended`,
  );
}
