import type { EffectInput } from '../contracts/step.js';
import type { Proposal } from '../contracts/skill.js';
import { json, sql } from '../store/sql.js';
import { approvalRows, expiryOf, type NewApproval, newApprovalId, requestedEvent } from './approvals.js';
import { labelsAdded } from './calls.js';
import type { Engine } from './deps.js';
import { release, resultWith } from './effect-outcomes.js';
import type { LedgerEntry } from './ledger.js';
import { askMeanwhile } from './parking.js';
import { lockRequest } from './rows.js';

/** Nobody but a person can tell whether it happened: asks, and leaves the entry alone until the answer. */
export async function askWhatBecame(engine: Engine, input: EffectInput, entry: LedgerEntry): Promise<void> {
  const id = newApprovalId();
  await engine.db.as(input.user, async (tx) => {
    await lockRequest(tx, input);
    const open = await tx.maybe(sql`
      select 1 from effects where key = ${input.key} and fence = ${input.fence} and closed_at is null
        and not exists (select from approvals q where q.about = effects.key)`);
    if (open === undefined) return;
    const question: NewApproval = {
      id,
      effect: 'unknown',
      skill: entry.skill,
      payload: entry.payload,
      proposal: questionOf(entry),
      call: entry.call ?? undefined,
      about: entry.key,
    };
    await askMeanwhile(
      tx,
      input,
      { id, title: question.proposal.title },
      [requestedEvent(input, { id, title: question.proposal.title })],
      [
        ...approvalRows(engine, input, question),
        sql`update effects set due_at = ${expiryOf(engine, input.request)} where key = ${entry.key}`,
      ],
    );
  });
}

function questionOf(entry: LedgerEntry): Proposal {
  const { preview } = entry;
  const text = [
    'The connection ended while this was being carried out, and it cannot be found out from here whether it happened.',
    'Look for yourself, then answer with respond and one of: arrived (it happened), send_again (it did not; do it now), leave (let it be).',
    '',
    preview.text,
  ].join('\n');
  return { title: `Did it arrive? ${entry.title}`, preview: { ...preview, text } };
}

/**
 * What was approved no longer fits the world: the entry is closed, nothing was done, and a fresh approval that says what
 * has changed takes its place. Undefined when another attempt has taken over.
 */
export async function askAfresh(
  engine: Engine,
  input: EffectInput,
  entry: LedgerEntry,
  fresh: { readonly id: string; readonly proposal: Proposal; readonly difference: string },
): Promise<void> {
  await engine.db.as(input.user, async (tx) => {
    const request = await lockRequest(tx, input);
    const closed = await tx.run(sql`
      update effects set status = 'failed', error = ${fresh.difference}, closed_at = now()
      where key = ${input.key} and fence = ${input.fence} and closed_at is null`);
    if (closed === 0) return;
    await release(tx, input);
    // What has changed is told in the words of others, such as the subject of their mail.
    await tx.run(labelsAdded(input, ['private', 'untrusted']));
    if (request.ended_at !== null) return;
    const { proposal } = fresh;
    const text = `Changed since you approved it: ${fresh.difference}\n\n${proposal.preview.text}`;
    const approval: NewApproval = {
      id: fresh.id,
      effect: entry.effect,
      skill: entry.skill,
      payload: entry.payload,
      costUsd: entry.preview.costUsd,
      proposal: { ...proposal, preview: { ...proposal.preview, text } },
      call: entry.call ?? undefined,
      replaces: entry.key,
    };
    const draft = [{ kind: 'draft', title: proposal.title, ref: `approval:${fresh.id}` }];
    await askMeanwhile(
      tx,
      input,
      { id: fresh.id, title: proposal.title },
      [requestedEvent(input, { id: fresh.id, title: proposal.title })],
      [
        ...approvalRows(engine, input, approval),
        sql`update calls set outputs = ${json(draft)} where id = ${entry.call}`,
      ],
      entry.call === null ? {} : { result: resultWith(input.request, entry.call, draft) },
    );
  });
}
