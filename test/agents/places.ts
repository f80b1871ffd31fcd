import type { SpaceAccess } from '../../contracts/skill.js';
import type { Permission } from '../../contracts/space.js';
import { readInbox } from '../../engine/agents/steer.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { sql } from '../../store/sql.js';
import { allRuns, everythingIn } from '../e2e/histories.js';
import type { Stage } from '../e2e/stage.js';
import type { ScriptInput, ScriptTurn } from '../stand-ins/anthropic-script.js';
import { askedFor, call, given, result } from './script.js';

/** Works with the spaces of the stage's user. */
function inSpaces<T>({ world }: Stage, work: (spaces: SpaceAccess) => Promise<T>): Promise<T> {
  const { engine } = world.serving.installation;
  return engine.db.as(world.owner, (tx) => work(spaceAccess(tx, userActor(world.owner))));
}

/** A space with these atoms in it; its id. */
export function makeSpace(
  stage: Stage,
  name: string,
  payloads: readonly Record<string, string>[] = [],
): Promise<string> {
  return inSpaces(stage, async (spaces) => {
    const { id } = await spaces.create({ name });
    for (const payload of payloads) await spaces.put(id, { payload, comment: 'known' });
    return id;
  });
}

/** A fact that the user's memory holds from now on. */
export function remember(stage: Stage, text: string) {
  return inSpaces(stage, async (spaces) => {
    const memory = await spaces.ofRole('memory');
    return spaces.put(memory.id, { payload: { text }, metadata: { kind: 'fact' }, comment: 'Remembered' });
  });
}

/** What an agent was told, as the API shows it. */
export async function inboxOf({ world }: Stage, agent: string) {
  const { items } = await readInbox(world.serving.installation.engine, world.owner, agent, { limit: 10 });
  return items;
}

/** All that the model was given for agents whose task begins with these words. */
export const seenBy = (stage: Stage, task: string): string =>
  JSON.stringify(askedFor(stage, task).map(({ body }) => body));

/** Every atom of a small space. */
export function atomsOf(stage: Stage, space: string) {
  return inSpaces(stage, async (spaces) => {
    const { items } = await spaces.search({ spaces: [space], limit: 50 });
    return items.map(({ atom }) => atom);
  });
}

/** Where one of the forms stands: the names of tables, `prompts` of all requests, `history` of this one. */
export async function placesOf(stage: Stage, forms: readonly string[], request: string): Promise<string[]> {
  const history = everythingIn(await allRuns(stage.client, `request:${request}`));
  const prompts = JSON.stringify(stage.model.calls.map(({ body }) => body));
  const kept = await stage.world.serving.installation.engine.db.system(async (tx) => {
    const tables = await tx.rows<{ name: string }>(
      sql`select tablename as name from pg_tables where schemaname = 'public'`,
    );
    const all = tables.map(
      ({ name }) => sql`select ${name}::text as name, string_agg(t::text, ' ') as found from ${sql.table(name)} t`,
    );
    return tx.rows<{ name: string; found: string | null }>(sql.join(all, sql` union all `));
  });
  return [...kept, { name: 'prompts', found: prompts }, { name: 'history', found: history }]
    .filter(({ found }) => forms.some((form) => found?.includes(form)))
    .map(({ name }) => name);
}

export interface FoundAtom {
  readonly id: string;
  readonly version: number;
  readonly payload: Readonly<Record<string, string>>;
}

/** Looks for all in the space that the task names. */
export const look = (input: ScriptInput): ScriptTurn => call('space_search', { space: given(input, 'space') });

/** What such a look has found. */
export const atomsIn = (input: ScriptInput): FoundAtom[] =>
  result<{ items: { atom: FoundAtom }[] }>(input).items.map(({ atom }) => atom);

export const payloadsIn = (input: ScriptInput): FoundAtom['payload'][] => atomsIn(input).map(({ payload }) => payload);

/** The id of the user's memory, as the system prompt names it. */
export function memoryOf({ system }: ScriptInput): string {
  const [, id] = /Personal memory \(id (spc_\w+)\)/.exec(system) ?? [];
  if (id === undefined) throw new Error('the memory is not named');
  return id;
}

/** One right, as it is given with a spawn. */
export const right = (space: string, permission: Permission) => ({ [space]: permission });
