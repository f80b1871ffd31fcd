import { fileTypeFromBuffer } from 'file-type';
import { isAudioType } from '../contracts/media-type.js';
import { ProblemError } from '../contracts/problem.js';
import type { Attachment } from '../contracts/request.js';
import type { AttachedFile } from '../contracts/services.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { json, type RawBuilder, sql } from '../store/sql.js';
import type { Engine } from './deps.js';

/** A file's row; its bytes are in the blob store under `sha256`. */
export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: string;
  /** Length of a recording, where its bytes tell. */
  readonly seconds: number | null;
  readonly createdAt: string;
}

export interface IncomingFile {
  readonly name?: string | undefined;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export const MOST_FILE_BYTES = 25 * 1024 * 1024;

const ALLOWED = /^(audio|image|video)\/|^text\/(plain|markdown|csv|calendar)$|^application\/(pdf|json|ogg)$/;
/** Containers whose content may be declared as either kind. */
const SAME_CONTAINER: readonly (readonly string[])[] = [
  ['audio/ogg', 'video/ogg', 'application/ogg', 'audio/opus'],
  ['audio/mp4', 'video/mp4', 'audio/x-m4a', 'audio/m4a'],
  ['audio/webm', 'video/webm'],
  ['audio/wav', 'audio/x-wav', 'audio/vnd.wave', 'audio/wave'],
  ['audio/mpeg', 'audio/mp3'],
  ['image/jpeg', 'image/jpg'],
];

const COLUMNS = sql`f.id, f.name, f.media_type as "mediaType", f.size, f.sha256, f.seconds, f.created_at as "createdAt"`;

/** A file whose bytes are stored and whose row is still to be written, with `insertFiles`. */
type FileDraft = Omit<StoredFile, 'createdAt'>;

/** Attachments and uploads that were checked, in order. Nothing but bytes is stored until `rows` are written. */
export interface PreparedFiles {
  readonly ids: readonly string[];
  /** Those of them that hold somebody else's words. */
  readonly forwarded: readonly string[];
  /** Those that were there before; whoever writes the message checks them again in its transaction. */
  readonly known: readonly NamedFile[];
  readonly rows: readonly FileDraft[];
}

interface NamedFile {
  readonly id: string;
  readonly path: string;
}

/** How long bytes without a row are kept: a row may be on its way. */
const UNUSED_MS = 3_600_000;

/**
 * Stores an uploaded file. The type is judged by its first bytes: one that differs from what was declared is refused,
 * as is any type the product cannot use. Errors name `file`.
 */
export async function saveFile(engine: Engine, user: string, file: IncomingFile, path = 'file'): Promise<StoredFile> {
  const draft = await storeBytes(engine, await checkedFile(engine, file, path));
  return engine.db.as(user, (tx) =>
    tx.one<StoredFile>(sql`with f as (${insertFiles(user, [draft])} returning *) select ${COLUMNS} from f`),
  );
}

/**
 * Checks files named by id and files given inline, then stores the bytes of the latter. `refuse` sees what is named
 * before any byte is stored.
 */
export async function prepareFiles(
  engine: Engine,
  given: {
    readonly attachments?: readonly Attachment[] | undefined;
    readonly files?: readonly IncomingFile[] | undefined;
    /** Counts for every file that does not say otherwise. */
    readonly forwarded?: boolean | undefined;
  },
  refuse: (known: readonly NamedFile[]) => Promise<void>,
): Promise<PreparedFiles> {
  const parts: (NamedFile | CheckedFile)[] = [];
  const passedOn = new Set<number>();
  for (const [index, attachment] of (given.attachments ?? []).entries()) {
    if (attachment.forwarded ?? given.forwarded) passedOn.add(index);
    const path = `attachments.${index}`;
    parts.push(
      'fileId' in attachment
        ? { id: attachment.fileId, path: `${path}.fileId` }
        : await checkedFile(engine, { ...attachment, bytes: Buffer.from(attachment.data, 'base64') }, path),
    );
  }
  for (const [index, file] of (given.files ?? []).entries()) {
    if (given.forwarded) passedOn.add(parts.length);
    parts.push(await checkedFile(engine, file, `file.${index}`));
  }
  const known = parts.filter((part) => 'id' in part);
  if (parts.length > known.length) await refuse(known);
  const ids: string[] = [];
  const rows: FileDraft[] = [];
  for (const part of parts) {
    if ('id' in part) ids.push(part.id);
    else {
      const draft = await storeBytes(engine, part);
      rows.push(draft);
      ids.push(draft.id);
    }
  }
  return { ids, known, rows, forwarded: ids.filter((_, index) => passedOn.has(index)) };
}

/** Throws when one of these files is not the user's. */
export async function requireFiles(tx: Tx, user: string, known: readonly NamedFile[]): Promise<void> {
  if (known.length === 0) return;
  const rows = await tx.rows<{ id: string }>(
    sql`select id from files where user_id = ${user} and id = any(${known.map((file) => file.id)})`,
  );
  const found = new Set(rows.map((row) => row.id));
  const missing = known.filter((file) => !found.has(file.id));
  if (missing.length === 0) return;
  throw new ProblemError('not-found', `There is no file ${missing[0]?.id}.`, {
    status: 422,
    errors: missing.map(({ path }) => ({ path, message: 'there is no file with this id' })),
  });
}

/** The statement that writes the rows of prepared files. */
export function insertFiles(user: string, rows: readonly FileDraft[]): RawBuilder<unknown> {
  return sql`
    insert into files (id, user_id, name, media_type, size, sha256, seconds)
    select d.id, ${user}, d.name, d."mediaType", d.size, d.sha256, d.seconds
    from jsonb_to_recordset(${json(rows)}) as d(id text, name text, "mediaType" text, size bigint, sha256 text, seconds double precision)`;
}

export async function getFile(engine: Engine, user: string, id: string): Promise<StoredFile> {
  const file = await engine.db.as(user, (tx) =>
    tx.maybe<StoredFile>(sql`select ${COLUMNS} from files f where f.id = ${id} and f.user_id = ${user}`),
  );
  if (file === undefined) throw noFile(id);
  return file;
}

/** A file with its bytes; throws `not-found` when it is not the user's. */
export async function readAttached(
  engine: Pick<Engine, 'db' | 'blobs'>,
  user: string,
  id: string,
): Promise<AttachedFile> {
  const file = await engine.db.as(user, (tx) =>
    tx.maybe<StoredFile & { forwarded: boolean }>(sql`
      select ${COLUMNS}, exists (select from messages m where m.forwarded @> array[f.id] and m.forwarded <> '{}' and m.user_id = ${user}) as forwarded
      from files f where f.id = ${id} and f.user_id = ${user}`),
  );
  if (file === undefined) throw noFile(id);
  const { name, mediaType, size, seconds, forwarded, sha256 } = file;
  const bytes = await engine.blobs.read(sha256);
  return { id, name, mediaType, size, forwarded, bytes, ...(seconds === null ? {} : { seconds }) };
}

/** The row goes at once; the bytes go with a sweep when no other row has them. */
export async function deleteFile(engine: Engine, user: string, id: string): Promise<void> {
  const gone = await engine.db.as(user, (tx) => tx.run(sql`delete from files where id = ${id} and user_id = ${user}`));
  if (gone === 0) throw noFile(id);
}

/** Removes bytes that no row has had for an hour; run now and then. Returns how many. */
export async function sweepBlobs(engine: Engine, now = new Date()): Promise<number> {
  const then = new Date(now.getTime() - UNUSED_MS);
  let removed = 0;
  for await (const batch of engine.blobs.putBefore(then)) {
    const used = await engine.db.system((tx) =>
      tx.rows<{ sha256: string }>(sql`select distinct sha256 from files where sha256 = any(${batch})`),
    );
    const kept = new Set(used.map((row) => row.sha256));
    for (const sha256 of batch)
      if (!kept.has(sha256) && (await engine.blobs.removePutBefore(sha256, then))) removed += 1;
  }
  return removed;
}

function noFile(id: string): ProblemError {
  return new ProblemError('not-found', `There is no file ${id.slice(0, 80)}.`);
}

interface CheckedFile {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly seconds: number | null;
}

async function checkedFile(engine: Engine, file: IncomingFile, path: string): Promise<CheckedFile> {
  const mediaType = await checkedType(file, path);
  const seconds = isAudioType(mediaType) ? await checkedLength(engine, file.bytes, mediaType, path) : null;
  return { name: cleanName(file.name), mediaType, bytes: file.bytes, seconds };
}

/** Seconds of a recording, null where its bytes do not tell; throws `too-large` above the limit, or what the look into it throws. */
async function checkedLength(
  engine: Engine,
  bytes: Uint8Array,
  mediaType: string,
  path: string,
): Promise<number | null> {
  const { audioMinutes } = engine.limits;
  const seconds = await engine.audioSeconds(bytes, mediaType).catch((error: unknown) => {
    if (!(error instanceof ProblemError) || error.type === 'unavailable') throw error;
    const { type, message, status } = error;
    throw new ProblemError(type, message, { status, errors: [{ path, message: 'its length cannot be read' }] });
  });
  if (seconds === undefined || seconds <= audioMinutes * 60) return seconds ?? null;
  throw new ProblemError(
    'too-large',
    `A recording may have at most ${audioMinutes} minutes. Send it in shorter parts, or raise limits.audioMinutes in retinue.yaml.`,
    { errors: [{ path, message: `has ${Math.ceil(seconds / 60)} minutes, more than ${audioMinutes}` }] },
  );
}

async function storeBytes(engine: Engine, { name, mediaType, bytes, seconds }: CheckedFile): Promise<FileDraft> {
  return { id: newId('file'), name, mediaType, size: bytes.length, sha256: await engine.blobs.put(bytes), seconds };
}

async function checkedType(file: IncomingFile, path: string): Promise<string> {
  if (file.bytes.length === 0)
    throw new ProblemError('invalid-body', 'A file is empty.', { errors: [{ path, message: 'must not be empty' }] });
  if (file.bytes.length > MOST_FILE_BYTES)
    throw new ProblemError('too-large', 'A file may have at most 25 MiB.', {
      errors: [{ path, message: 'is larger than 25 MiB' }],
    });
  const declared = bareType(file.mediaType) ?? '';
  const found = bareType((await fileTypeFromBuffer(file.bytes))?.mime) ?? textType(file.bytes, declared);
  if (!ALLOWED.test(declared)) throw unsupported(path, `files of type ${declared} are not supported`);
  if (!sameType(found, declared)) throw unsupported(path, `is declared as ${declared} but its content is ${found}`);
  return declared;
}

/** A media type without its parameters, such as the codec of Ogg Opus. */
function bareType(mediaType: string | undefined): string | undefined {
  return mediaType?.split(';')[0]?.trim().toLowerCase();
}

function unsupported(path: string, message: string): ProblemError {
  return new ProblemError(
    'unsupported-media',
    `A file cannot be used: it ${message}. Send audio, images, PDF or plain text.`,
    { errors: [{ path: `${path}.mediaType`, message }] },
  );
}

function sameType(found: string, declared: string): boolean {
  return found === declared || SAME_CONTAINER.some((kinds) => kinds.includes(found) && kinds.includes(declared));
}

/** Text formats have no signature: bytes that decode as UTF-8 without NUL count as the text type that was declared. */
function textType(bytes: Uint8Array, declared: string): string {
  if (!/^text\/|^application\/json$/.test(declared)) return 'of an unknown kind';
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).includes('\u0000') ? 'binary' : declared;
  } catch (error) {
    if (error instanceof TypeError) return 'binary';
    throw error;
  }
}

function cleanName(name: string | undefined): string {
  const base =
    (name ?? '')
      .split(/[/\\]/)
      .at(-1)
      ?.replace(/[\p{Cc}\p{Cf}]/gu, '')
      .trim() ?? '';
  return base === '' || base === '.' || base === '..' ? 'file' : base.slice(0, 200);
}
