import { ProblemError } from '../contracts/problem.js';
import { hostName, referenceTo } from '../contracts/secret.js';
import type { SkillCaller } from '../contracts/skill.js';
import type { Tx } from '../store/db.js';
import { openSecret, type SecretBox } from '../store/secrets.js';
import { sql } from '../store/sql.js';

/**
 * The value of a secret for one host, where the acting agent may use it at this moment: an agent that works for the user
 * may use all of theirs, one that works for another agent what it was granted. Throws `ProblemError`: `forbidden` without
 * that right or for another host, `not-found` where the user has no such secret, `conflict` where its key is another one.
 */
export async function openGrantedSecret(
  tx: Tx,
  box: () => SecretBox,
  { agentId, user }: Pick<SkillCaller, 'agentId' | 'user'>,
  name: string,
  host: string,
): Promise<string> {
  const reference = referenceTo(name);
  const wanted = hostName(host);
  // The right comes first: who may not use a secret does not learn whether there is one.
  if (!(await mayUse(tx, agentId, user.id, name)))
    throw new ProblemError('forbidden', `You may not use ${reference}. Ask the agent you work for to be given it.`);
  const secret = await openSecret(tx, box, user.id, name);
  if (secret === undefined)
    throw new ProblemError(
      'not-found',
      `There is no secret ${reference}. The user stores it with: npx retinue secret set ${name} --host HOST`,
    );
  if (!secret.hosts.includes(wanted)) throw notFor(reference, name, secret.hosts, wanted);
  return secret.value;
}

async function mayUse(tx: Tx, agent: string, user: string, name: string): Promise<boolean> {
  const found = await tx.maybe<{ held: string[] | null }>(
    sql`select retinue_held(id, 'secret') as held from agents where id = ${agent} and user_id = ${user}`,
  );
  return found !== undefined && (found.held === null || found.held.includes(name));
}

function notFor(reference: string, name: string, hosts: readonly string[], wanted: string): ProblemError {
  const bound = hosts.length === 0 ? 'is for no host' : `is only for ${hosts.join(', ')}`;
  return new ProblemError(
    'forbidden',
    `${reference} ${bound}, not for ${wanted}; it was not used. Only the user can say where it may go (npx retinue secret set ${name} --host HOST).`,
  );
}
