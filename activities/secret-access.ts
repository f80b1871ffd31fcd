import { ProblemError } from '../contracts/problem.js';
import { referenceTo, secretName, secretsNamedIn } from '../contracts/secret.js';
import type { SecretAccess } from '../contracts/services.js';
import type { Skill, SkillCaller } from '../contracts/skill.js';
import { openGrantedSecret } from '../engine/secret-grants.js';
import type { ActivityDeps } from './deps.js';
import { Scrubber } from './scrub.js';

/** The secrets of one run, and what takes them out of everything that comes of it. */
export interface RunSecrets {
  readonly access: SecretAccess;
  readonly scrubber: Scrubber;
}

/** Secrets that the skill's manifest or `given` (the input of the call, its undo value) names, for the caller's agent. */
export function secretsOfRun(
  deps: Pick<ActivityDeps, 'engine' | 'secretBox'>,
  caller: SkillCaller,
  { manifest }: Skill,
  ...given: readonly unknown[]
): RunSecrets {
  const named = new Set([...(manifest.secrets ?? []), ...secretsNamedIn(given)]);
  const scrubber = new Scrubber();
  const use: SecretAccess['use'] = async (reference, host, work) => {
    const name = secretName(reference);
    if (!named.has(name))
      throw new ProblemError('forbidden', `This call of ${manifest.name} does not name ${referenceTo(name)}.`);
    const { secretBox } = deps;
    if (secretBox === undefined) throw new ProblemError('forbidden', 'No secrets are handed out here.');
    const value = await deps.engine.db.as(caller.user.id, (tx) => openGrantedSecret(tx, secretBox, caller, name, host));
    scrubber.add(value, referenceTo(name));
    return work(value);
  };
  return { access: { use }, scrubber };
}
