import { vi } from 'vitest';
import { makeTrigger } from '../../engine/triggers/triggers.js';
import { wakeClock } from '../../store/outbox.js';
import { sql } from '../../store/sql.js';
import type { Stage } from '../e2e/stage.js';

const AT_SIX = 'FREQ=DAILY;BYHOUR=6;BYMINUTE=0';
const HOUR_MS = 3_600_000;

/** What becomes of one time of a trigger. */
export interface Occasion {
  readonly source: string;
  readonly request: string | null;
  readonly outcome: string;
}

/** Jobs of one stage that come round at six in the morning. */
export interface Crontab {
  /** Makes a job with these instructions; returns the trigger's id. Nothing is due before the next day. */
  add(instructions: string): Promise<string>;
  /** Lets it be six for these jobs: the last six o'clock is due now, and the clock is told to look. */
  strike(...triggers: readonly string[]): Promise<void>;
  /** What has become of these jobs so far, in no order. */
  occasions(...triggers: readonly string[]): Promise<Occasion[]>;
  /** Waits until each of these jobs has become a request; returns those in the order of the jobs. */
  requestsOf(...triggers: readonly string[]): Promise<string[]>;
}

export function crontabOf(stage: Stage): Crontab {
  const { engine } = stage.world.serving.installation;
  const user = stage.world.owner;
  const zone = zoneAfterSix(Date.now());
  const crontab: Crontab = {
    async add(instructions) {
      const maker = { user, author: `user:${user}`, agent: 'default', labels: [], skills: null, timeZone: zone };
      const made = await engine.db.as(user, (tx) =>
        makeTrigger(
          tx,
          { ...maker, now: Date.now() },
          { kind: 'cron', spec: { rrule: AT_SIX, start: '2026-01-01T06:00', timeZone: zone }, instructions },
        ),
      );
      return made.id;
    },
    async strike(...triggers) {
      await engine.db.as(user, async (tx) => {
        await tx.run(sql`
          update triggers set due_at = due_at - interval '1 day', next_at = next_at - interval '1 day' where id = any(${[...triggers]}::text[])`);
        await wakeClock(tx, user, 'it is six');
      });
    },
    occasions: (...triggers) =>
      engine.db.as(user, (tx) =>
        tx.rows<Occasion>(sql`
          select source_id as source, request_id as request, outcome from occasions where source_id = any(${[...triggers]}::text[])`),
      ),
    requestsOf: (...triggers) =>
      vi.waitFor(
        async () => {
          const found = new Map(
            (await crontab.occasions(...triggers)).map(({ source, request }) => [source, request ?? '']),
          );
          if (found.size < triggers.length) throw new Error(`${found.size} of ${triggers.length} jobs have begun`);
          return triggers.map((trigger) => found.get(trigger) ?? '');
        },
        { timeout: 20_000, interval: 20 },
      ),
  };
  return crontab;
}

/** A zone in which six o’clock was less than an hour ago. */
function zoneAfterSix(now: number): string {
  const hour = Math.floor((now % (24 * HOUR_MS)) / HOUR_MS);
  const east = hour > 18 ? 30 - hour : 6 - hour;
  // The sign in the names of these zones is the other way round.
  return `Etc/GMT${east > 0 ? '-' : '+'}${Math.abs(east)}`;
}
