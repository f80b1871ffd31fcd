import Anthropic from '@anthropic-ai/sdk';
import { createRehearsalFetch } from '../../models/rehearsal/index.js';
import { readSetting, type Setting } from '../../models/rehearsal/setting.js';
import { hasVendorSchemas, vendorValidator } from '../helpers/vendor-schema.js';

export const LABEL = '(rehearsal model: simple rules, no intelligence)';
/** A Tuesday. */
export const NOW = '2026-11-24T16:05:00+01:00';
export const SYSTEM = `You are an assistant.\n\nUser: Mike Brandt\nTime zone: Europe/Berlin\nNow: ${NOW}\n\nBe brief.`;

export type Input = Record<string, unknown>;

const text = { type: 'string', minLength: 1 };
const due = {
  anyOf: [
    { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$' },
    { type: 'string', format: 'date-time' },
  ],
};

function tool(name: string, properties: Input, required: string[] = Object.keys(properties)): Anthropic.Tool {
  return {
    name,
    description: `Does ${name}.`,
    input_schema: { type: 'object', properties, required, additionalProperties: false },
  };
}

const addresses = { type: 'array', items: text, minItems: 1 };
const MAIL = { to: addresses, cc: addresses, bcc: addresses, subject: text, body: text, inReplyTo: text };
const MAIL_REQUIRED = ['to', 'subject', 'body'];

export const TOOLS: readonly Anthropic.Tool[] = [
  tool('tasks_create', { title: text, owner: text, due, notes: text }, ['title']),
  tool('tasks_list', { status: { enum: ['open', 'done', 'held'] } }, []),
  tool('tasks_update', { task: text, status: { enum: ['open', 'done', 'held'] }, title: text, owner: text, due }, [
    'task',
  ]),
  tool(
    'calendar_create_event',
    {
      title: text,
      start: text,
      end: text,
      timeZone: text,
      attendees: { type: 'array', items: text },
      description: text,
    },
    ['title', 'start', 'end', 'timeZone', 'attendees'],
  ),
  tool('calendar_list_events', { from: text, to: text }),
  tool('calendar_find_free', { from: text, to: text, durationMinutes: { type: 'integer', minimum: 5 } }),
  tool('search_memory', { query: text, limit: { type: 'integer' } }, ['query']),
  tool('remember', { text }),
  tool('forget', { memory: text }),
  tool('contacts_search', { query: text }),
  tool('file_write', { path: text, text: { type: 'string' } }),
  tool('file_read', { path: text }),
  tool('file_list', { folder: text }, []),
  tool('ask_user', { question: text }),
  tool('send_message', { target: text, text, files: { type: 'array', items: text } }, ['target', 'text']),
  tool('email_send', MAIL, MAIL_REQUIRED),
  tool('email_draft', MAIL, MAIL_REQUIRED),
  tool('email_search', { words: text, from: text, subject: text, since: text, limit: { type: 'integer' } }, []),
  tool('email_read', { mail: text }),
  tool('set_reminder', { text, when: text }),
];

export function createClient(): Anthropic {
  return new Anthropic({
    apiKey: 'rehearsal',
    baseURL: 'http://rehearsal.invalid',
    maxRetries: 0,
    fetch: createRehearsalFetch(),
  });
}

/** The setting of `SYSTEM`, for the pure functions. */
export function setting(now = NOW): Setting {
  return readSetting(SYSTEM.replace(NOW, now), []);
}

export interface Answer {
  readonly value: unknown;
  readonly isError?: boolean;
}

/** What the product does with a call; the default says that it was done. */
export type Run = (name: string, input: Input) => Answer;

export interface Played {
  /** The calls of each turn. */
  readonly turns: readonly (readonly { name: string; input: Input }[])[];
  readonly calls: readonly { name: string; input: Input }[];
  readonly text: string;
  readonly messages: Anthropic.MessageParam[];
}

const done: Run = (_name, input) => ({ value: { id: 'x1', ...input } });

function check(definition: string, value: unknown): void {
  const violations = hasVendorSchemas()
    ? vendorValidator('anthropic/messages-2026-10-21.schema.json')(definition, value)
    : [];
  if (violations.length > 0) throw new Error(`${definition}: ${violations.slice(0, 5).join('; ')}`);
}

/** Plays a whole agent loop against the model through the real SDK, streaming, with every body checked. */
export async function play(
  said: string | Anthropic.MessageParam[],
  options: { run?: Run; tools?: readonly Anthropic.Tool[]; system?: string } = {},
): Promise<Played> {
  const { run = done, tools = TOOLS, system = SYSTEM } = options;
  const client = createClient();
  const messages: Anthropic.MessageParam[] = typeof said === 'string' ? [{ role: 'user', content: said }] : [...said];
  const turns: { name: string; input: Input }[][] = [];
  for (let turn = 0; turn < 10; turn += 1) {
    const body = {
      model: 'rehearsal',
      max_tokens: 4096,
      system: [{ type: 'text' as const, text: system }],
      messages,
      tools: [...tools],
    };
    check('MessagesRequest', { ...body, stream: true });
    const message = await client.messages.stream(body).finalMessage();
    const uses = message.content.filter((block) => block.type === 'tool_use');
    messages.push({ role: 'assistant', content: message.content.map(asStored) });
    if (message.stop_reason !== 'tool_use') {
      const text = message.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
      return { turns, calls: turns.flat(), text, messages };
    }
    turns.push(uses.map((use) => ({ name: use.name, input: use.input as Input })));
    messages.push({ role: 'user', content: uses.map((use) => resultOf(use.id, run(use.name, use.input as Input))) });
  }
  throw new Error('the model never stopped calling');
}

/** A store keeps the fields of a record in an order of its own. */
function asStored(block: Anthropic.ContentBlock): Anthropic.ContentBlock {
  if (block.type !== 'tool_use') return block;
  return { ...block, input: Object.fromEntries(Object.entries(block.input as Input).toReversed()) };
}

function resultOf(id: string, answer: Answer): Anthropic.ToolResultBlockParam {
  const content = typeof answer.value === 'string' ? answer.value : JSON.stringify(answer.value);
  return { type: 'tool_result', tool_use_id: id, content, ...(answer.isError ? { is_error: true } : {}) };
}
