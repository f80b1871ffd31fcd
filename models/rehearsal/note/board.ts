import { type JsonRecord, stringOf } from '../json.js';
import { textOf } from '../results.js';
import type { Cast } from './cast.js';
import type { Item } from './items.js';
import { decisive, sharedWords } from './words.js';

/** An open task as the board lists it. */
export interface BoardTask {
  readonly id: string;
  readonly title: string;
  readonly owner: string | null;
  readonly due: string | null;
  readonly words: readonly string[];
}

const DONE =
  /(?<!\p{L})(?:(?:is|are|was|were|has been|have been|'s|got)(?: now| all| both| already| finally)* (?:done|finished|signed|sent|back|here|in|delivered|paid|approved|live|complete|completed|ready|there|closed|sorted|off my desk|through)|(?:I|we|he|she|they|\p{Lu}\p{L}+) (?:had |have |has |'ve )?(?:already )?(?:sent|delivered|finished|signed|paid|handed in|received|got) (?:it|them|the|me|us)|(?:came|arrived|went out)|ist (?:schon |jetzt |inzwischen )?(?:da|fertig|erledigt|unterschrieben|raus|abgeschickt|verschickt|bezahlt|abgeschlossen|eingetroffen|durch)|sind (?:schon |jetzt |inzwischen |alle )?(?:da|fertig|erledigt|raus|unterschrieben|eingetroffen)|liegt vor|liegen vor|hat(?: \p{L}+){0,5} (?:geschickt|erledigt|unterschrieben|geliefert|bezahlt))(?!\p{L})/iu;
const NOT_DONE =
  /(?<!\p{L})(?:not|n't|nothing|never|yet|still|nearly|almost|half|partly|except|has to|have to|must|should|will|would|needs?|until|till|by|before|once|when|as soon as|if|whether|nicht|noch|kein\p{L}*|fast|muss|soll|wird|wenn|sobald|bis|erst|ob)(?!\p{L})|n't(?!\p{L})/iu;
const DROPPED =
  /(?<!\p{L})(?:off the table|dropped|cancelled|canceled|is dead|not needed any ?more|no longer needed|vom tisch|gestrichen|entfällt)(?!\p{L})/iu;

/** The tasks of a listing that are not finished. */
export function openTasks(records: readonly JsonRecord[], cast: Cast): BoardTask[] {
  return records.flatMap((record) => {
    const [id, status] = [stringOf(record, 'id', 'task'), stringOf(record, 'status') ?? 'open'];
    if (id === undefined || /^(?:done|closed|completed)$/iu.test(status)) return [];
    const title = textOf(record);
    const names = cast.contacts.map(({ name }) => name);
    return [
      {
        id,
        title,
        owner: stringOf(record, 'owner') ?? null,
        due: stringOf(record, 'due') ?? null,
        words: decisive(title, names),
      },
    ];
  });
}

/** The one task that is clearly the same work: it shares most of its telling words with the text. */
function sameWork(tasks: readonly BoardTask[], text: string): BoardTask | undefined {
  const words = decisive(text);
  const scored = tasks
    .map((task) => ({ task, shared: sharedWords(task.words, words) }))
    .filter(({ task, shared }) =>
      shared >= 2
        ? shared * 2 >= task.words.length
        : shared === 1 && task.words.length <= 3 && isTelling(task.words, words),
    )
    .toSorted((a, b) => b.shared - a.shared);
  const [best, second] = scored;
  return best && best.shared > (second?.shared ?? 0) ? best.task : undefined;
}

/** One shared word suffices where it is a long one: a word such as “firewall” stands for one piece of work. */
function isTelling(task: readonly string[], words: readonly string[]): boolean {
  return task.some((word) => word.length >= 7 && sharedWords([word], words) === 1);
}

function mayBeSame(task: BoardTask, item: Item, cast: Cast): boolean {
  if (task.owner === null || item.owner.owner === null)
    return item.owner.candidates.length === 0 || task.owner === null || item.owner.candidates.includes(task.owner);
  const owner = cast.resolve(task.owner);
  return task.owner === item.owner.owner || (owner.kind === 'one' && owner.name === item.owner.owner);
}

/** Which item of a note is which task on the board, each task at most once. */
export function matchTasks(
  items: readonly Item[],
  tasks: readonly BoardTask[],
  cast: Cast,
): ReadonlyMap<string, BoardTask> {
  const matched = new Map<string, BoardTask>();
  for (const item of items) {
    const free = tasks.filter((task) => ![...matched.values()].includes(task) && mayBeSame(task, item, cast));
    const task = sameWork(free, item.text);
    if (task) matched.set(item.id, task);
  }
  return matched;
}

/** The tasks that a note says are finished. */
export function finishedTasks(sentences: readonly string[], tasks: readonly BoardTask[]): BoardTask[] {
  const done = sentences.filter(
    (sentence) => DONE.test(sentence) && !NOT_DONE.test(sentence) && !sentence.endsWith('?'),
  );
  return [...new Set(done.flatMap((sentence) => sameWork(tasks, sentence) ?? []))];
}

/** The tasks whose work a note says is not wanted any more; nothing is changed about them. */
export function droppedTasks(sentences: readonly string[], tasks: readonly BoardTask[]): BoardTask[] {
  const dropped = sentences.filter((sentence) => DROPPED.test(sentence));
  const about = (sentence: string) => tasks.filter((task) => sharedWords(task.words, decisive(sentence)) >= 2);
  return [...new Set(dropped.flatMap(about))];
}
