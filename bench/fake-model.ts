/**
 * A Messages API without state or sense, as its own process: the answer follows from the scenario's name in the first
 * message and the number of assistant messages. Prints its port; takes the latency in milliseconds as argument.
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

function answer(body: Body): Block[] {
  const first = body.messages.find((message) => message.role === 'user')?.content ?? '';
  const text = typeof first === 'string' ? first : (first.find((block) => block.type === 'text')?.text ?? '');
  const scenario = SCENARIOS[/bench (\w+)/.exec(text)?.[1] ?? ''];
  const turn = body.messages.filter((message) => message.role === 'assistant').length;
  if (scenario === undefined || turn >= scenario.turns)
    return [{ type: 'text', text: 'Done: all steps of the scenario have run.' }];
  return Array.from({ length: scenario.calls }, (_, index) => ({
    type: 'tool_use',
    id: `toolu_${turn}_${index}`,
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

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Body;
    setTimeout(() => respond(body, response), latencyMs);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as { port: number }).port })));
