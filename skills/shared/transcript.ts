import { ProblemError } from '../../contracts/problem.js';
import type { TransactionContext } from '../../contracts/skill.js';
import type { Atom, JsonValue, NewAtom } from '../../contracts/space.js';
import { collectHits } from './collect-hits.js';

const KIND = 'transcript';
const MOST_TRANSCRIPTS = 100;
/** What is longer was not typed to say what to do with a recording: it is a note itself. */
const LONGEST_REMARK = 300;

interface SpokenText {
  readonly text: string;
  /** Id of the recording; none for what was typed. */
  readonly file?: string;
  readonly language?: string;
  readonly seconds?: number;
}

/**
 * Files what was said, word for word, in the space `meetings`; later records of this conversation refer to it. A file
 * that this request has transcribed before gets a new version of its transcript instead of a second one.
 */
export async function fileTranscript(context: TransactionContext, space: string, spoken: SpokenText): Promise<Atom> {
  const { spaces, requestId, conversationId, now } = context;
  const { file } = spoken;
  const payload: JsonValue = { ...spoken, at: now };
  const before = file === undefined ? [] : await transcriptsIn(context, space, { request: requestId, file });
  if (before[0] !== undefined)
    return spaces.update(space, before[0].id, {
      payload,
      metadata: { at: now },
      comment: 'Transcribed again',
    });
  const atom: NewAtom = {
    payload,
    metadata: {
      kind: KIND,
      request: requestId,
      conversation: conversationId,
      ...(file === undefined ? {} : { file }),
      at: now,
    },
    comment: file === undefined ? 'Note as it was typed' : 'Transcript of a recording',
  };
  return spaces.put(space, atom);
}

/**
 * What a record of this request rests on: its own transcripts; else, where the user has typed no more than a remark such
 * as “file that”, those of the newest request of the conversation that had recordings; else what was typed, which is
 * filed as a transcript. That one stays when the record is taken back: the user has said it all the same.
 */
export async function transcriptsOfRequest(context: TransactionContext, space: string): Promise<string[]> {
  const { conversation, requestId, conversationId } = context;
  const own = await transcriptsIn(context, space, { request: requestId });
  if (own.length > 0) return own.map(({ id }) => id);
  const text = (await conversation.said()).join('\n\n');
  if (text.length <= LONGEST_REMARK) {
    const [newest] = await newestRecorded(context, space, conversationId);
    if (newest !== undefined) {
      const together = await transcriptsIn(context, space, { request: newest.metadata['request'] ?? null });
      return together.filter(isOfRecording).map(({ id }) => id);
    }
  }
  return text === '' ? [] : [(await fileTranscript(context, space, { text })).id];
}

async function transcriptsIn(
  { spaces }: TransactionContext,
  space: string,
  metadata: NonNullable<NewAtom['metadata']>,
): Promise<Atom[]> {
  const search = { spaces: [space], metadata: { kind: KIND, ...metadata } };
  const { atoms, more } = await collectHits(spaces, search, MOST_TRANSCRIPTS);
  if (!more) return atoms;
  throw new ProblemError(
    'conflict',
    `There are more than ${MOST_TRANSCRIPTS} transcripts in one request. Ask the user to send the recordings of each meeting in a message of their own.`,
  );
}

async function newestRecorded({ spaces }: TransactionContext, space: string, conversation: string): Promise<Atom[]> {
  const metadata = { kind: KIND, conversation, file: { not: null } };
  const { items } = await spaces.search({ spaces: [space], metadata, limit: 1 });
  return items.map(({ atom }) => atom);
}

function isOfRecording({ metadata }: Atom): boolean {
  return metadata['file'] !== undefined;
}
