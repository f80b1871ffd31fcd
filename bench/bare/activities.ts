import http from 'node:http';
import { wavOf } from '../../test/helpers/recordings.js';

export interface BareReply {
  readonly text: string;
  readonly calls: string[];
  readonly content: unknown[];
}

/** The same HTTP call the product makes, without an SDK, without a stream, without a store. */
export function createBareActivities(modelUrl: string) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 200 });
  return {
    async llm(messages: unknown[]): Promise<BareReply> {
      const body = (await post(agent, `${modelUrl}/v1/messages`, { model: 'bench', max_tokens: 1000, messages })) as {
        content: { type: string; text?: string; id?: string }[];
      };
      return {
        text: body.content[0]?.text ?? '',
        calls: body.content.flatMap((block) => (block.type === 'tool_use' ? [block.id ?? ''] : [])),
        content: body.content,
      };
    },
    /** Speech to text as the product asks for it; the words are the result. */
    async transcribe(recording: string): Promise<string> {
      const form = new FormData();
      form.append('model', 'bench');
      form.append('response_format', 'verbose_json');
      form.append('file', new Blob([wavOf(1)], { type: 'audio/wav' }), `${recording}.wav`);
      const response = await fetch(`${modelUrl}/v1/audio/transcriptions`, { method: 'POST', body: form });
      return ((await response.json()) as { text: string }).text;
    },
    async tool(_call: string): Promise<string> {
      return 'x'.repeat(200);
    },
  };
}

function post(agent: http.Agent, url: string, body: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
      },
    );
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}
