import { renameSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Request } from '../../contracts/request.js';
import type { Atom, Space } from '../../contracts/space.js';
import type { ApiClient } from '../helpers/api-client.js';
import { endEverything, newHome, removeHomes, startProduct } from '../helpers/processes.js';
import { type AnthropicStandIn, startAnthropicStandIn } from '../stand-ins/anthropic.js';
import { assistant, expectJobDone } from './crash-harness.js';

let model: AnthropicStandIn;

beforeAll(async () => {
  model = await startAnthropicStandIn({ script: assistant, factsFrom: 'anywhere' });
});

afterEach(endEverything);

afterAll(async () => {
  await removeHomes();
  await model.close();
});

function environment(): Record<string, string> {
  return { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'test-key' };
}

/** Everything a person has in the installation, as far as it can be read. */
async function belongings(api: ApiClient, file: string) {
  const of = async <T>(path: string): Promise<T> => {
    const { status, body } = await api.get<T>(path);
    expect(status).toBe(200);
    return body;
  };
  const { items: spaces } = await of<{ items: Space[] }>('/v1/spaces');
  const atoms = await Promise.all(spaces.map(({ id }) => of<{ items: Atom[] }>(`/v1/spaces/${id}/atoms`)));
  const { items: requests } = await of<{ items: Request[] }>('/v1/requests');
  return {
    me: await of('/v1/me'),
    spaces,
    atoms,
    requests,
    traces: await Promise.all(requests.map(({ id }) => api.trace(id))),
    events: await Promise.all(requests.filter(({ endedAt }) => endedAt !== undefined).map(({ id }) => api.events(id))),
    conversations: await of('/v1/conversations'),
    file: await of(`/v1/files/${file}`),
  };
}

async function upload(api: ApiClient): Promise<string> {
  const attachments = [
    { mediaType: 'text/plain', name: 'list.txt', data: Buffer.from('milk, bread').toString('base64') },
  ];
  const id = await api.send('look at this', { attachments });
  return (await api.ended(id)).attachments[0]?.id ?? '';
}

describe('a home that an earlier run has made', () => {
  it('is opened by the next with everything as it was, also at another place, and goes on', async () => {
    const home = newHome();
    const first = await startProduct({ home, env: environment() });
    const job = await first.api.send('JOB kept');
    await expectJobDone(first.api, model, home, job, 'kept');
    const file = await upload(first.api);
    const question = await first.api.send('ASK kept');
    await first.api.until(question, ({ status }) => status === 'waiting_user');
    const before = await belongings(first.api, file);
    expect(before.requests).toHaveLength(3);
    expect(before.atoms.flatMap(({ items }) => items).length).toBeGreaterThan(0);
    expect((await first.stop()).code).toBe(0);

    const moved = `${home}-moved`;
    renameSync(home, moved);
    const second = await startProduct({ home: moved, port: first.port, env: environment() });
    expect(await belongings(second.api, file)).toEqual(before);
    expect((await second.api.post(`/v1/requests/${question}/messages`, { text: 'red' })).status).toBe(200);
    expect((await second.api.ended(question)).result?.text).toBe('you said red');

    const { conversation } = await second.api.request(job);
    const next = await second.api.ended(await second.api.send('and now?', { conversation }));
    expect(next).toMatchObject({ conversation, result: { text: 'heard: and now?' } });
    expect(JSON.stringify(model.calls.at(-1)?.body?.messages)).toContain('JOB kept');
    model.assertClean();
    expect((await second.stop()).code).toBe(0);
  });
});
