import { noRecordings } from '../helpers/no-recordings.js';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { createApi, type ApiSettings } from '../../api/app.js';
import { createProposer } from '../../activities/proposer.js';
import { createAudioLength } from '../../connectors/local/audio-length.js';
import { createLocalCalendar } from '../../connectors/local/calendar.js';
import { createLocalMail } from '../../connectors/local/mail.js';
import { createWorkspace } from '../../connectors/local/workspace.js';
import { EFFECT_TIMES, type Engine } from '../../engine/deps.js';
import { builtinSkills } from '../../skills/index.js';
import { createSkillRegistry } from '../../skills/registry.js';
import { createUser, ensureOwner } from '../../engine/users.js';
import { createBlobStore } from '../../store/blobs.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

export interface ApiHarness {
  readonly app: FastifyInstance;
  readonly engine: Engine;
  readonly store: TestStore;
  readonly owner: { readonly id: string; readonly token: string };
  /** What the server logged as errors. */
  readonly failures: string[];
  readonly tickets: Map<string, string>;
  settings: { -readonly [K in keyof ApiSettings]: ApiSettings[K] };
  /** Calls with the owner's token, or another. */
  call(options: InjectOptions & { token?: string | null }): Promise<LightMyRequestResponse>;
  person(name: string): Promise<{ id: string; token: string }>;
  /** Throws when the server logged an error that no test took out of `failures`. */
  close(): Promise<void>;
}

const OWNER_TOKEN = 'rtn_token-of-the-owner-in-tests';

export async function openApi(settings: Partial<ApiSettings> = {}): Promise<ApiHarness> {
  const store = await openTestStore();
  const engine = testEngine(store);
  const { id } = await ensureOwner(engine, { name: 'Olga', timeZone: 'Europe/Berlin', token: OWNER_TOKEN });
  const failures: string[] = [];
  const tickets = new Map<string, string>();
  const all: ApiHarness['settings'] = { ...testSettings(), ...settings };
  const app = createApi({
    engine,
    bus: store.bus,
    tickets: {
      redeem(ticket) {
        const user = tickets.get(ticket);
        tickets.delete(ticket);
        return user;
      },
    },
    settings: all,
    forgetFolders: async (user) => {
      for (const root of ['local', 'workspaces'])
        await rm(path.join(store.folder, root, user), { recursive: true, force: true });
    },
    logger: collectingLogger(failures) as never,
  });
  await app.ready();
  return {
    app,
    engine,
    store,
    owner: { id, token: OWNER_TOKEN },
    failures,
    tickets,
    settings: all,
    call: ({ token = OWNER_TOKEN, ...options }) =>
      app.inject({
        ...options,
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...options.headers },
      }),
    async person(name) {
      const made = await createUser(engine, { id, isOwner: true }, { name });
      return { id: made.id, token: made.token };
    },
    async close() {
      await app.close();
      await store.close();
      if (failures.length > 0) throw new Error(`the server logged errors:\n${failures.join('\n')}`);
    },
  };
}

function testEngine(store: TestStore): Engine {
  return {
    db: store.db,
    blobs: createBlobStore(path.join(store.folder, 'files')),
    limits: {
      turns: 40,
      callsPerTurn: 32,
      deadlineSeconds: 14 * 86_400,
      budgetUsd: '1',
      conversationTail: 20,
      approvalDays: 7,
      audioMinutes: 120,
      injectedTokens: 2_000,
      depth: 5,
      children: 50,
      agents: 200,
    },
    agents: { default: { instructions: 'Help.' }, narrow: { instructions: 'Only look.', skills: ['search_memory'] } },
    defaultModel: 'smart',
    resolveModel: (name) => (name === 'smart' || name === 'fast' || name === 'rehearsal' ? 'rehearsal' : undefined),
    skillNames: ['remember', 'search_memory'],
    skillFacts: () => undefined,
    defaultTimeZone: 'Europe/Berlin',
    effects: EFFECT_TIMES,
    proposer: createProposer(createSkillRegistry(builtinSkills), localServices(store), store.db),
    audioSeconds: createAudioLength(),
  };
}

function localServices(store: TestStore) {
  return {
    ...noRecordings,
    calendar: createLocalCalendar({ root: path.join(store.folder, 'local') }),
    mail: createLocalMail({ root: path.join(store.folder, 'local') }),
    workspace: createWorkspace({ root: path.join(store.folder, 'workspaces') }),
  };
}

function testSettings(): ApiSettings {
  return {
    publicUrl: 'http://localhost:3000',
    temporalUiUrl: 'http://localhost:8233',
    namespace: 'default',
    ready: async () => ({ ok: true, parts: { database: 'ok', temporal: 'ok' } }),
    catalogue: {
      skills: () => [
        {
          name: 'remember',
          description: 'Keeps a fact.',
          effect: 'internal',
          inputSchema: { type: 'object' },
          timeoutSeconds: 30,
        },
      ],
      models: () => [{ id: 'rehearsal', tiers: ['fast', 'smart'], priced: true, maxOutputTokens: 8192 }],
    },
  };
}

/** Keeps what was logged as an error. */
function collectingLogger(failures: string[]) {
  const quiet = (): void => undefined;
  const logger = {
    level: 'error',
    silent: quiet,
    trace: quiet,
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (fields: { err?: unknown }, message?: string) =>
      failures.push(
        `${message ?? ''} ${fields.err instanceof Error ? (fields.err.stack ?? fields.err.message) : JSON.stringify(fields)}`,
      ),
    fatal: quiet,
    child: () => logger,
  };
  return logger;
}

/** A form as bytes, with its header. */
export function form(parts: readonly { name: string; filename?: string; type?: string; body: string | Buffer }[]): {
  payload: Buffer;
  headers: Record<string, string>;
} {
  const boundary = `form${randomBytes(8).toString('hex')}`;
  const chunks = parts.flatMap(({ name, filename, type, body }) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`,
    ),
    Buffer.from(body),
    Buffer.from('\r\n'),
  ]);
  return {
    payload: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}
