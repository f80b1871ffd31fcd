import { ProblemError } from '../contracts/problem.js';
import type { Embedder } from '../contracts/services.js';
import type { Engine } from '../engine/deps.js';
import { createWait } from '../engine/wait.js';
import {
  type AtomVector,
  type ChangePlace,
  claimAtoms,
  type ClaimedAtom,
  dropOtherLengths,
  dropOtherModels,
  releaseAtoms,
  storeVectors,
} from '../spaces/vectors.js';
import type { Db } from '../store/db.js';
import type { EventBus } from '../store/event-bus.js';
import { pause } from '../store/pause.js';

/** Finds what the bus lost. */
const SWEEP_MS = 5_000;
/** Between looks at every atom, for what was claimed and then left. */
const WHOLE_MS = 3_600_000;
const SHORTEST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
/** Models on the own machine take their time. */
const SERVICE_MS = 300_000;
const LARGEST_BATCH = 32;
/** Below so many characters a text that is refused is not the length's fault. */
const SHORTEST_TEXT = 100;
/** Changes that were committed late are seen all the same. */
const OVERLAP_MS = 300_000;

interface Installed {
  readonly db: Db;
  readonly bus: EventBus;
  readonly embedder: Embedder;
  readonly log: NonNullable<Engine['log']>;
}

/**
 * Gives every atom a vector of what it means, new and changed ones first, until stopped. A service that fails is left
 * alone for longer each time, up to a minute or what it asks for; atoms without a vector are found by their words.
 */
export async function keepVectors(installed: Installed, stop: AbortSignal): Promise<void> {
  const round = createWait();
  stop.addEventListener('abort', round.wake);
  const unsubscribe = installed.bus.onSpace(null, round.wake);
  const work = new Embedding(installed, stop);
  let failures = 0;
  let said = '';
  try {
    while (!stop.aborted) {
      try {
        await work.catchUp();
        failures = 0;
        said = '';
      } catch (error) {
        failures += 1;
        if (stop.aborted) break;
        if (String(error) !== said) installed.log.warn({ err: error }, 'atoms are not embedded for now; trying again');
        said = String(error);
        // Hints do not shorten it.
        await pause(restOf(error, failures), stop);
      }
      if (failures === 0) await round.next(SWEEP_MS);
    }
  } finally {
    unsubscribe();
  }
}

function restOf(error: unknown, failures: number): number {
  if (!(error instanceof ProblemError) || error.type !== 'unavailable') return LONGEST_REST_MS;
  const growing = Math.min(LONGEST_REST_MS, SHORTEST_REST_MS * 2 ** (failures - 1));
  return Math.max(growing, error.retryAfterMs ?? 0);
}

/** One walk over the atoms that were changed since a time, latest first. */
interface Walk {
  readonly since: string | undefined;
  before: ChangePlace | undefined;
  /** The database's time when it began. */
  began: string | undefined;
}

class Embedding {
  readonly #installed: Installed;
  readonly #stop: AbortSignal;
  #isProbed = false;
  #batch = LARGEST_BATCH;
  #whole: Walk | undefined;
  #wholeAt = Number.NEGATIVE_INFINITY;
  #since: string | undefined;

  constructor(installed: Installed, stop: AbortSignal) {
    this.#installed = installed;
    this.#stop = stop;
  }

  /** Embeds what lacks a vector; what changes meanwhile goes first. */
  async catchUp(): Promise<void> {
    await this.#probe();
    while (!this.#stop.aborted) {
      await this.#recent();
      if (this.#whole === undefined && performance.now() - this.#wholeAt < WHOLE_MS) return;
      this.#whole ??= { since: undefined, before: undefined, began: undefined };
      if (!(await this.#step(this.#whole))) continue;
      this.#since ??= this.#whole.began;
      this.#whole = undefined;
      this.#wholeAt = performance.now();
      await this.#tidy();
    }
  }

  /** Which vectors the model makes, and whether it makes any: a service that refuses everything must not pass for answers. */
  async #probe(): Promise<void> {
    if (this.#isProbed) return;
    const { db, embedder } = this.#installed;
    const [vector = []] = await embedder.embed(['A first text.'], { kind: 'document', abortSignal: this.#signal() });
    while (await db.system((tx) => dropOtherLengths(tx, embedder.model, vector.length)));
    this.#isProbed = true;
  }

  /** Changes since the last look; the first walk over everything comes before there is one. */
  async #recent(): Promise<void> {
    const since = this.#since ?? this.#whole?.began;
    if (since === undefined) return;
    const early = new Date(Date.parse(since) - OVERLAP_MS).toISOString();
    const walk: Walk = { since: early, before: undefined, began: undefined };
    while (!this.#stop.aborted) {
      if (!(await this.#step(walk))) continue;
      this.#since = walk.began;
      return;
    }
  }

  /** One batch of a walk. Returns whether it was the last. */
  async #step(walk: Walk): Promise<boolean> {
    const { db, embedder } = this.#installed;
    const { model } = embedder;
    const { atoms, next, at } = await db.system((tx) => claimAtoms(tx, model, walk, this.#batch));
    walk.began ??= at;
    try {
      const vectors = await this.#vectorsOf(atoms);
      if (vectors.length > 0) await db.system((tx) => storeVectors(tx, model, vectors));
    } catch (error) {
      this.#batch = Math.ceil(this.#batch / 2);
      const ids = atoms.map(({ id }) => id);
      await db.system((tx) => releaseAtoms(tx, model, ids));
      throw error;
    }
    this.#batch = Math.min(LARGEST_BATCH, this.#batch * 2);
    walk.before = next;
    return next === undefined;
  }

  async #vectorsOf(atoms: readonly ClaimedAtom[]): Promise<AtomVector[]> {
    const speaking = atoms.filter(({ text }) => text !== '');
    const vectors = await this.#embed(speaking.map(({ text }) => text));
    const byId = new Map(speaking.map(({ id }, index) => [id, vectors[index]]));
    return atoms.map(({ id, version }) => ({ id, version, vector: byId.get(id) ?? null }));
  }

  /** Texts that are refused together are tried apart, then shorter; null for what is refused all the same. */
  async #embed(texts: readonly string[]): Promise<(number[] | null)[]> {
    if (texts.length === 0) return [];
    try {
      const vectors = await this.#installed.embedder.embed(texts, { kind: 'document', abortSignal: this.#signal() });
      return vectors.map((vector) => (vector.some((number) => number !== 0) ? vector : null));
    } catch (error) {
      if (!(error instanceof ProblemError) || error.type !== 'invalid-body') throw error;
    }
    const [text = ''] = texts;
    const middle = Math.ceil(texts.length / 2);
    if (texts.length > 1)
      return [...(await this.#embed(texts.slice(0, middle))), ...(await this.#embed(texts.slice(middle)))];
    return text.length <= SHORTEST_TEXT
      ? [null]
      : this.#embed([
          text
            .slice(0, text.length / 2)
            .trim()
            .toWellFormed(),
        ]);
  }

  async #tidy(): Promise<void> {
    const { db, embedder } = this.#installed;
    while (!this.#stop.aborted && (await db.system((tx) => dropOtherModels(tx, embedder.model))));
  }

  #signal(): AbortSignal {
    return AbortSignal.any([this.#stop, AbortSignal.timeout(SERVICE_MS)]);
  }
}
