import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { SendError } from '../../contracts/effect.js';
import { outsideSkill, type Skill } from '../../contracts/skill.js';

/** The service asks for less than the skill promises: between a beginning and its arrival lies some time of our own. */
const SERVICE_INTERVAL_MS = 1_400;
const SKILL_INTERVAL_SECONDS = 2;
const RENDER_MS = 60;

const RenderInputSchema = z.strictObject({ script: z.string().min(1) });
const UploadInputSchema = z.strictObject({ channel: z.string().min(1), file: z.string().min(1) });

/** A machine that renders one video at a time, and a service that takes videos now and then; both remember everything. */
export interface Studio {
  /** `video_render` and `video_upload`. */
  readonly skills: readonly Skill[];
  /** The scripts that were rendered, in the order in which that began. */
  readonly rendered: readonly string[];
  /** How many renderings were under way at once at most. */
  readonly mostAtOnce: number;
  /** The files that were taken, in order. */
  readonly uploaded: readonly string[];
  /** Calls of the service that came while it was at another or too soon after one; it refused them. */
  readonly early: readonly string[];
  /** Refuses this file for good. */
  reject(file: string): void;
  /** The next rendering goes on until it is stopped; resolves once it has begun. */
  hangOnce(): Promise<void>;
  /** Forgets what it has seen. */
  clear(): void;
}

export function openStudio(): Studio {
  const rendered: string[] = [];
  const taken = new Map<string, string>();
  const early: string[] = [];
  const rejected = new Set<string>();
  let mostAtOnce = 0;
  let atWork = 0;
  let isTaking = false;
  let lastAt = 0;
  let hang: (() => void) | undefined;

  const render = outsideSkill<z.infer<typeof RenderInputSchema>, unknown>({
    manifest: {
      name: 'video_render',
      description: 'Renders a video from a script; returns the file.',
      effect: 'internal',
      input: RenderInputSchema,
      output: z.strictObject({ file: z.string() }),
      timeoutSeconds: 10,
      maxConcurrent: 1,
      taints: [],
      summary: ({ script }) => `Renders ${script}`,
    },
    async run({ script }, { abortSignal }) {
      rendered.push(script);
      if (hang !== undefined) {
        hang();
        hang = undefined;
        await once(abortSignal, 'abort');
        throw new Error('the rendering was stopped');
      }
      atWork += 1;
      mostAtOnce = Math.max(mostAtOnce, atWork);
      await delay(RENDER_MS);
      atWork -= 1;
      return { output: { file: script.replace(/\.md$/, '.mp4') } };
    },
  });

  async function take(key: string, file: string): Promise<void> {
    const isEarly = isTaking || Date.now() < lastAt + SERVICE_INTERVAL_MS;
    if (isEarly) early.push(file);
    if (isEarly) throw new SendError('refused', '429: too many uploads.', { retryAfterMs: SERVICE_INTERVAL_MS });
    isTaking = true;
    lastAt = Date.now();
    await delay(RENDER_MS);
    isTaking = false;
    if (rejected.has(file)) throw new SendError('rejected', 'The service does not take this video.');
    taken.set(key, file);
  }

  const upload = outsideSkill<z.infer<typeof UploadInputSchema>, unknown>({
    manifest: {
      name: 'video_upload',
      description: 'Puts a video on a channel, where everybody sees it.',
      effect: 'outward',
      input: UploadInputSchema,
      output: z.json(),
      timeoutSeconds: 10,
      maxConcurrent: 1,
      minIntervalSeconds: SKILL_INTERVAL_SECONDS,
      taints: [],
      summary: ({ file }) => `Uploads ${file}`,
    },
    run: () => Promise.reject(new Error('it was run without approval')),
    outward: {
      recipients: ({ channel }) => [channel],
      prepare: ({ channel, file }) =>
        Promise.resolve({
          title: `Upload ${file}`,
          preview: { text: `${file} for ${channel}`, recipients: [channel] },
        }),
      async send({ key, input }, { beforeSend }) {
        beforeSend();
        await take(key, input.file);
        return {
          providerId: key,
          output: { uploaded: input.file },
          outputs: [{ kind: 'video', title: input.file, ref: `effect:${key}` }],
        };
      },
      probe: ({ key, input }) =>
        Promise.resolve(
          taken.has(key) ? { providerId: key, output: { uploaded: input.file }, outputs: [] } : ('absent' as const),
        ),
    },
  });

  return {
    skills: [render, upload],
    rendered,
    get mostAtOnce() {
      return mostAtOnce;
    },
    get uploaded() {
      return [...taken.values()];
    },
    early,
    reject: (file) => void rejected.add(file),
    hangOnce: () =>
      new Promise((resolve) => {
        hang = resolve;
      }),
    clear() {
      rendered.length = 0;
      early.length = 0;
      taken.clear();
      mostAtOnce = 0;
    },
  };
}
