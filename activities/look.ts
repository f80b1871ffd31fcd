import { ProblemError } from '../contracts/problem.js';
import type { LookInput } from '../contracts/step.js';
import { MOST_MAILS, sinceWhen } from '../engine/triggers/arrivals.js';
import { openLook, type Outcome, settleLook } from '../engine/triggers/looks.js';
import type { TriggerRow } from '../engine/triggers/trigger-rows.js';
import type { Sighting } from '../engine/triggers/watching.js';
import type { ActivityDeps } from './deps.js';

type LookDeps = Pick<ActivityDeps, 'engine' | 'webReader' | 'mail' | 'log'>;

/**
 * Looks once at what a trigger watches, and makes a request of what it finds. Where the look itself fails, the trigger
 * says why and nothing counts as seen.
 */
export async function look(deps: LookDeps, input: LookInput, abortSignal: AbortSignal): Promise<void> {
  const row = await openLook(deps.engine, input);
  if (row === undefined) return;
  await settleLook(deps.engine, input, await outcomeOf(deps, row, abortSignal));
}

async function outcomeOf(deps: LookDeps, row: TriggerRow, abortSignal: AbortSignal): Promise<Outcome> {
  try {
    return await seen(deps, row, abortSignal);
  } catch (error) {
    abortSignal.throwIfAborted();
    if (error instanceof ProblemError) return { kind: 'trouble', trouble: error.message };
    deps.log.warn({ err: error }, 'a look at what a trigger watches failed');
    return { kind: 'trouble', trouble: 'The look failed inside Retinue; its log says why. It is made again.' };
  }
}

async function seen(deps: LookDeps, row: TriggerRow, abortSignal: AbortSignal): Promise<Outcome> {
  switch (row.kind) {
    case 'watch':
      return { kind: 'watch', sighting: await sightOf(deps, row, abortSignal) };
    case 'mail':
      return { kind: 'mail', mails: await mailsFor(deps, row) };
    case 'space':
      return { kind: 'space' };
    case 'cron':
    case 'webhook':
      return { kind: 'trouble', trouble: 'There is nothing to look at.' };
  }
}

async function mailsFor({ mail }: LookDeps, row: TriggerRow & { kind: 'mail' }) {
  const { from, subject, words } = row.spec;
  return mail.search(row.user_id, {
    ...(from === undefined ? {} : { from }),
    ...(subject === undefined ? {} : { subject }),
    ...(words === undefined ? {} : { words }),
    since: sinceWhen(row.state.mail ?? { upto: row.created_at }),
    limit: MOST_MAILS,
  });
}

async function sightOf(
  { webReader }: LookDeps,
  { spec: { url, condition }, own_address: isNamed }: TriggerRow & { readonly kind: 'watch' },
  abortSignal: AbortSignal,
): Promise<Sighting> {
  if (condition.kind === 'down') return { kind: 'answer', ...(await webReader.probe(url, { abortSignal, isNamed })) };
  const page = await webReader.read(url, { abortSignal, isNamed });
  if (page.redirectedTo === undefined) return { kind: 'page', text: `${page.title}\n${page.text}`, isOwn: isNamed };
  throw new ProblemError(
    'conflict',
    'The page has moved to another host: open it and change the address of the trigger.',
  );
}
