import type Anthropic from '@anthropic-ai/sdk';
import { ModelError, type ModelMessage, type ModelRequest, type ModelTool } from '../contracts/model.js';

type WireBlock = Anthropic.ContentBlockParam;
interface WireMessage {
  readonly role: 'user' | 'assistant';
  readonly content: WireBlock[];
}
type UserBlock = Extract<ModelMessage, { role: 'user' }>['content'][number];
type ContractBlock = ModelMessage['content'][number];

const CACHE_HERE = { type: 'ephemeral' } as const;

/**
 * The body of `POST /v1/messages` for a request: tools and system text first and in the order given, so that the
 * cached prefix stays byte for byte the same from turn to turn. Blank text is left out, because the API refuses it.
 * Throws `ModelError` `invalid` when no message is left.
 */
export function toWireRequest(request: ModelRequest): Anthropic.MessageCreateParamsStreaming {
  const messages = toWireMessages(request.messages);
  if (messages.length === 0) throw new ModelError('invalid', 'The model call has no message with content.');
  const system = toWireSystem(request.system);
  return {
    model: request.model,
    max_tokens: request.maxTokens,
    stream: true,
    ...(system.length > 0 ? { system } : {}),
    ...(request.tools.length > 0 ? { tools: request.tools.map(toWireTool) } : {}),
    messages,
  };
}

/** The first entry is the stable prefix: the breakpoint stands at its end, and covers the tools before it too. */
function toWireSystem(system: readonly string[]): Anthropic.TextBlockParam[] {
  return system
    .map(
      (text, index): Anthropic.TextBlockParam => ({
        type: 'text',
        text,
        ...(index === 0 ? { cache_control: CACHE_HERE } : {}),
      }),
    )
    .filter((block) => !isBlank(block.text));
}

function toWireTool(tool: ModelTool): Anthropic.Tool {
  return {
    name: tool.name,
    description: tool.description,
    input_schema: { ...tool.inputSchema, type: 'object' },
  };
}

function toWireMessages(messages: readonly ModelMessage[]): WireMessage[] {
  const wire = messages
    .map(
      (message): WireMessage => ({ role: message.role, content: withoutBlankText(message.content).map(toWireBlock) }),
    )
    .filter((message) => message.content.length > 0);
  markEnd(wire.at(-1));
  return wire;
}

function withoutBlankText(content: readonly ContractBlock[]): ContractBlock[] {
  return content.filter((block) => block.type !== 'text' || !isBlank(block.text));
}

function toWireBlock(block: ContractBlock): WireBlock {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: block.text };
    case 'tool_use':
      return { type: 'tool_use', id: block.id, name: block.name, input: block.input };
    case 'opaque':
      return block.block as unknown as WireBlock;
    case 'image':
    case 'tool_result':
      return toWireUserBlock(block);
  }
}

function toWireUserBlock(block: Exclude<UserBlock, { type: 'text' }>): WireBlock {
  if (block.type === 'image') {
    return { type: 'image', source: { type: 'base64', media_type: block.mediaType, data: block.data } };
  }
  return { type: 'tool_result', tool_use_id: block.toolUseId, content: block.content, is_error: block.isError };
}

/** Caches the conversation up to its last block; the next turn reads it and adds its own end. */
function markEnd(message: WireMessage | undefined): void {
  const block = message?.content.at(-1);
  if (message?.role !== 'user' || block === undefined) return;
  message.content[message.content.length - 1] = { ...block, cache_control: CACHE_HERE } as WireBlock;
}

function isBlank(text: string): boolean {
  return text.trim() === '';
}
