import http from 'node:http';
import { z } from 'zod';
import { SendError } from '../../contracts/effect.js';
import {
  type ApprovedAction,
  type OutsideContext,
  outsideSkill,
  type SendContext,
  type Sent,
  type Skill,
} from '../../contracts/skill.js';
import { type OutsideProvider, sha256 } from './provider.js';

const PostInputSchema = z.strictObject({
  to: z.array(z.string().min(1).max(200)).min(1).max(10),
  text: z.string().min(1).max(10_000),
});
export type PostInput = z.infer<typeof PostInputSchema>;

/** What the provider's client saw of one attempt. */
export interface Attempt {
  readonly key: string;
  readonly label: string;
  readonly end: 'sent' | 'refused' | 'ambiguous' | 'too-late';
}

export interface PostSkillOptions {
  readonly name: string;
  readonly provider: OutsideProvider;
  /** Milliseconds the client waits for an answer. */
  readonly answerMs?: number;
  /** Awaited after the claim and before the first byte. */
  readonly pause?: (action: ApprovedAction<PostInput>) => Promise<void>;
  /** Awaited after a good answer, before the product hears of it. */
  readonly linger?: (action: ApprovedAction<PostInput>) => Promise<void>;
  /** What has changed since the proposal. */
  readonly difference?: (action: ApprovedAction<PostInput>) => Promise<string | undefined>;
}

export interface PostSkill {
  readonly skill: Skill;
  /** Every attempt that was begun, in the order of their ends. */
  readonly attempts: readonly Attempt[];
}

/** A skill that posts to the provider; at one without ids it cannot find out what became of an attempt. */
export function postSkill({ name, provider, answerMs = 150, pause, linger, difference }: PostSkillOptions): PostSkill {
  const attempts: Attempt[] = [];
  const note = (action: ApprovedAction<PostInput>, end: Attempt['end']): void =>
    void attempts.push({ key: action.key, label: action.input.text, end });

  async function send(action: ApprovedAction<PostInput>, context: SendContext): Promise<Sent> {
    await pause?.(action);
    try {
      context.beforeSend();
    } catch (error) {
      note(action, 'too-late');
      throw error;
    }
    try {
      const status = await post(provider, action, answerMs);
      if (status === 429) throw new SendError('refused', 'The service takes no calls just now.');
      if (status === 409 && !(await isKept(provider, action, answerMs)))
        throw new SendError('ambiguous', 'Another message stands under the same id.');
      if (status !== 201 && status !== 409) throw new SendError('rejected', `The service answered ${status}.`);
      await linger?.(action);
      note(action, 'sent');
      return sentFor(action);
    } catch (error) {
      note(action, error instanceof SendError ? 'refused' : 'ambiguous');
      throw error;
    }
  }

  async function probe(action: ApprovedAction<PostInput>, _context: OutsideContext): Promise<Sent | 'absent'> {
    return (await isKept(provider, action, answerMs)) ? sentFor(action) : 'absent';
  }

  const skill = outsideSkill<PostInput, unknown>({
    manifest: {
      name,
      description: 'Posts a message to people outside.',
      effect: 'outward',
      input: PostInputSchema,
      output: z.json(),
      timeoutSeconds: 10,
      taints: [],
      summary: ({ to }) => `Posts to ${to.join(', ')}`,
    },
    run: () => Promise.reject(new Error('it was run without approval')),
    outward: {
      recipients: ({ to }) => to.map((address) => address.toLowerCase()),
      prepare: async (input) => ({
        title: `Post to ${input.to.join(', ')}: ${input.text}`,
        preview: { text: input.text, recipients: input.to.map((address) => address.toLowerCase()) },
        frozen: { mediaType: 'application/json', text: JSON.stringify({ to: input.to, text: input.text }) },
      }),
      send,
      ...(difference === undefined ? {} : { difference }),
      ...(provider.identified ? { probe } : {}),
    },
  });
  return { skill, attempts };
}

function sentFor(action: ApprovedAction<PostInput>): Sent {
  return {
    providerId: action.key,
    output: { status: 'posted', to: [...action.input.to] },
    outputs: [{ kind: 'post', title: action.input.text, ref: `effect:${action.key}` }],
  };
}

/** The status of the answer; rejects when there was none. */
async function post(provider: OutsideProvider, action: ApprovedAction<PostInput>, answerMs: number): Promise<number> {
  const headers = provider.identified ? { 'x-message-id': action.key } : {};
  const { status } = await call(`${provider.url}/send`, 'POST', headers, action.frozen, answerMs);
  return status;
}

async function isKept(
  provider: OutsideProvider,
  action: ApprovedAction<PostInput>,
  answerMs: number,
): Promise<boolean> {
  const found = await call(`${provider.url}/sent/${action.key}`, 'GET', {}, undefined, answerMs);
  if (found.status === 404) return false;
  const { sha256: kept } = JSON.parse(found.body) as { sha256: string };
  if (kept !== sha256(action.frozen ?? '')) throw new Error('other bytes stand under this id');
  return true;
}

function call(
  url: string,
  method: 'GET' | 'POST',
  headers: http.OutgoingHttpHeaders,
  body: string | undefined,
  answerMs: number,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(answerMs);
    const request = http.request(url, { method, headers, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}
