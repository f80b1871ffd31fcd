import { Temporal as TC39 } from 'temporal-polyfill';
import { fileText } from '../contracts/file-text.js';
import type {
  AssistantBlock,
  ModelMessage,
  ModelRequest,
  ModelTool,
  TextBlock,
  ToolResultBlock,
} from '../contracts/model.js';
import type { NoteRow, OutcomeRow, TurnContext } from '../engine/turn-context.js';
import { styleText } from '../skills/shared/writing-style-view.js';
import { injectedText } from './injected-text.js';

export interface InputOptions {
  readonly tools: readonly ModelTool[];
  readonly model: string;
  readonly maxTokens: number;
  /** Characters all messages together may have. */
  readonly characters: number;
}

type Call = TurnContext['calls'][number];
type UserBlock = TextBlock | ToolResultBlock;

const LONGEST_RESULT = 100_000;
const LONGEST_REPLY = 4_000;

/**
 * The model's input of one turn, a pure function of the rows. What does not fit is left out in a fixed order and said so:
 * results of older calls first, then earlier requests of the conversation. Instructions and facts always stay.
 */
export function modelInput(context: TurnContext, options: InputOptions): ModelRequest {
  if (context.agent.parent_id !== null) return subagentInput(context, options);
  const known = [injectedText(context.injected), styleText(context.styles)].filter((text) => text !== undefined);
  const system = [context.agent.instructions, facts(context), ...known];
  const whole = [...earlierMessages(context), ...ownMessages(context, (call) => resultText(call))];
  const messages = sizeOf(whole) <= options.characters ? whole : compacted(context, options.characters);
  return {
    model: options.model,
    system,
    messages: joined(messages),
    tools: options.tools,
    maxTokens: options.maxTokens,
  };
}

/** What a subagent is told: its instructions, its task, the spaces it was given and what other agents have told it. */
function subagentInput(context: TurnContext, options: InputOptions): ModelRequest {
  const known = injectedText(context.injected);
  const { timeZone, now } = clockOf(context);
  const spaces = spaceLines(context);
  const lines = [
    `Time zone: ${timeZone}`,
    `Now: ${now}`,
    ...(spaces.length === 0 ? [] : ['', 'Spaces you can use:', ...spaces]),
  ];
  const whole = ownMessages(context, (call) => resultText(call));
  return {
    model: options.model,
    system: [context.agent.instructions, lines.join('\n'), ...(known === undefined ? [] : [known])],
    messages: joined(sizeOf(whole) <= options.characters ? whole : compacted(context, options.characters)),
    tools: options.tools,
    maxTokens: options.maxTokens,
  };
}

function clockOf(context: TurnContext): { timeZone: string; now: string } {
  const { timeZone, occurredAt } = context.request.settings;
  const now = TC39.Instant.from(occurredAt)
    .toZonedDateTimeISO(timeZone)
    .toString({ timeZoneName: 'never', fractionalSecondDigits: 0 });
  return { timeZone, now };
}

function spaceLines(context: TurnContext): string[] {
  return context.spaces.map((space) => `- ${oneLine(space.name)} (id ${space.id}): ${space.description}`);
}

function facts(context: TurnContext): string {
  const { timeZone, now } = clockOf(context);
  const running = context.earlier.filter((exchange) => !isOver(exchange.status));
  const lines = [`User: ${context.user.name}`, `Time zone: ${timeZone}`, `Now: ${now}`, '', 'Spaces you can use:'];
  lines.push(...spaceLines(context));
  if (running.length > 0) lines.push('', 'Still in progress in this conversation:');
  for (const exchange of running) lines.push(`- ${exchange.id} (${exchange.status}): ${saidText(exchange, 200)}`);
  return lines.join('\n');
}

/** What somebody has called a thing cannot pass for a line of its own. */
function oneLine(name: string): string {
  return shortened(name.replace(/\s+/g, ' '), 200);
}

function isOver(status: string): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** What an earlier request began with; the marker tells what came due from the user's own words. */
function saidText({ said, spoken }: TurnContext['earlier'][number], most: number): string {
  return `${spoken ? '' : '[came due: nobody typed this] '}${shortened(said, most)}`;
}

function earlierMessages(context: TurnContext): ModelMessage[] {
  return context.earlier.flatMap((exchange): ModelMessage[] => [
    { role: 'user', content: [{ type: 'text', text: nonEmpty(saidText(exchange, LONGEST_REPLY)) }] },
    {
      role: 'assistant',
      content: [
        {
          type: 'text',
          text: [
            nonEmpty(
              shortened(exchange.reply ?? '', LONGEST_REPLY),
              isOver(exchange.status) ? `(${exchange.status}, no answer)` : '(still in progress)',
            ),
            ...exchange.posted.map((text) => `(Sent while working: ${shortened(text, LONGEST_REPLY)})`),
          ].join('\n\n'),
        },
      ],
    },
  ]);
}

/** Turns of this agent with the messages that were new in each: results, then outcomes of approvals, then words. */
function ownMessages(context: TurnContext, render: (call: Call) => string): ModelMessage[] {
  const messages: ModelMessage[] = [];
  for (let turn = 1; turn <= context.turn; turn += 1) {
    const results = context.calls
      .filter((call) => call.turn === turn - 1)
      .map(
        (call): UserBlock => ({
          type: 'tool_result',
          toolUseId: call.id,
          content: nonEmpty(render(call)),
          isError: call.error !== null || call.status === 'cancelled',
        }),
      );
    const words = context.messages
      .filter((message) => (message.seen_in_turn ?? context.turn) === turn)
      .map((message): UserBlock => ({ type: 'text', text: messageText(message) }));
    const outcomes = context.outcomes
      .filter((outcome) => (outcome.reported_in_turn ?? context.turn) === turn)
      .map((outcome): UserBlock => ({ type: 'text', text: outcomeText(outcome) }));
    const notes = context.notes
      .filter((note) => (note.seen_in_turn ?? context.turn) === turn)
      .map((note): UserBlock => ({ type: 'text', text: noteText(note) }));
    const opening: UserBlock[] =
      turn === 1 && context.opening !== undefined ? [{ type: 'text', text: context.opening }] : [];
    const task = turn === 1 && context.agent.task !== null ? [{ type: 'text' as const, text: context.agent.task }] : [];
    const blocks = [...results, ...task, ...outcomes, ...notes, ...opening, ...words];
    messages.push({ role: 'user', content: blocks.length > 0 ? blocks : [{ type: 'text', text: 'Continue.' }] });
    const said = context.exchanges.find((candidate) => candidate.number === turn)?.content.filter(mayGoBack) ?? [];
    if (said.length > 0) messages.push({ role: 'assistant', content: said });
  }
  return messages;
}

/** What became of a proposal; the marker tells it from the user's own words. */
function outcomeText(outcome: OutcomeRow): string {
  const { id, skill, title, decision, reason, payload, status, result, error } = outcome;
  const told = { approval: id, skill, title, decision, reason, status, payload, result, error };
  const present = Object.entries(told).filter(([, value]) => value !== null);
  return `[outcome] ${shortened(JSON.stringify(Object.fromEntries(present)), LONGEST_RESULT)}`;
}

/** What another agent has said; the marker tells it from the user's own words and from the task. */
function noteText({ kind, from, from_id, text }: NoteRow): string {
  const sender = from === null ? '' : ` from “${oneLine(from)}” (${from_id ?? ''})`;
  return `[${kind}${sender}] ${shortened(text, LONGEST_RESULT)}`;
}

const TAKEN_BACK = /(?:thinking|tool_use|tool_result)$/;

/** Thinking and what belongs to calls must go back; a kind of block that we do not know might be refused. */
function mayGoBack(block: AssistantBlock): boolean {
  return block.type !== 'opaque' || TAKEN_BACK.test(String(block.block['type']));
}

function messageText(message: TurnContext['messages'][number]): string {
  const files = message.files.map(fileText);
  return nonEmpty([message.text, ...files].filter((part) => part !== '').join('\n'));
}

function resultText(call: Call): string {
  if (call.status === 'cancelled') return 'The call was cancelled before it ran.';
  if (call.status === 'undone') return `${JSON.stringify(call.output)}\n(The user has taken this back since.)`;
  return shortened(call.error ?? JSON.stringify(call.output), LONGEST_RESULT);
}

/** Leaves out results from the oldest on, and the earlier conversation when that is not enough. */
function compacted(context: TurnContext, characters: number): ModelMessage[] {
  const sizes = context.calls.map((call) => ({ call, size: resultText(call).length }));
  const dropped = new Set<string>();
  const build = (): ModelMessage[] =>
    ownMessages(context, (call) => (dropped.has(call.id) ? leftOut(call) : resultText(call)));
  let over = sizeOf(build()) - characters;
  for (const { call, size } of sizes) {
    if (over <= 0) break;
    dropped.add(call.id);
    over -= Math.max(0, size - leftOut(call).length);
  }
  const own = build();
  const earlier = earlierMessages(context);
  while (earlier.length > 0 && sizeOf(own) + sizeOf(earlier) > characters) earlier.splice(0, 2);
  return [...earlier, ...own];
}

function leftOut(call: Call): string {
  return `[The result of ${call.skill} was left out to save room. Call the skill again if you need it.]`;
}

/** The wire wants user and assistant to alternate. */
function joined(messages: readonly ModelMessage[]): ModelMessage[] {
  const result: ModelMessage[] = [];
  for (const message of messages) {
    const last = result.at(-1);
    if (last?.role === 'user' && message.role === 'user')
      result[result.length - 1] = { role: 'user', content: [...last.content, ...message.content] };
    else result.push(message);
  }
  return result;
}

function sizeOf(messages: readonly ModelMessage[]): number {
  return messages.reduce((sum, message) => sum + JSON.stringify(message.content).length, 0);
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}… [${text.length - most} more characters]`;
}

function nonEmpty(text: string, otherwise = '(empty)'): string {
  return text.trim() === '' ? otherwise : text;
}
