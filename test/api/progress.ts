import type { AssistantBlock, StopReason } from '../../contracts/model.js';
import type { AgentRef } from '../../contracts/step.js';
import { acceptRequest } from '../../engine/accept.js';
import type { Engine } from '../../engine/deps.js';
import { viewRequest } from '../../engine/requests.js';
import { beginTurn } from '../../engine/turn-context.js';
import { type ChosenCall, storeTurn } from '../../engine/turns.js';

/** Stands in for the workflow: moves a request on by what the engine offers. */
export async function newRequest(engine: Engine, user: string, text = 'hello'): Promise<AgentRef> {
  const { id } = await acceptRequest(engine, user, { body: { text } });
  return { user, request: id, agent: (await viewRequest(engine, user, id)).agent };
}

export interface TurnPlan {
  readonly turn: number;
  readonly text?: string;
  readonly calls?: readonly (Partial<ChosenCall> & { readonly skill: string })[];
  readonly usd?: string;
  /** How often the model was asked for it. */
  readonly attempts?: number;
  readonly stopReason?: StopReason;
}

export async function takeTurn(engine: Engine, ref: AgentRef, plan: TurnPlan): Promise<void> {
  let attempt = 0;
  let lastMessageSeq = 0;
  for (let index = 0; index < (plan.attempts ?? 1); index += 1) {
    const begun = await beginTurn(engine, ref, plan.turn, () => ({ wish: undefined }));
    if (begun.kind !== 'ask') throw new Error(`turn ${plan.turn} cannot begin: ${JSON.stringify(begun.step)}`);
    attempt = begun.context.attempt;
    lastMessageSeq = Math.max(...begun.context.messages.map((message) => message.seq));
  }
  const calls = (plan.calls ?? []).map((call) => ({
    input: {},
    summary: call.skill,
    verdict: 'run' as const,
    timeoutMs: 1000,
    quick: true,
    first: false,
    delegates: false,
    ...call,
  }));
  const content: AssistantBlock[] = [
    ...(plan.text === undefined ? [] : [{ type: 'text' as const, text: plan.text }]),
    ...calls.map((call, index) => ({
      type: 'tool_use' as const,
      id: `use${index}`,
      name: call.skill,
      input: call.input,
    })),
  ];
  await storeTurn(engine, ref, {
    turn: plan.turn,
    attempt,
    startedAt: new Date(),
    reply: {
      model: 'rehearsal',
      content,
      stopReason: plan.stopReason ?? (calls.length > 0 ? 'tool_use' : 'end_turn'),
      usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 },
    },
    calls,
    outcomes: [],
    lastMessageSeq,
    lastNoteSeq: 0,
    usd: plan.usd ?? '0',
    isReserved: false,
  });
}

/** A request that has come to its end by one turn. */
export async function completedRequest(engine: Engine, user: string, text = 'hello'): Promise<AgentRef> {
  const ref = await newRequest(engine, user, text);
  await takeTurn(engine, ref, { turn: 1, text: 'Done.' });
  return ref;
}
