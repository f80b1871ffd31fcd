import { type JsonRecord, isRecord } from './json.js';

export interface OfferedTool {
  readonly name: string;
  readonly schema: JsonRecord;
}

export interface ToolAnswer {
  readonly id: string;
  readonly text: string;
  readonly isError: boolean;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly input: JsonRecord;
}

/** One message of the request, reduced to what the rules look at. */
export type Said =
  | { readonly role: 'user'; readonly texts: readonly string[]; readonly answers: readonly ToolAnswer[] }
  | { readonly role: 'assistant'; readonly text: string; readonly calls: readonly ToolCall[] };

export interface RehearsalRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly system: string;
  readonly tools: readonly OfferedTool[];
  readonly said: readonly Said[];
}

/** Thrown for a body that the Messages API would refuse; the message names the field. */
export class BadBodyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadBodyError';
  }
}

function refuse(condition: boolean, message: string): asserts condition is false {
  if (condition) throw new BadBodyError(message);
}

function textsOf(content: unknown): string[] {
  if (typeof content === 'string') return content.trim() === '' ? [] : [content];
  if (!Array.isArray(content)) return [];
  const texts = content.filter(isRecord).filter((block) => block['type'] === 'text');
  return texts
    .map((block) => block['text'])
    .filter((text): text is string => typeof text === 'string' && text.trim() !== '');
}

function blocksOf(content: unknown, path: string): JsonRecord[] {
  if (typeof content === 'string') return [];
  refuse(!Array.isArray(content), `${path}.content: Input should be a valid string or list of blocks`);
  const blocks: unknown[] = content as unknown[];
  return blocks.map((block, index) => {
    const ok = isRecord(block) && typeof block['type'] === 'string';
    refuse(!ok, `${path}.content.${index}.type: Field required`);
    return block as JsonRecord;
  });
}

function answerOf(block: JsonRecord, path: string): ToolAnswer {
  const id = block['tool_use_id'];
  if (typeof id !== 'string') throw new BadBodyError(`${path}.tool_use_id: Field required`);
  return { id, text: textsOf(block['content']).join('\n'), isError: block['is_error'] === true };
}

function callOf(block: JsonRecord, path: string): ToolCall {
  const { id, name, input } = block;
  if (typeof id !== 'string' || typeof name !== 'string') throw new BadBodyError(`${path}: tool_use needs id and name`);
  return { id, name, input: isRecord(input) ? input : {} };
}

function saidOf(message: unknown, index: number): Said[] {
  const path = `messages.${index}`;
  refuse(!isRecord(message), `${path}: Input should be an object`);
  const { role, content } = message as JsonRecord;
  const blocks = blocksOf(content, path);
  const ofType = (type: string) => blocks.filter((block) => block['type'] === type);
  if (role === 'assistant') {
    return [{ role, text: textsOf(content).join('\n'), calls: ofType('tool_use').map((block) => callOf(block, path)) }];
  }
  if (role === 'user') {
    return [{ role, texts: textsOf(content), answers: ofType('tool_result').map((block) => answerOf(block, path)) }];
  }
  refuse(role !== 'system', `${path}.role: Input should be 'user' or 'assistant'`);
  return [];
}

function toolsOf(tools: unknown, choice: unknown): OfferedTool[] {
  if (tools === undefined || tools === null) return [];
  refuse(!Array.isArray(tools), 'tools: Input should be a valid list');
  if (isRecord(choice) && choice['type'] === 'none') return [];
  return (tools as unknown[]).flatMap((tool, index) => {
    if (!isRecord(tool) || typeof tool['name'] !== 'string')
      throw new BadBodyError(`tools.${index}.name: Field required`);
    // Tools without a schema of their own are run by the server; this one has none.
    return isRecord(tool['input_schema']) ? [{ name: tool['name'], schema: tool['input_schema'] }] : [];
  });
}

/** Checks a request body as far as the vendor would refuse it, and reduces it. Throws `BadBodyError`. */
export function parseRequest(body: unknown): RehearsalRequest {
  if (!isRecord(body)) throw new BadBodyError('the body must be a JSON object');
  const { model, messages, max_tokens: maxTokens } = body;
  if (typeof model !== 'string' || model === '') throw new BadBodyError('model: Field required');
  if (typeof maxTokens !== 'number' || !Number.isInteger(maxTokens) || maxTokens < 1) {
    throw new BadBodyError('max_tokens: Input should be an integer greater than or equal to 1');
  }
  if (!Array.isArray(messages) || messages.length === 0)
    throw new BadBodyError('messages: at least one message is required');
  const said = messages.flatMap(saidOf);
  refuse(said.at(-1)?.role !== 'user', 'messages: the conversation must end with a user message (no prefill)');
  return {
    model,
    stream: body['stream'] === true,
    system: textsOf(body['system']).join('\n'),
    tools: toolsOf(body['tools'], body['tool_choice']),
    said,
  };
}
