import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  eventually,
  freePort,
  isAlive,
  newHome,
  prepareHome,
  type Product,
  removeHomes,
  startProduct,
} from '../helpers/processes.js';
import { type AnthropicStandIn, startAnthropicStandIn } from '../stand-ins/anthropic.js';
import {
  approvalsOf,
  decide,
  effectsOf,
  expectSentOnce,
  lanes,
  mailer,
  mailOf,
  type Moment,
  outbox,
  parked,
  seeToEnd,
  STOP_AT,
  stoppedAt,
} from './mail-harness.js';

/** Cases that run side by side each have an installation of their own; more would only wait for the processor. */
const inLane = lanes(2);
/** For cases that hardly do anything but wait. */
const inStillLane = lanes(2);
/** A case waits for those before it. */
const WAITING = { timeout: 600_000 };

let template: string;
let model: AnthropicStandIn;

beforeAll(async () => {
  template = await prepareHome();
  model = await startAnthropicStandIn({ script: mailer, factsFrom: 'anywhere' });
});

afterAll(async () => {
  await removeHomes();
  model?.assertClean();
  await model?.close();
});

/** One installation, started again and again on its home and port. */
interface Installation {
  readonly home: string;
  start(more?: { readonly moment: Moment; readonly mark: string; readonly by?: NodeJS.Signals }): Promise<Product>;
}

async function installation(): Promise<Installation> {
  const home = newHome(template);
  const port = await freePort();
  const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'test-key' };
  return {
    home,
    start: async (more) => {
      if (more === undefined) return startProduct({ home, port, env });
      const { moment, mark, by = 'SIGKILL' } = more;
      return startProduct({
        home,
        port,
        env: { ...env, STOP_AT: moment, STOP_MARK: mark, STOP_BY: by },
        preload: STOP_AT,
      });
    },
  };
}

function markIn(home: string, name: string): string {
  return path.join(path.dirname(home), name);
}

/** Approves the mail when it is there to be approved, as long as the process lives. */
async function approveUntilDead({ api, pid }: Product, request: string): Promise<void> {
  while (isAlive(pid)) {
    try {
      if ((await api.request(request)).status === 'waiting_approval') {
        const [approval] = await approvalsOf(api, request);
        if (approval?.status === 'pending') await decide(api, approval, 'approve');
      }
    } catch (error) {
      // It died under the call.
      if (!(error instanceof TypeError)) throw error;
    }
    await delay(100);
  }
}

/** Waits for the death that was ordered and makes sure that it is this one. */
async function expectDeath(product: Product, moment: Moment, mark: string): Promise<void> {
  expect(await product.ended(60_000)).toEqual({ code: null, signal: 'SIGKILL' });
  expect(stoppedAt(mark)).toEqual({ moment, pid: product.pid });
}

interface Case {
  readonly when: string;
  readonly moment: Moment;
  /** Whether the decision outlives the death. */
  readonly isDecided: boolean;
  /** Attempts that it takes in the end. */
  readonly attempts: number;
  /** A second death, in the start after the first. */
  readonly then?: Moment;
  /** The Temporal server is killed as well. */
  readonly withServer?: true;
}

/** Around the decision and the sending; `note-crash.test.ts` has what comes before and after. */
const EVERY_CASE: readonly Case[] = [
  { when: 'in the middle of making the proposal', moment: 'before composed', isDecided: false, attempts: 1 },
  { when: 'with the decision not committed', moment: 'before decided', isDecided: false, attempts: 1 },
  {
    when: 'between the commit of the decision and the wake',
    moment: 'after decided',
    isDecided: true,
    attempts: 1,
    withServer: true,
  },
  {
    when: 'between the decision and the start of the attempt',
    moment: 'before started',
    isDecided: true,
    attempts: 1,
  },
  {
    when: 'with the attempt started and not in the journal',
    moment: 'after started',
    isDecided: true,
    attempts: 2,
    withServer: true,
  },
  {
    when: 'with the attempt in the journal and nothing sent',
    moment: 'after journaled',
    isDecided: true,
    attempts: 2,
  },
  { when: 'at the very last moment before it is sent', moment: 'before linked', isDecided: true, attempts: 2 },
  {
    when: 'with the mail in the outbox and the ledger not told',
    moment: 'after linked',
    isDecided: true,
    attempts: 1,
    withServer: true,
  },
  {
    when: 'while it is found out that nothing was sent',
    moment: 'after journaled',
    then: 'after looked',
    isDecided: true,
    attempts: 2,
  },
  {
    when: 'while it is found out that it was sent',
    moment: 'after linked',
    then: 'before done',
    isDecided: true,
    attempts: 1,
  },
  { when: 'with the ledger told and no last turn', moment: 'after done', isDecided: true, attempts: 1 },
];
/** Every other one; a soak takes all of them. */
const CASES = process.env.SOAK_MOMENTS === 'all' ? EVERY_CASE : EVERY_CASE.filter((_case, place) => place % 2 === 0);

describe.concurrent('a process that is held still for 30 s', () => {
  it.each([
    ['after the attempt has begun, right before the sending', 'after journaled', 2],
    ['in the act of sending', 'before linked', 1],
  ] as const)('%s: one mail', WAITING, (_, moment, attempts) =>
    inStillLane(async () => {
      const { home, start } = await installation();
      const mark = markIn(home, 'held');
      const product = await start({ moment, mark, by: 'SIGSTOP' });
      const { api } = product;
      const id = await api.send(mailOf(`held ${moment}`));
      const approval = await parked(api, id);
      // The answer comes in time or when the process goes on.
      const deciding = decide(api, approval, 'approve').catch(() => undefined);
      await eventually(
        async () => stoppedAt(mark),
        20_000,
        () => product.output(),
      );
      expect(stoppedAt(mark)).toEqual({ moment, pid: product.pid });
      try {
        await delay(30_000);
        expect(outbox(home)).toEqual(new Map());
      } finally {
        product.signal('SIGCONT');
      }
      await deciding;
      expect(await seeToEnd(api, id)).toBe(0);
      expect(await expectSentOnce(api, model, home, id)).toBe(attempts);
      expect((await effectsOf(api, id)).map(({ error }) => error)).toEqual([undefined]);
      expect(await product.stop()).toEqual({ code: 0, signal: null });
    }),
  );
});

describe.concurrent('kill -9 around a mail, which goes out once as it was approved', () => {
  it.each(CASES.map((what) => [what.when, what] as const))('%s', WAITING, (_, what) =>
    inLane(async () => {
      const { home, start } = await installation();
      const first = await start({ moment: what.moment, mark: markIn(home, 'first') });
      const id = await first.api.send(mailOf(`number ${CASES.indexOf(what)}`));
      await Promise.all([approveUntilDead(first, id), expectDeath(first, what.moment, markIn(home, 'first'))]);
      if (what.withServer) await first.killAll();
      if (what.then !== undefined) {
        const second = await start({ moment: what.then, mark: markIn(home, 'second') });
        await expectDeath(second, what.then, markIn(home, 'second'));
      }
      const last = await start();
      expect(await seeToEnd(last.api, id)).toBe(what.isDecided ? 0 : 1);
      expect(await expectSentOnce(last.api, model, home, id)).toBe(what.attempts);
      await last.killAll();
      expect(outbox(home).size).toBe(1);
    }),
  );

  it('while it is parked, with everything', WAITING, () =>
    inLane(async () => {
      const { home, start } = await installation();
      const first = await start();
      const id = await first.api.send(mailOf('parked'));
      const before = await parked(first.api, id);
      const waiting = await first.api.request(id);
      await first.killAll();
      expect(await first.exit).toEqual({ code: null, signal: 'SIGKILL' });
      const { api, stop } = await start();
      expect(await api.request(id)).toEqual(waiting);
      expect(await approvalsOf(api, id)).toEqual([before]);
      expect(await seeToEnd(api, id)).toBe(1);
      expect(await expectSentOnce(api, model, home, id)).toBe(1);
      expect(await stop()).toEqual({ code: 0, signal: null });
    }),
  );
});

describe.concurrent('three mails of different requests that wait while everything is killed', () => {
  it('can all be approved afterwards, and each goes out once', WAITING, () =>
    inLane(async () => {
      const { home, start } = await installation();
      const first = await start();
      const ids = await Promise.all(['red', 'green', 'blue'].map((name) => first.api.send(mailOf(name))));
      const before = await Promise.all(ids.map((id) => parked(first.api, id)));
      await first.killAll();
      expect(await first.exit).toEqual({ code: null, signal: 'SIGKILL' });
      const { api, stop } = await start();
      expect(await Promise.all(ids.map((id) => parked(api, id)))).toEqual(before);
      expect(outbox(home)).toEqual(new Map());
      const answers = await Promise.all(before.map((approval) => decide(api, approval, 'approve')));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      for (const id of ids) expect(await expectSentOnce(api, model, home, id)).toBe(1);
      const sent = before.map(({ id, rendered }) => [`${id}.eml`, rendered?.text] as const);
      expect(outbox(home)).toEqual(new Map(sent));
      expect(await stop()).toEqual({ code: 0, signal: null });
    }),
  );
});
