import { allows } from '../../contracts/permission.js';
import { ProblemError } from '../../contracts/problem.js';
import type { Proposal, SpaceAccess } from '../../contracts/skill.js';
import type { AtomReference, JsonValue, Metadata, Permission } from '../../contracts/space.js';
import { cutText } from '../../contracts/text.js';
import { quote } from './summary-text.js';
import { visibleLine, visibleText } from './visible-text.js';

const TITLE_COMMENT_BYTES = 200;

/** What is about to be written into a space. */
interface PlannedWrite {
  readonly space: string;
  /** What it needs on the space. */
  readonly needs: Permission;
  /** The verb of the title, such as `Add to`. */
  readonly verb: string;
  /** What becomes of which atom, up to the space, such as `Adds an atom to`. */
  readonly change: string;
  readonly comment: string;
  readonly payload?: JsonValue | undefined;
  readonly metadata?: Metadata | undefined;
  readonly references?: readonly AtomReference[] | undefined;
}

/** What a person is asked before it is written: the space and every word. Throws `ProblemError` where it could not be written. */
export async function proposeWrite(spaces: SpaceAccess, write: PlannedWrite): Promise<Proposal> {
  const space = await spaces.space(write.space);
  if (!allows(space.permission, write.needs))
    throw new ProblemError(
      'forbidden',
      `You may ${space.permission} in the space ${space.id}, and this needs ${write.needs}. Ask for it, or write elsewhere.`,
    );
  const name = quote(visibleLine(space.name));
  const { text, warnings } = visibleText(wordsOf(write).join('\n'));
  return {
    title: `${write.verb} the space ${name}: ${cutText(visibleLine(write.comment), TITLE_COMMENT_BYTES)}`,
    preview: {
      text: [
        ...warnings.map((warning) => `Warning: ${warning}`),
        `${write.change} the space ${name} (${space.id}).`,
        '',
        text,
      ].join('\n'),
      recipients: [],
    },
  };
}

/** The fields of a payload one by one, each with its text as it is read. */
export function payloadWords(payload: JsonValue): string[] {
  if (payload === null || typeof payload !== 'object' || Array.isArray(payload)) return [indented(payload)];
  return Object.entries(payload).map(([field, value]) => `${field}: ${indented(value)}`);
}

function wordsOf({ comment, payload, metadata, references }: PlannedWrite): string[] {
  return [
    `Comment: ${indented(comment)}`,
    ...(payload === undefined ? [] : ['', ...payloadWords(payload)]),
    ...(metadata === undefined ? [] : ['', `Metadata: ${JSON.stringify(metadata)}`]),
    ...(references === undefined ? [] : ['', `References: ${JSON.stringify(references)}`]),
  ];
}

/** Further lines stand further in, so that no text looks like a field of its own. */
function indented(value: JsonValue): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll(/\r\n|[\n\r\u2028\u2029]/g, '\n    ');
}
