import { z } from 'zod';
import { type SpaceAccess, transactionSkill } from '../../contracts/skill.js';
import { type JsonValue, NewSubscriptionSchema } from '../../contracts/space.js';
import { asJson } from '../shared/as-json.js';
import { spaceSubscribeManifest } from './manifest.js';

const UndoSchema = z.strictObject({
  space: z.string(),
  agent: z.string(),
  /** What the agent was told of before; null where it was told of nothing. */
  before: NewSubscriptionSchema.nullable(),
});

/** Begins, replaces or ends a subscription; its undo puts back what was there. */
export const spaceSubscribe = transactionSkill({
  manifest: spaceSubscribeManifest,
  async run({ space, agent: named, stop, ...wish }, { spaces, agentId }) {
    const agent = named ?? agentId;
    const undo = { space, agent, before: await wishOf(spaces, space, agent) };
    if (stop === true) {
      await spaces.unsubscribe(space, agent);
      return { output: { space, agent, subscribed: false }, undo };
    }
    const { debounceSeconds } = await spaces.subscribe(space, agent, wish);
    return { output: { space, agent, subscribed: true, debounceSeconds }, undo };
  },
  async undo(undo, { spaces }) {
    const { space, agent, before } = UndoSchema.parse(undo);
    if (before !== null) await spaces.subscribe(space, agent, before);
    else if ((await wishOf(spaces, space, agent)) !== null) await spaces.unsubscribe(space, agent);
  },
});

async function wishOf(spaces: SpaceAccess, space: string, agent: string): Promise<JsonValue> {
  const found = await spaces.subscription(space, agent);
  if (found === undefined) return null;
  const { space: _space, agent: _agent, createdAt: _createdAt, ...wish } = found;
  return asJson(wish);
}
