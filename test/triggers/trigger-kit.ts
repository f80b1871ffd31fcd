import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ActivityDeps } from '../../activities/deps.js';
import { look } from '../../activities/look.js';
import { createWebReader } from '../../connectors/web/reader.js';
import type { Look } from '../../contracts/step.js';
import type { NewTrigger, Trigger } from '../../contracts/trigger.js';
import { claimDue } from '../../engine/clock/due.js';
import type { Maker } from '../../engine/reminders/make-reminder.js';
import { makeTrigger, type TriggerHouse, viewTrigger } from '../../engine/triggers/triggers.js';
import { createDb } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';

/** What a trigger has made: its request with what its agent is told and what binds it. */
export interface Fired {
  readonly request: string;
  readonly report: string;
  readonly labels: string[];
  readonly skills: string[] | null;
  readonly hop: number;
  readonly settings: { readonly budgetUsd: string; readonly agent: string; readonly priority: number };
  readonly text: string;
}

/** An engine on a real store with a web of its own; time passes as the test says. */
export interface TriggerKit {
  readonly engine: EngineKit;
  readonly web: WebStandIn;
  /** When the kit was opened, in milliseconds since 1970. */
  readonly start: number;
  deps(): ActivityDeps;
  make(wish: NewTrigger, maker?: Partial<Maker>, house?: TriggerHouse): Promise<Trigger>;
  view(id: string): Promise<Trigger>;
  /** The looks that are due so many seconds after the start; nobody makes them yet. */
  due(seconds: number): Promise<Look[]>;
  look(looks: readonly Look[], seconds: number): Promise<void>;
  /** Makes the looks that are due then. */
  pass(seconds: number): Promise<void>;
  fired(trigger: string): Promise<Fired[]>;
  /** Puts a mail into the owner's inbox. */
  mail(name: string, mail: { from: string; subject: string; text: string; at?: number }): Promise<void>;
  removeMail(name: string): Promise<void>;
  /** Other objects on the same store, as a process has them after a restart. */
  restart(): void;
  close(): Promise<void>;
}

export async function openTriggers(): Promise<TriggerKit> {
  const kit = await openEngine();
  const web = await startWebStandIn();
  const start = Date.now();
  const readers: ReturnType<typeof createWebReader>[] = [];
  const newDeps = (): ActivityDeps => {
    const webReader = createWebReader({ allowedHosts: [web.host], timeoutMs: 2_000 });
    readers.push(webReader);
    const db = createDb(kit.store.pool, { events: kit.store.bus, outbox: { poke: () => undefined } });
    return { ...kit.deps, engine: { ...kit.engine, db }, webReader };
  };
  let deps = newDeps();
  const at = (seconds: number): string => new Date(start + seconds * 1000).toISOString();
  const as = <T>(work: Parameters<typeof kit.engine.db.as<T>>[1]): Promise<T> => kit.engine.db.as(kit.owner, work);
  const due: TriggerKit['due'] = async (seconds) => [
    ...(await claimDue(deps.engine, { user: kit.owner, at: at(seconds) })).looks,
  ];
  const lookAll: TriggerKit['look'] = async (looks, seconds) => {
    const signal = new AbortController().signal;
    await Promise.all(looks.map((one) => look(deps, { ...one, user: kit.owner, at: at(seconds) }, signal)));
  };
  return {
    engine: kit,
    web,
    start,
    deps: () => deps,
    make: (wish, maker = {}, house) =>
      as((tx) => makeTrigger(tx, { ...makerOf(kit.owner, start), ...maker }, wish, house)),
    view: (id) => as((tx) => viewTrigger(tx, kit.owner, id)),
    due,
    look: lookAll,
    pass: async (seconds) => lookAll(await due(seconds), seconds),
    fired: (trigger) =>
      as((tx) =>
        tx.rows<Fired>(sql`
          select r.id as request, o.facts->>'report' as report, a.labels, a.skills, a.hop, r.settings, m.text
          from occasions o join requests r on r.id = o.request_id join agents a on a.id = r.agent_id join messages m on m.request_id = r.id
          where o.source_id = ${trigger} order by o.due_at, o.occurrence`),
      ),
    async mail(name, { from, subject, text, at: sentAt = start + 60_000 }) {
      const inbox = path.join(kit.store.folder, 'local', kit.owner, 'mail', 'inbox');
      await mkdir(inbox, { recursive: true });
      const lines = [
        `From: ${from}`,
        'To: olga@example.org',
        `Subject: ${subject}`,
        `Date: ${new Date(sentAt).toUTCString()}`,
        '',
        text,
      ];
      await writeFile(path.join(inbox, `${name}.eml`), lines.join('\r\n'));
    },
    removeMail: (name) => rm(path.join(kit.store.folder, 'local', kit.owner, 'mail', 'inbox', `${name}.eml`)),
    restart: () => {
      deps = newDeps();
    },
    async close() {
      for (const reader of readers) await reader.close();
      await web.close();
      await kit.close();
      web.assertClean();
    },
  };
}

function makerOf(user: string, now: number): Maker {
  return { user, author: `user:${user}`, agent: 'default', labels: [], skills: null, now, timeZone: 'Europe/Berlin' };
}
