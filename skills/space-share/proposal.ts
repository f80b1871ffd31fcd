import { ProblemError } from '../../contracts/problem.js';
import type { Proposal, TransactionContext } from '../../contracts/skill.js';
import { quote } from '../shared/summary-text.js';
import { visibleLine, visibleText } from '../shared/visible-text.js';
import { requireSomebodyElse } from './grant.js';
import { allowedWords, type SpaceShareInput } from './manifest.js';

/**
 * What a person is asked before somebody else is let into a space. Throws `ProblemError` where it could not be shared
 * anyway: a space or a person that is not there, or a space that the user and the agent may not share.
 */
export async function proposeShare(
  { space: id, with: principal, permission }: SpaceShareInput,
  context: TransactionContext,
): Promise<Proposal> {
  requireSomebodyElse(principal, context.user.id);
  const grants = await context.spaces.grants(id);
  const space = await context.spaces.space(id);
  const whom = await personOf(context, principal);
  const name = quote(visibleLine(space.name));
  const words = permission === 'none' ? 'no longer use' : allowedWords(permission);
  const has = grants.find((grant) => grant.principal === principal)?.permission;
  const others = grants.filter((grant) => ![principal, `user:${space.owner}`].includes(grant.principal));
  const text = [
    ...visibleText(space.name).warnings,
    `${whom} may ${words} the space ${name} (${id}) from now on. It holds ${countOf(space.atomCount, 'atom')}.`,
    'They will see all of it, and its whole history: every earlier version and what was withdrawn, with who wrote it and why. The same goes for what is written there later.',
    'Access can be taken back; what they have seen by then they have seen.',
    '',
    has === undefined ? 'So far they have no access.' : `So far they may ${allowedWords(has)} it; this replaces that.`,
    others.length === 0
      ? 'Nobody else but its owner has access.'
      : `Besides them and its owner, access is held by: ${others.map((grant) => `${grant.principal} (${grant.permission})`).join(', ')}.`,
  ];
  return {
    title: `Let ${whom} ${words} the space ${name}`,
    preview: { text: text.join('\n'), recipients: [principal] },
  };
}

/** By name, with the id that tells two people of one name apart. */
async function personOf({ spaces }: TransactionContext, principal: string): Promise<string> {
  const name = await spaces.nameOf(principal);
  if (name !== undefined) return `${visibleLine(name)} (${principal})`;
  throw new ProblemError('invalid-body', 'with: there is nobody with this id. Ask the user for it; never guess one.');
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
