/** A request body of the Messages API as far as the stand-in looks into it; the vendor's schema has checked the rest. */
export interface MessagesBody {
  readonly model: string;
  readonly max_tokens: number;
  readonly stream?: boolean;
  readonly system?: string | readonly Block[];
  readonly messages: readonly WireMessage[];
  readonly tools?: readonly {
    readonly name?: string;
    readonly description?: string;
    readonly [key: string]: unknown;
  }[];
  readonly tool_choice?: { readonly type: string };
  readonly thinking?: { readonly type: string };
  readonly [key: string]: unknown;
}

export interface WireMessage {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string | readonly Block[];
}

/** A content block of any type. */
export interface Block {
  readonly type: string;
  readonly text?: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: unknown;
  readonly tool_use_id?: string;
  readonly content?: unknown;
  readonly is_error?: boolean;
  readonly [key: string]: unknown;
}

/** The blocks of a message; a plain string counts as one text block. */
export function blocksOf(content: string | readonly Block[]): readonly Block[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

/** The text blocks of a message, one a line. */
export function textOf(content: string | readonly Block[]): string {
  return blocksOf(content)
    .flatMap((block) => (block.type === 'text' && block.text !== undefined ? [block.text] : []))
    .join('\n');
}

/** What a tool result says, as plain text. */
export function resultText(block: Block): string {
  return typeof block.content === 'string' ? block.content : textOf((block.content ?? []) as readonly Block[]);
}

/** Where the current exchange begins: the last user message that answers no tool call and tells of no decision. */
export function exchangeStart(messages: readonly WireMessage[]): number {
  return messages.findLastIndex(
    (message) =>
      message.role === 'user' &&
      !blocksOf(message.content).some(
        (block) => block.type === 'tool_result' || (block.type === 'text' && textOf([block]).startsWith('[outcome] ')),
      ),
  );
}

/** Every string anywhere in a value, keys left out. */
export function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  if (Array.isArray(value)) return value.flatMap(stringsIn);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}
