import { type Block, type MessagesBody, type WireMessage, blocksOf } from './anthropic-body.js';

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const BLOCK_ID = /^[a-zA-Z0-9_-]+$/;
const MAX_CACHE_BREAKPOINTS = 4;
const NO_FORCED_TOOLS = /^claude-(?:fable-5-1|mythos-5-1|opus-5-5|sonnet-5-5)\b/;
const THINKING_ALWAYS_ON = /^claude-(?:opus-5-5|fable-5-1)\b/;

/** What this server has said before, as far as later requests must repeat it. */
export interface Memory {
  /** Thinking by its signature. */
  readonly thinking: Map<string, string>;
  /** Signature of the thinking that stood before a tool call, by the call's id. */
  readonly thinkingBefore: Map<string, string>;
  /** JSON of the text of messages that ended with `pause_turn`. */
  readonly paused: Set<string>;
}

/** A server that has said nothing yet. */
export function emptyMemory(): Memory {
  return { thinking: new Map(), thinkingBefore: new Map(), paused: new Set() };
}

/**
 * What the real endpoint refuses beyond its schema: order and pairing of messages, names, empty text, cache
 * breakpoints, settings a model does not allow. Returns one sentence for each offence.
 */
export function brokenRules(body: MessagesBody, memory: Memory): string[] {
  const messages = merged(body.messages);
  return [
    ...orderOffences(messages, memory),
    ...pairingOffences(messages),
    ...messages.flatMap((message, index) => contentOffences(message, `messages.${index}`)),
    ...systemOffences(body),
    ...toolOffences(body, messages),
    ...settingOffences(body),
    ...thinkingOffences(messages, memory),
  ];
}

/** Neighbours of the same role count as one message. */
function merged(messages: readonly WireMessage[]): WireMessage[] {
  const result: WireMessage[] = [];
  for (const message of messages) {
    const last = result.at(-1);
    if (last?.role !== message.role) result.push(message);
    else
      result[result.length - 1] = {
        role: last.role,
        content: [...blocksOf(last.content), ...blocksOf(message.content)],
      };
  }
  return result;
}

function orderOffences(messages: readonly WireMessage[], memory: Memory): string[] {
  const last = messages.at(-1);
  if (last === undefined) return ['messages: at least one message is required'];
  const offences = messages[0]?.role === 'user' ? [] : ['messages: the first message must be from the user'];
  const resumes = last.role === 'assistant' && memory.paused.has(pauseKey(blocksOf(last.content)));
  if (last.role !== 'user' && !resumes) offences.push('messages: the last message must be from the user (no prefill)');
  return offences;
}

/** By what a paused message is recognised when it comes back. */
export function pauseKey(blocks: readonly Block[]): string {
  return JSON.stringify(blocks.map((block) => block.text ?? block.id ?? block.type));
}

function pairingOffences(messages: readonly WireMessage[]): string[] {
  const seen = new Set<string>();
  return messages.flatMap((message, index) => {
    const calls = idsOf(message, 'assistant', 'tool_use', 'id');
    const answers = idsOf(messages[index + 1], 'user', 'tool_result', 'tool_use_id');
    const before = idsOf(messages[index - 1], 'assistant', 'tool_use', 'id');
    const own = idsOf(message, 'user', 'tool_result', 'tool_use_id');
    const at = `messages.${index}`;
    const repeated = calls.filter((id, place) => seen.has(id) || calls.indexOf(id) !== place);
    for (const id of calls) seen.add(id);
    return [
      ...repeated.map((id) => `${at}: tool_use ids must be unique, ${id} is not`),
      ...calls
        .filter((id) => !answers.includes(id))
        .map((id) => `${at}: tool_use ${id} has no tool_result in the next message`),
      ...own
        .filter((id) => !before.includes(id))
        .map((id) => `${at}: tool_result ${id} answers no tool_use of the message before`),
      ...own.filter((id, place) => own.indexOf(id) !== place).map((id) => `${at}: tool_use ${id} is answered twice`),
      ...(own.length > 0 ? resultsFirst(blocksOf(message.content), at) : []),
    ];
  });
}

function idsOf(message: WireMessage | undefined, role: string, type: string, key: 'id' | 'tool_use_id'): string[] {
  if (message?.role !== role) return [];
  return blocksOf(message.content).flatMap((block) =>
    block.type === type && block[key] !== undefined ? [block[key]] : [],
  );
}

function resultsFirst(blocks: readonly Block[], at: string): string[] {
  const firstOther = blocks.findIndex((block) => block.type !== 'tool_result');
  const late = firstOther >= 0 && blocks.slice(firstOther).some((block) => block.type === 'tool_result');
  return late ? [`${at}: tool_result blocks must come before other content`] : [];
}

function contentOffences(message: WireMessage, at: string): string[] {
  const blocks = blocksOf(message.content);
  if (blocks.length === 0) return [`${at}: content must not be empty`];
  return blocks.flatMap((block, index) => blockOffences(block, message.role, `${at}.content.${index}`));
}

function blockOffences(block: Block, role: string, at: string): string[] {
  const offences: string[] = [];
  if (block.type === 'text' && (block.text ?? '').trim() === '')
    offences.push(`${at}: text must contain non-whitespace text`);
  if (block.type === 'tool_use') {
    if (!BLOCK_ID.test(block.id ?? '')) offences.push(`${at}: id must match ${BLOCK_ID.source}`);
    if (!/^.{1,200}$/.test(block.name ?? '')) offences.push(`${at}: name must have 1 to 200 characters`);
    if (!isObject(block.input)) offences.push(`${at}: input must be an object`);
  }
  if (block.type === 'tool_use' && role !== 'assistant') offences.push(`${at}: tool_use belongs to the assistant`);
  if (block.type === 'tool_result' && role !== 'user') offences.push(`${at}: tool_result belongs to the user`);
  if (block.type === 'document' && role === 'assistant')
    offences.push(`${at}: a document cannot stand in an assistant message`);
  if (role === 'user' && Array.isArray(block['citations']) && block['citations'].length > 0) {
    offences.push(`${at}: citations cannot stand in a user message`);
  }
  return offences;
}

function systemOffences(body: MessagesBody): string[] {
  return blocksOf(body.system ?? []).flatMap((block, index) =>
    (block.text ?? '').trim() === '' ? [`system.${index}: text must contain non-whitespace text`] : [],
  );
}

function toolOffences(body: MessagesBody, messages: readonly WireMessage[]): string[] {
  const names = (body.tools ?? []).map((tool) => tool.name ?? '');
  const usesTools = messages.some((message) =>
    blocksOf(message.content).some((block) => /^tool_(use|result)$/.test(block.type)),
  );
  return [
    ...names
      .filter((name) => !TOOL_NAME.test(name))
      .map((name) => `tools: the name "${name}" must match ${TOOL_NAME.source}`),
    ...names
      .filter((name, index) => names.indexOf(name) !== index)
      .map((name) => `tools: the name "${name}" is not unique`),
    ...(usesTools && names.length === 0 ? ['tools: required while messages hold tool_use or tool_result blocks'] : []),
  ];
}

function settingOffences(body: MessagesBody): string[] {
  const offences: string[] = [];
  const breakpoints = countBreakpoints([body.tools, body.system, body.messages]);
  if (breakpoints > MAX_CACHE_BREAKPOINTS)
    offences.push(`cache_control: at most ${MAX_CACHE_BREAKPOINTS} blocks, found ${breakpoints}`);
  if (!Number.isInteger(body.max_tokens) || body.max_tokens < 1)
    offences.push('max_tokens: must be a whole number of at least 1');
  if (NO_FORCED_TOOLS.test(body.model) && /^(any|tool)$/.test(body.tool_choice?.type ?? '')) {
    offences.push(`tool_choice: ${body.model} does not allow forced tool use`);
  }
  if (THINKING_ALWAYS_ON.test(body.model) && /^(enabled|disabled)$/.test(body.thinking?.type ?? '')) {
    offences.push(`thinking: ${body.model} allows adaptive only`);
  }
  return offences;
}

function countBreakpoints(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countBreakpoints(item), 0);
  if (!isObject(value)) return 0;
  return (isObject(value['cache_control']) ? 1 : 0) + countBreakpoints(value['content']);
}

/** Thinking goes back as it came, and in a tool loop it may not be left out. */
function thinkingOffences(messages: readonly WireMessage[], memory: Memory): string[] {
  return messages.flatMap((message, index) => {
    const blocks = blocksOf(message.content);
    const signatures = blocks.filter((block) => block.type === 'thinking').map((block) => block['signature']);
    const changed = blocks.filter(
      (block) => block.type === 'thinking' && memory.thinking.get(String(block['signature'])) !== block['thinking'],
    );
    const missing = blocks.filter((block) => {
      const before = block.type === 'tool_use' ? memory.thinkingBefore.get(block.id ?? '') : undefined;
      return before !== undefined && !signatures.includes(before);
    });
    return [
      ...changed.map(() => `messages.${index}: thinking blocks cannot be modified`),
      ...missing.map((block) => `messages.${index}: the thinking before tool_use ${block.id ?? ''} is missing`),
    ];
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
