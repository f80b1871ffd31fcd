import {
  ModelError,
  type ModelClient,
  type ModelMessage,
  type ModelReply,
  type ModelRequest,
  type ModelTool,
} from '../../contracts/model.js';
import { type AnthropicClientOptions, createAnthropicClient } from '../../models/anthropic-client.js';
import { type AnthropicStandIn, type ScriptTurn, startAnthropicStandIn } from '../stand-ins/anthropic.js';

export const KEY = 'sk-test-0123456789';

export const TOOL: ModelTool = {
  name: 'mail_send',
  description: 'Sends a mail.',
  inputSchema: { type: 'object', properties: { to: { type: 'string' }, body: { type: 'string' } }, required: ['to'] },
};

export const INPUT = { to: 'anna@example.com', body: 'see you on Tuesday, "quoted" and ünïcode 🎈' };
export const TEXT_TURN: ScriptTurn = { text: 'a plain answer that is long enough to come in several pieces' };
export const CALL_TURN: ScriptTurn = { text: 'one moment', calls: [{ name: 'mail_send', input: INPUT }] };
export const USER: ModelMessage = {
  role: 'user',
  content: [{ type: 'text', text: `Write to anna@example.com: ${INPUT.body}` }],
};

/** A request with one tool; without messages the user asks for a mail. */
export function modelRequest(
  messages: readonly ModelMessage[] = [USER],
  more: Partial<ModelRequest> = {},
): ModelRequest {
  const system = ['You help.', 'It is Monday.'];
  return { model: 'claude-haiku-5-5', system, messages, tools: [TOOL], maxTokens: 1_000, ...more };
}

/** One call of the client; everything left out has a working default. */
export interface ClientCall {
  readonly request?: ModelRequest;
  readonly client?: Partial<AnthropicClientOptions>;
  readonly abortSignal?: AbortSignal;
}

/** The client under test, and a stand-in with one turn for it to talk to. */
export interface ClientHarness {
  readonly standIn: AnthropicStandIn;
  readonly client: (options?: Partial<AnthropicClientOptions>) => ModelClient;
  /** The reply, and the text as it was streamed. */
  readonly ask: (call?: ClientCall) => Promise<{ reply: ModelReply; text: string }>;
  /** The error of a call that must fail. */
  readonly failure: (call?: ClientCall) => Promise<ModelError>;
  /** Ends the stand-in; throws when it saw a violation. */
  close(): Promise<void>;
}

/** Starts a stand-in that lets only `KEY` in and has one turn of plain text. */
export async function startClientHarness(): Promise<ClientHarness> {
  const standIn = await startAnthropicStandIn({ script: [TEXT_TURN], apiKey: KEY });
  const client: ClientHarness['client'] = (options = {}) =>
    createAnthropicClient({ baseUrl: standIn.url, apiKey: KEY, idleTimeoutMs: 2_000, timeoutMs: 5_000, ...options });
  const ask: ClientHarness['ask'] = async (call = {}) => {
    let text = '';
    const reply = await client(call.client).complete(call.request ?? modelRequest(), {
      abortSignal: call.abortSignal ?? new AbortController().signal,
      onText: (delta) => void (text += delta),
    });
    return { reply, text };
  };
  return {
    standIn,
    client,
    ask,
    failure: async (call) => {
      const [result] = await Promise.allSettled([ask(call)]);
      if (result.status === 'rejected' && result.reason instanceof ModelError) return result.reason;
      throw new Error('expected a ModelError', { cause: result });
    },
    close: async () => {
      await standIn.close();
      standIn.assertClean();
    },
  };
}
