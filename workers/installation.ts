import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import pino, { type Logger } from 'pino';
import type { ActivityDeps } from '../activities/deps.js';
import { InFlight } from '../activities/in-flight.js';
import { createProposer, type Services } from '../activities/proposer.js';
import { type Config, ConfigurationError } from '../config/index.js';
import { DEFAULT_INSTRUCTIONS } from '../config/default-instructions.js';
import { createAudioLength } from '../connectors/local/audio-length.js';
import { createLocalCalendar } from '../connectors/local/calendar.js';
import { createLocalMail } from '../connectors/local/mail.js';
import { createWorkspace } from '../connectors/local/workspace.js';
import { createEmbedder } from '../connectors/openai/embeddings.js';
import { createTranscriber } from '../connectors/openai/transcriber.js';
import { createWebReader } from '../connectors/web/reader.js';
import { createWebSearch } from '../connectors/web/search.js';
import type { Embedder, Transcriber } from '../contracts/services.js';
import type { Skill } from '../contracts/skill.js';
import { type AgentProfile, EFFECT_TIMES, type EffectTimes, type Engine } from '../engine/deps.js';
import { readAttached } from '../engine/files.js';
import { reconcileJournal } from '../engine/journaled.js';
import { mailAddressOf } from '../engine/users.js';
import { InstallationModels } from '../models/installation.js';
import { builtinSkills } from '../skills/index.js';
import { createSkillRegistry, skillFacts, type SkillRegistry } from '../skills/registry.js';
import { createBlobStore } from '../store/blobs.js';
import { assertOutsideTransaction } from '../store/db.js';
import { openJournal } from '../connectors/local/effect-journal.js';
import { newId } from '../store/new-id.js';
import type { OutboxRow } from '../store/outbox.js';
import { openStore, type Store } from '../store/open.js';
import { createSecretBox, ownerSecret, type SecretBox, secretKey } from '../store/secrets.js';
import { prepareVectors } from '../store/vectors.js';

/** Everything a process of this installation shares, whatever it serves. The one who opens it closes it. */
export interface Installation {
  readonly config: Config;
  readonly log: Logger;
  readonly store: Store;
  readonly engine: Engine;
  readonly models: InstallationModels;
  readonly skills: SkillRegistry;
  readonly activityDeps: ActivityDeps;
  /** Sends committed outbox rows to whoever delivers them; set once there is a connection to Temporal. */
  deliverThrough(target: { poke(rows: readonly OutboxRow[]): void }): void;
  close(): Promise<void>;
}

export interface InstallationOptions {
  readonly say: (line: string) => void;
  readonly log?: Logger;
  /** Skills beside the built-in ones. */
  readonly moreSkills?: readonly Skill[];
  /** How long servers that are away are waited for; default a minute. */
  readonly patienceMs?: number | undefined;
  /** Other times for the effects ledger than the usual ones. */
  readonly effectTimes?: Partial<EffectTimes> | undefined;
  /** Leaves stored keys of services sealed, for commands that ask no service: they mend what cannot be opened. */
  readonly withoutStoredKeys?: boolean;
  /** Called once no other process can use the home folder, where the database is embedded. */
  readonly onHeld?: (() => void) | undefined;
}

export async function openInstallation(config: Config, options: InstallationOptions): Promise<Installation> {
  const log = options.log ?? createLogger(config);
  let relay: { poke(rows: readonly OutboxRow[]): void } | undefined;
  const store = await openStore({
    url: config.environment.DATABASE_URL,
    folder: config.folders.database,
    connections: config.file.database.connections,
    log: options.say,
    outbox: { poke: (rows) => relay?.poke(rows) },
    patienceMs: options.patienceMs,
    onHeld: options.onHeld,
  });
  const audioSeconds = createAudioLength();
  const webReader = createWebReader({ allowedHosts: config.file.web.allowedHosts });
  const secretBox = lazySecretBox(config);
  const storedKey = (name: StoredKey): Promise<string | undefined> =>
    options.withoutStoredKeys === true
      ? Promise.resolve(config.environment[name])
      : serviceKey(config, store, secretBox, name);
  try {
    const skills = createSkillRegistry([...builtinSkills, ...(options.moreSkills ?? [])]);
    const models = createModels(config, await storedKey('ANTHROPIC_API_KEY'));
    checkNames(config, models, skills);
    const rules = { ...createEngine(config, store, models, skills), audioSeconds };
    const transcriptionKey = await storedKey('TRANSCRIPTION_API_KEY');
    const transcriber = openTranscriber(config, transcriptionKey);
    const services: Services = { ...createServices(config, store, rules), transcriber, webReader };
    const embeddingsKey = await storedKey('EMBEDDINGS_API_KEY');
    const engine: Engine = {
      ...rules,
      embedder: await openEmbedder(config, embeddingsKey, store, options.say),
      log,
      proposer: createProposer(skills, services, store.db),
      effects: { ...EFFECT_TIMES, ...options.effectTimes },
    };
    const journaled = await openEffectJournal(config);
    const interrupted = await reconcileJournal(engine, journaled?.entries ?? []);
    if (interrupted > 0) options.say(`looking into ${interrupted} interrupted actions`);
    return {
      config,
      log,
      store,
      engine,
      models,
      skills,
      activityDeps: {
        ...services,
        secretBox,
        engine,
        models,
        skills,
        bus: store.bus,
        log,
        bootId: newId('boot'),
        inFlight: new InFlight(),
        journal: journaled?.journal,
        parkedMs: config.file.models.parkedSeconds * 1000,
      },
      deliverThrough: (target) => {
        relay = target;
      },
      async close() {
        await Promise.all([audioSeconds.close(), webReader.close()]);
        await journaled?.journal.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

function createServices(
  config: Config,
  store: Store,
  rules: Pick<Engine, 'db' | 'blobs'>,
): Omit<Services, 'transcriber' | 'webReader'> {
  const { searchUrl } = config.file.web;
  return {
    attached: { read: (user, id) => readAttached(rules, user, id) },
    webSearch: searchUrl === undefined ? undefined : createWebSearch({ url: searchUrl }),
    calendar: createLocalCalendar({ root: config.folders.local }),
    mail: createLocalMail({ root: config.folders.local, addressOf: (user) => mailAddressOf(store, user) }),
    workspace: createWorkspace({ root: config.folders.workspaces }),
  };
}

/** PostgreSQL keeps what it has committed; the embedded database is not made for a machine that dies. */
async function openEffectJournal(config: Config) {
  return config.environment.DATABASE_URL === undefined ? openJournal(config.folders.journal) : undefined;
}

/** The transcription service, where its address or its key is set. */
function openTranscriber({ environment }: Config, apiKey: string | undefined): Transcriber | undefined {
  const { TRANSCRIPTION_BASE_URL: baseUrl, TRANSCRIPTION_MODEL: model } = environment;
  return baseUrl === undefined && apiKey === undefined ? undefined : createTranscriber({ baseUrl, apiKey, model });
}

/** The embeddings service, where its address or its key is set and the database can keep vectors. */
async function openEmbedder(
  { environment }: Config,
  apiKey: string | undefined,
  store: Store,
  say: (line: string) => void,
): Promise<Embedder | undefined> {
  const { EMBEDDINGS_BASE_URL: baseUrl, EMBEDDINGS_MODEL: model } = environment;
  if (baseUrl === undefined && apiKey === undefined) return undefined;
  const lack = await prepareVectors(store.db);
  if (lack === undefined) return createEmbedder({ baseUrl, apiKey, model });
  say(`searching by words alone: ${lack}`);
  return undefined;
}

type StoredKey = 'ANTHROPIC_API_KEY' | 'TRANSCRIPTION_API_KEY' | 'EMBEDDINGS_API_KEY';

/** A service's key, from the environment or, where it is not given there, from the owner's stored secrets. */
async function serviceKey(
  { environment }: Config,
  store: Store,
  box: () => SecretBox,
  name: StoredKey,
): Promise<string | undefined> {
  return environment[name] ?? store.db.system((tx) => ownerSecret(tx, box, name));
}

/** The installation's key, made or read when something is first sealed or opened with it. */
function lazySecretBox({ environment, folders }: Config): () => SecretBox {
  let box: SecretBox | undefined;
  return () => (box ??= createSecretBox(secretKey(folders.home, environment.RETINUE_SECRET_KEY)));
}

/** A misspelt skill or model would otherwise be found out by the first request. */
function checkNames(config: Config, models: InstallationModels, skills: SkillRegistry): void {
  const { file } = config;
  for (const [name, agent] of Object.entries(file.agents)) {
    const unknown = (agent.skills ?? []).filter((skill) => skills.get(skill) === undefined);
    if (unknown.length > 0)
      throw new ConfigurationError(`agents.${name}.skills names ${unknown.join(', ')}, and there is no such skill.`);
  }
  const wanted = [
    ['models.default', file.models.default],
    ...Object.entries(file.agents).map(([name, agent]) => [`agents.${name}.model`, agent.model]),
  ] as const;
  for (const [place, model] of wanted) {
    if (model === undefined || models.rehearsing) continue;
    const id = models.resolve(model);
    if (id === undefined || !models.isPriced(id, new Date())) {
      throw new ConfigurationError(
        `${place} is ${model}: no price is known for it, so it cannot run under a budget. Use fast or smart, a model with a price, or add its price under models.prices.`,
      );
    }
  }
}

function createModels(config: Config, apiKey: string | undefined): InstallationModels {
  const { environment, file } = config;
  return new InstallationModels({
    apiKey,
    baseUrl: environment.ANTHROPIC_BASE_URL,
    tiers: file.models.tiers,
    fallback: file.models.fallback,
    prices: file.models.prices,
    maxOutputTokens: file.models.maxOutputTokens,
    contextTokens: file.models.contextTokens,
    timeoutMs: file.models.timeoutSeconds * 1000,
    idleTimeoutMs: file.models.idleSeconds * 1000,
    fetch: (input, init) => {
      assertOutsideTransaction('A model');
      return fetch(input, init);
    },
  });
}

function createEngine(
  config: Config,
  store: Store,
  models: InstallationModels,
  skills: SkillRegistry,
): Omit<Engine, 'proposer' | 'effects' | 'audioSeconds'> {
  const { file, folders } = config;
  const agents: Record<string, AgentProfile> = { default: { instructions: DEFAULT_INSTRUCTIONS } };
  for (const [name, agent] of Object.entries(file.agents)) {
    agents[name] = {
      instructions: agent.instructions,
      ...(agent.model === undefined || models.rehearsing ? {} : { model: agent.model }),
      ...(agent.skills === undefined ? {} : { skills: agent.skills }),
    };
  }
  return {
    db: store.db,
    blobs: createBlobStore(folders.blobs),
    limits: {
      turns: file.limits.turns,
      callsPerTurn: file.limits.callsPerTurn,
      deadlineSeconds: Math.round(file.limits.deadlineHours * 3600),
      budgetUsd: file.limits.budgetUsd,
      conversationTail: file.limits.conversationTail,
      approvalDays: file.limits.approvalDays,
      audioMinutes: file.limits.audioMinutes,
      injectedTokens: file.limits.injectedTokens,
      depth: file.limits.depth,
      children: file.limits.children,
      agents: file.limits.agents,
    },
    agents,
    // Without an endpoint every name stands for the rehearsal model.
    defaultModel: models.rehearsing ? 'smart' : file.models.default,
    resolveModel: (name) => models.resolve(name),
    skillNames: skills.list().map((skill) => skill.manifest.name),
    skillFacts: skillFacts(skills),
    defaultTimeZone: file.owner.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

const LARGEST_LOG_BYTES = 10 * 1024 * 1024;

/** The embedded profile keeps the terminal for people and logs to a file; servers log JSON to standard output. */
export function createLogger(config: Config): Logger {
  const { environment, folders } = config;
  const options = {
    level: environment.RETINUE_LOG,
    redact: ['req.headers.authorization', 'req.headers.cookie'],
    serializers: { err: plainError },
  };
  if (environment.DATABASE_URL !== undefined) return pino(options);
  mkdirSync(folders.home, { recursive: true, mode: 0o700 });
  const dest = path.join(folders.home, 'retinue.log');
  if (existsSync(dest) && statSync(dest).size > LARGEST_LOG_BYTES) renameSync(dest, `${dest}.1`);
  return pino(options, pino.destination({ dest, sync: true, mode: 0o600 }));
}

/** Errors of a database carry pieces of content in their other fields; those stay out of the log. */
function plainError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = 'code' in error ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: plainError(error.cause) };
  return { type: error.name, message: error.message, stack: error.stack, ...code, ...cause };
}
