/**
 * A Messages API without state or sense, as its own process: the answer follows from the scenario's name in the first
 * message and the number of assistant messages. Beside it a transcription service, which answers at once with as many
 * words as the recording's name says. Prints its port; takes the latency in milliseconds as argument.
 */
import http from 'node:http';

const latencyMs = Number(process.argv[2] ?? 0);

interface Body {
  readonly stream?: boolean;
  readonly model: string;
  readonly messages: readonly { role: string; content: string | readonly { type: string; text?: string }[] }[];
}

type Block = { type: 'text'; text: string } | { type: 'tool_use'; id: string; name: string; input: unknown };

/** Turns before the answer, and the calls each of them makes. */
const SCENARIOS: Readonly<Record<string, { turns: number; calls: number; tool: string; input?: object }>> = {
  s1: { turns: 1, calls: 3, tool: 'bench_tool' },
  s2: { turns: 3, calls: 1, tool: 'bench_tool' },
  s6: { turns: 1, calls: 3, tool: 'bench_slow_tool' },
  long: { turns: 100, calls: 1, tool: 'bench_big_tool' },
  send: { turns: 1, calls: 1, tool: 'bench_send' },
  mail: {
    turns: 1,
    calls: 1,
    tool: 'email_send',
    input: { to: ['dana@example.com'], subject: 'Lunch', body: 'Lunch at one? '.repeat(60) },
  },
};

/** Agents that one turn spawns: with a workflow of their own (their skills reach outside), or inside that of their parent. */
const TEAMS: Readonly<Record<string, { size: number; skills: string[] }>> = {
  fan10: { size: 10, skills: ['web_search'] },
  fan100: { size: 100, skills: ['web_search'] },
  inline10: { size: 10, skills: [] },
  inline100: { size: 100, skills: [] },
};

const MEETING = {
  title: 'Call with Hartmann',
  attendees: ['Laura Hartmann', 'Owner'],
  decisions: [{ text: 'Phased rollout: Hamburg depot first, Leipzig afterwards.' }],
  actionItems: [
    { id: 'a1', text: 'Send the revised proposal', owner: 'Owner', ownerStatus: 'explicit', due: '2026-11-27' },
    { id: 'a2', text: 'Export the shift data', owner: 'Jonas Weiss', ownerStatus: 'explicit', due: '2026-11-26' },
  ],
  openQuestions: [{ text: 'Who pays for the training days?' }],
  dependencies: [{ item: 'a1', dependsOn: 'a2' }],
  followUpMeeting: null,
  contradictions: [],
  completedTasks: [],
};

/** The product's own skills in a row, as a voice note uses them. */
function noteStep(text: string, turn: number): Omit<Extract<Block, { type: 'tool_use' }>, 'type' | 'id'> {
  const file = /attached file ([\w-]+)/.exec(text)?.[1] ?? '';
  if (turn === 0) return { name: 'transcribe_audio', input: { file } };
  if (turn === 1) return { name: 'record_meeting', input: MEETING };
  return { name: 'tasks_create', input: { title: 'Send the revised proposal', owner: 'Owner', due: '2026-11-27' } };
}

function answer(body: Body): Block[] {
  const first = body.messages.find((message) => message.role === 'user')?.content ?? '';
  const text = typeof first === 'string' ? first : (first.find((block) => block.type === 'text')?.text ?? '');
  const said = body.messages.filter((message) => message.role === 'assistant').length;
  if (/bench (?:note|hour)/.test(text) && said < 3)
    return [{ type: 'tool_use', id: `toolu_${said}_0`, ...noteStep(text, said) }];
  const team = TEAMS[/bench (\w+)/.exec(text)?.[1] ?? ''];
  if (team !== undefined && said === 0)
    return Array.from({ length: team.size }, (_, index) => ({
      type: 'tool_use',
      id: `toolu_0_${index}`,
      name: 'spawn_agent',
      input: { task: 'bench leaf', skills: team.skills },
    }));
  const scenario = SCENARIOS[/bench (\w+)/.exec(text)?.[1] ?? ''];
  if (scenario === undefined || said >= scenario.turns)
    return [{ type: 'text', text: 'Done: all steps of the scenario have run.' }];
  return Array.from({ length: scenario.calls }, (_, index) => ({
    type: 'tool_use',
    id: `toolu_${said}_${index}`,
    name: scenario.tool,
    input: scenario.input ?? { n: index },
  }));
}

const usage = {
  cache_creation: null,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  inference_geo: null,
  input_tokens: 100,
  output_tokens: 20,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: 'standard',
  speed: null,
};

function messageOf(body: Body, content: readonly unknown[], stopReason: string | null) {
  return {
    id: 'msg_bench',
    type: 'message',
    role: 'assistant',
    model: body.model,
    content,
    container: null,
    diagnostics: null,
    stop_details: null,
    stop_reason: stopReason,
    stop_sequence: null,
    usage,
  };
}

function events(body: Body, blocks: readonly Block[], stopReason: string): object[] {
  const parts = blocks.flatMap((block, index): object[] => {
    const opened =
      block.type === 'text'
        ? { type: 'text', text: '', citations: null }
        : { ...block, input: {}, caller: { type: 'direct' } };
    const delta =
      block.type === 'text'
        ? { type: 'text_delta', text: block.text }
        : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) };
    return [
      { type: 'content_block_start', index, content_block: opened },
      { type: 'content_block_delta', index, delta },
      { type: 'content_block_stop', index },
    ];
  });
  return [
    { type: 'message_start', message: messageOf(body, [], null) },
    ...parts,
    {
      type: 'message_delta',
      delta: { stop_reason: stopReason, stop_sequence: null, stop_details: null, container: null },
      usage,
    },
    { type: 'message_stop' },
  ];
}

function respond(body: Body, response: http.ServerResponse): void {
  const blocks = answer(body);
  const stopReason = blocks[0]?.type === 'tool_use' ? 'tool_use' : 'end_turn';
  if (body.stream) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(
      events(body, blocks, stopReason)
        .map((event) => `event: ${(event as { type: string }).type}\ndata: ${JSON.stringify(event)}\n\n`)
        .join(''),
    );
  } else {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(messageOf(body, blocks, stopReason)));
  }
}

const WORD = 'meeting ';

/** 90 seconds of speech, or an hour of it (60 kB). */
function transcribe(body: Buffer, response: http.ServerResponse): void {
  const isHour = body.includes('filename="hour.wav"');
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      text: WORD.repeat(isHour ? 7_500 : 190).trim(),
      language: 'en',
      duration: isHour ? 3_600 : 90,
      segments: [],
    }),
  );
}

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/v1/audio/transcriptions') return transcribe(Buffer.concat(chunks), response);
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Body;
    return setTimeout(() => respond(body, response), latencyMs);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as { port: number }).port })));
