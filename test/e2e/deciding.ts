import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { vi } from 'vitest';
import type { Approval, Decision, Effect } from '../../contracts/approval.js';
import { listApprovals, listEffects } from '../../engine/approval-views.js';
import { decide } from '../../engine/decisions.js';
import { sql } from '../../store/sql.js';
import { blocksOf, textOf } from '../stand-ins/anthropic-body.js';
import type { RecordedCall } from '../stand-ins/anthropic.js';
import type { Stage } from './stage.js';

const MARKER = '[outcome] ';

/** What the user does about approvals on one stage, and what can be seen of it outside. */
export interface Desk {
  /** The open approvals of a request, in the order they were made. */
  pending(request: string): Promise<Approval[]>;
  /** As `pending`, waiting until there are as many. */
  waitFor(request: string, count: number, limitMs?: number): Promise<Approval[]>;
  all(request: string): Promise<Approval[]>;
  decide(approval: Approval | undefined, decision: Omit<Decision, 'payloadHash'>): Promise<void>;
  effects(request: string): Promise<Effect[]>;
  /** Waits until every effect of the request is over, and returns them. */
  settled(request: string, limitMs?: number): Promise<Effect[]>;
  /** The mails in the local outbox, as text. */
  outbox(): string[];
  /** The calendar file as it stands. */
  calendar(): string;
  /** The time of the approval is over. */
  expire(approval: Approval | undefined): Promise<void>;
}

export function deskOf(stage: Stage): Desk {
  const { engine } = stage.world.serving.installation;
  const { owner, home } = stage.world;
  const local = path.join(home, 'local', owner);
  const listed = async (request: string, status?: 'pending'): Promise<Approval[]> => {
    const page = await listApprovals(engine, owner, {
      request,
      limit: 100,
      ...(status === undefined ? {} : { status }),
    });
    return page.items.toReversed();
  };
  const desk: Desk = {
    pending: (request) => listed(request, 'pending'),
    all: (request) => listed(request),
    async waitFor(request, count, limitMs = 20_000) {
      return vi.waitFor(
        async () => {
          const found = await desk.pending(request);
          if (found.length !== count) throw new Error(`${found.length} approvals wait instead of ${count}`);
          return found;
        },
        { timeout: limitMs, interval: 20 },
      );
    },
    async decide(approval, decision) {
      if (approval === undefined) throw new Error('there is no such approval');
      await decide(engine, owner, approval.id, { ...decision, payloadHash: approval.payloadHash });
    },
    effects: (request) => listEffects(engine, owner, request),
    async settled(request, limitMs = 20_000) {
      await vi.waitFor(
        async () => {
          const open = await engine.db.as(owner, (tx) =>
            tx.rows(sql`select key from effects where request_id = ${request} and closed_at is null`),
          );
          if (open.length > 0) throw new Error(`${open.length} effects are open`);
        },
        { timeout: limitMs, interval: 20 },
      );
      return desk.effects(request);
    },
    outbox() {
      const folder = path.join(local, 'mail', 'outbox');
      if (!existsSync(folder)) return [];
      return readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
    },
    calendar() {
      const file = path.join(local, 'calendar.ics');
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    },
    async expire(approval) {
      await engine.db.as(owner, (tx) =>
        tx.run(sql`update approvals set expires_at = now() where id = ${approval?.id ?? ''}`),
      );
    },
  };
  return desk;
}

/** What the newest message of a model call tells of decisions, in order. */
export function outcomesIn(call: RecordedCall | undefined): Record<string, unknown>[] {
  return blocksOf(call?.body?.messages.at(-1)?.content ?? [])
    .map((block) => textOf([block]))
    .filter((text) => text.startsWith(MARKER))
    .map((text) => JSON.parse(text.slice(MARKER.length)) as Record<string, unknown>);
}

/** The words of the user in the newest message of a model call. */
export function wordsIn(call: RecordedCall | undefined): string[] {
  return blocksOf(call?.body?.messages.at(-1)?.content ?? [])
    .map((block) => textOf([block]))
    .filter((text) => text !== '' && !text.startsWith(MARKER));
}
