import type { TransactionContext } from '../../contracts/skill.js';
import type { Atom, NewAtom } from '../../contracts/space.js';

const KIND = 'transcript';
const MOST_TRANSCRIPTS = 20;

export interface SpokenText {
  readonly text: string;
  /** Id of the recording; none for what was typed. */
  readonly file?: string;
  readonly language?: string;
  readonly seconds?: number;
}

/** What was said, word for word, for the space `meetings`; later records of this request refer to it. */
export function transcriptAtom(spoken: SpokenText, context: Pick<TransactionContext, 'requestId' | 'now'>): NewAtom {
  return {
    payload: { ...spoken, at: context.now },
    metadata: { kind: KIND, request: context.requestId, at: context.now },
    comment: spoken.file === undefined ? 'Note as it was typed' : 'Transcript of a recording',
  };
}

/** The transcripts of this request. What was typed is filed as one where nothing was recorded. */
export async function transcriptsOfRequest(context: TransactionContext, space: string): Promise<string[]> {
  const { spaces, conversation, requestId } = context;
  const { items } = await spaces.search({
    spaces: [space],
    metadata: { kind: KIND, request: requestId },
    limit: MOST_TRANSCRIPTS,
  });
  if (items.length > 0) return items.map(({ atom }) => atom.id);
  const text = (await conversation.said()).join('\n\n');
  if (text === '') return [];
  const atom: Atom = await spaces.put(space, transcriptAtom({ text }, context));
  return [atom.id];
}
