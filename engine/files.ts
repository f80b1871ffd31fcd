import { fileTypeFromBuffer } from 'file-type';
import { ProblemError } from '../contracts/problem.js';
import type { Attachment } from '../contracts/request.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';

/** A file's row; its bytes are in the blob store under `sha256`. */
export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: string;
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

const COLUMNS = sql`f.id, f.name, f.media_type as "mediaType", f.size, f.sha256, f.created_at as "createdAt"`;

/**
 * Stores an uploaded file. The type is judged by its first bytes: one that differs from what was declared is refused,
 * as is any type the product cannot use. Errors name `path`.
 */
export async function saveFile(engine: Engine, user: string, file: IncomingFile, path = 'file'): Promise<StoredFile> {
  const mediaType = await checkedType(file, path);
  const sha256 = await engine.blobs.put(file.bytes);
  return engine.db.as(user, (tx) =>
    insertFile(tx, user, { name: cleanName(file.name), mediaType, size: file.bytes.length, sha256 }),
  );
}

/** Files named by id and bytes given inline, in order, as stored files. Nothing is stored when one of them is wrong. */
export async function resolveAttachments(
  engine: Engine,
  user: string,
  attachments: readonly Attachment[],
): Promise<string[]> {
  const inline = attachments.map((attachment, index) => ({ attachment, path: `attachments.${index}` }));
  const checked = inline.map(({ attachment, path }) => {
    if ('fileId' in attachment) return undefined;
    return {
      name: attachment.name,
      mediaType: attachment.mediaType,
      bytes: Buffer.from(attachment.data, 'base64'),
      path,
    };
  });
  for (const file of checked) if (file !== undefined) await checkedType(file, file.path);
  const ids: string[] = [];
  for (const [index, { attachment, path }] of inline.entries()) {
    const file = checked[index];
    ids.push(
      file === undefined
        ? await knownFile(engine, user, 'fileId' in attachment ? attachment.fileId : '', path)
        : (await saveFile(engine, user, file, path)).id,
    );
  }
  return ids;
}

export async function getFile(engine: Engine, user: string, id: string): Promise<StoredFile> {
  const file = await engine.db.as(user, (tx) =>
    tx.maybe<StoredFile>(sql`select ${COLUMNS} from files f where f.id = ${id}`),
  );
  if (file === undefined) throw new ProblemError('not-found', `There is no file ${id.slice(0, 80)}.`);
  return file;
}

/** The row goes first; the bytes go when no other row has them. */
export async function deleteFile(engine: Engine, user: string, id: string): Promise<void> {
  const file = await getFile(engine, user, id);
  await engine.db.as(user, (tx) => tx.run(sql`delete from files where id = ${id}`));
  const others = await engine.db.system((tx) =>
    tx.rows(sql`select 1 from files where sha256 = ${file.sha256} limit 1`),
  );
  if (others.length === 0) await engine.blobs.remove(file.sha256);
}

/** In the order of `ids`. */
async function filesByIds(tx: Tx, ids: readonly string[]): Promise<StoredFile[]> {
  if (ids.length === 0) return [];
  const rows = await tx.rows<StoredFile>(sql`select ${COLUMNS} from files f where f.id = any(${ids})`);
  return ids.flatMap((id) => rows.find((row) => row.id === id) ?? []);
}

async function insertFile(tx: Tx, user: string, file: Omit<StoredFile, 'id' | 'createdAt'>): Promise<StoredFile> {
  return tx.one<StoredFile>(sql`
    insert into files as f (id, user_id, name, media_type, size, sha256)
    values (${newId('file')}, ${user}, ${file.name}, ${file.mediaType}, ${file.size}, ${file.sha256}) returning ${COLUMNS}`);
}

async function knownFile(engine: Engine, user: string, id: string, path: string): Promise<string> {
  const known = await engine.db.as(user, (tx) => tx.maybe(sql`select 1 from files where id = ${id}`));
  if (known !== undefined) return id;
  throw new ProblemError('not-found', `There is no file ${id}.`, {
    status: 422,
    errors: [{ path: `${path}.fileId`, message: 'there is no file with this id' }],
  });
}

async function checkedType(file: IncomingFile, path: string): Promise<string> {
  if (file.bytes.length === 0)
    throw new ProblemError('invalid-body', 'A file is empty.', { errors: [{ path, message: 'must not be empty' }] });
  if (file.bytes.length > MOST_FILE_BYTES)
    throw new ProblemError('too-large', 'A file may have at most 25 MiB.', {
      errors: [{ path, message: 'is larger than 25 MiB' }],
    });
  const declared = (file.mediaType.split(';')[0] ?? '').trim().toLowerCase();
  const found = (await fileTypeFromBuffer(file.bytes))?.mime ?? textType(file.bytes, declared);
  if (!ALLOWED.test(declared)) throw unsupported(path, `files of type ${declared} are not supported`);
  if (!sameType(found, declared)) throw unsupported(path, `is declared as ${declared} but its content is ${found}`);
  return declared;
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
