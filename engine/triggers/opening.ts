import type { Label } from '../../contracts/effect-class.js';
import type { AgentRef } from '../../contracts/step.js';
import type { TriggerKind } from '../../contracts/trigger.js';
import { localText } from '../../times/local-text.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { type Coordinator, coordinator, writeToBus } from '../clock/bus.js';
import type { Opening } from '../clock/opening.js';
import { countText, lateText, type Occasion } from '../reminders/opening.js';

/** What the agent is told of what set it to work; what came from outside makes it untrusted when the request is made. */
export async function openTrigger(tx: Tx, ref: AgentRef, timeZone: string, occasion: Occasion): Promise<Opening> {
  const row = await tx.maybe<{ kind: TriggerKind; instructions: string; labels: Label[] }>(sql`
    select t.kind, t.instructions, a.labels from triggers t join agents a on a.id = ${ref.agent} where t.id = ${occasion.source_id}`);
  const { report } = occasion.facts;
  const seen = typeof report === 'string' ? [report] : [];
  if (row === undefined)
    return { text: [`[trigger ${occasion.source_id}] It was removed meanwhile.`, ...seen].join('\n\n'), labels: [] };
  const head = headOf(occasion, row.kind, timeZone);
  const asked = await writeToBus(tx, ref.user, {
    author: coordinator(BY[row.kind]),
    text: [head, ...seen].join('\n'),
    metadata: { type: 'request', status: 'taken', to: 'user', trigger: occasion.source_id },
    labels: row.labels,
  });
  await writeToBus(tx, ref.user, {
    author: `agent:${ref.agent}`,
    text: 'Taken: working on it.',
    metadata: { type: 'answer', trigger: occasion.source_id, request: ref.request },
    replyTo: asked,
    labels: row.labels,
  });
  const text = [
    `[trigger ${occasion.source_id}] ${head}`,
    ...seen,
    'Nobody has written just now. The words below are the standing instructions for this.',
  ].join('\n\n');
  return { text, labels: [] };
}

const BY: Readonly<Record<TriggerKind, Coordinator>> = {
  cron: 'cron',
  webhook: 'webhook',
  mail: 'mail',
  space: 'space',
  watch: 'watch',
};

function headOf({ outcome, due_at, late, facts }: Occasion, kind: TriggerKind, timeZone: string): string {
  const at = localText(Date.parse(due_at), timeZone);
  if (kind !== 'cron') return `Set off by ${KINDS[kind]} on ${at}.`;
  const { missed } = facts;
  const left = missed === undefined ? '' : ` Before that ${countText(missed.count)} missed.`;
  if (outcome === 'missed')
    return `Missed: this was planned for ${at}, and the assistant was not running then. Do not do it now; tell the user that it was missed.${left}`;
  return `Planned for ${at}${late ? `, and late, because ${lateText(facts)}` : ''}.${left}`;
}

const KINDS = {
  webhook: 'a call from outside',
  mail: 'mail that came in',
  space: 'changes in a space',
  watch: 'a page or server that is watched',
} as const;
