import { isMeetingTalk } from '../meeting-words.js';
import { capitalise, shorten, tidy, wordPattern } from '../text.js';

/** Decisions and open questions of a note, each as it was said. */
export interface Statements {
  readonly decisions: readonly string[];
  readonly questions: readonly string[];
}

const LABELLED =
  /(?:^|(?<=[:;,] ))(?:(?:and |und )?(?:the )?(?:first|second|third|other|another|one more|next|zweite|erste|dritte|weitere)? ?(?:decisions?|decided|agreed|beschlossen|entscheidung|beschluss|entschieden|vereinbart|festgelegt)(?: (?:is|are|was|ist|wurde|haben wir))?)\s*[:,]\s*(?<what>.+)$/iu;
const WE_DECIDED =
  /(?<!\p{L})(?:we|they|wir) (?:have |also |haben )?(?:decided|agreed|settled|beschlossen|entschieden|vereinbart)(?: (?:that|on|to|dass))?,? (?<what>(?!(?:one|two|three|four|five|several|a few|some|\d+) (?:\p{L}+ )?(?:things?|points?|decisions?)).{6,})$/iu;
const COUNTED =
  /^(?:one|two|three|first|second|third|number (?:one|two|three)|erstens|zweitens|drittens),\s+(?<what>.{6,})$/iu;
const SETTLED: readonly RegExp[] = [
  /(?<!\p{L})(?:that's|that is|is|are|das ist|ist|steht) (?:now |then |jetzt |damit )?(?:fixed|decided|settled|agreed|final|off the table|dropped|dead|out|beschlossen|fix|entschieden|vom tisch)(?!\p{L})/iu,
  /(?<!\p{L})(?:approved|signed off on|confirmed|have chosen|has chosen|picked|genehmigt|freigegeben|bestätigt)(?!\p{L})/iu,
  /^(?:the |our |their |der |die |das )?\p{L}[^,]{1,60} (?:stays?|remains?|bleibt|bleiben) (?!open|unclear|offen|unklar)/iu,
  /(?<!\p{L})(?:it's|it is|that's) going to be (?!\p{L}*ly )/iu,
  /(?<!\p{L})they (?:now )?want to (?:go live|launch|start|move|switch|use|have)(?!\p{L})/iu,
];
const WE_DO =
  /(?:^|(?<=, ))(?:so |and |also )*(?:we|they|wir) (?:will |now |then )?(?:go (?:with|for|live)|keep|print|use|launch|start with|stick (?:with|to)|switch|drop|skip|move|stay|choose|chose|pick|order|buy|hire|cancel|postpone|replace|nehmen|behalten|bleiben|starten|verzichten|wechseln|drucken|nutzen|verwenden)(?!\p{L})/iu;
const UNDECIDED =
  /(?<!\p{L})(?:not|n't|never|nothing|nobody|nicht|kein\p{L}*|maybe|perhaps|might|would|could|vielleicht|whether|if|ob|wenn|falls|think about|thought)(?!\p{L})/iu;

const OPEN: readonly RegExp[] = [
  /(?:^|(?<=[,;] ))(?:and |und )?(?:(?:what(?:'s| is) )?(?:still |also )?open(?: question)?s?(?: points?)?(?: still| noch)?(?: is| are| remains)?|offen(?:e frage)?(?: ist| bleibt)?(?: noch| auch)?|noch offen(?: ist)?|ungeklärt(?: ist)?(?: noch)?)\s*[:,]?\s*(?<what>(?:who|what|when|where|whether|if|how|which|wer|was|wann|wo|ob|wie|welche\p{L}*)(?!\p{L}).+)$/iu,
  /(?:^|(?<=[,;] ))(?:a |one |the |an )?(?:(?:open |big )?question|offene frage)(?: (?:that )?(?:nobody|no one|none of us) could answer| is| remains| bleibt| left)?\s*[:,]\s*(?<what>.+)$/iu,
  /(?:^|(?<=[,;] ))(?:and |but )?what (?:I|we|nobody|they) (?:do not|don't|did not|didn't|still do not|still don't|never) (?:know|settle|decide|answer|clarify)(?: yet)? is (?<what>.+)$/iu,
  /(?<!\p{L})(?:(?:we|they|I|nobody|no one|no-one|niemand|keiner|wir|ich) (?:\p{Ll}+ )?(?:do not|don't|did not|didn't|could not|couldn't|have not|haven't|knows?|knew|wissen|weiß|wusste)(?: yet| noch| nicht)*(?: know| settle| settled| decide| decided| agree| agreed| clarify| nicht)?(?: on)?|not (?:clear|decided|settled)(?: yet)?|unclear(?: is)?|undecided|unklar(?: ist)?|it depends|remains open)(?: noch| is)?,? (?<what>(?:who|what|when|where|whether|if|how|which|wer|was|wann|wo|ob|wie|welche\p{L}*)(?!\p{L}).+)$/iu,
  /(?<!\p{L})(?:asked|wants to know|fragte|will wissen),? (?<what>(?:whether|if|who|how|when|ob|wer|wie|wann) .+?),? (?:and )?(?:I|we|nobody|ich|wir|keiner) (?:don't|do not|didn't|did not|could not|couldn't|weiß|wusste|wissen)(?!\p{L})/iu,
];
const LEFT_OPEN =
  /^(?<what>.+?)[,;]? (?:so |and |but |also |und )?(?:(?:that's|that is|is|are|it's|das ist|ist) (?:still |noch )?(?:not decided|undecided|open|unclear|not settled|not clear|offen|unklar|nicht entschieden)|(?:stays|remains|bleibt) (?:open|offen|unclear)|we (?:parked|left) (?:that|it)(?: open)?|das haben wir vertagt)(?: yet)?[.!]*$/iu;
const OPENER = /^(?:(?:so|and|but|um|oh|ah|no|also|und|aber|nein|ach),?\s+)+/iu;
const DEICTIC = /^(?:nothing|nichts|that|it|das|so|no)(?!\p{L})/iu;

function shortened(text: string): string {
  return capitalise(tidy(shorten(text, 400)));
}

function withoutParked(text: string): string {
  return text.replace(
    /,\s*(?:we (?:parked|left) (?:that|it).*|that is still open|nobody knew.*|das wusste keiner.*|das haben wir vertagt.*|we'll see.*)$/iu,
    '',
  );
}

function questionIn(sentence: string): string | undefined {
  const bare = sentence.replace(/[.!]+$/, '');
  if (bare.endsWith('?')) return bare;
  for (const pattern of OPEN) {
    const what = pattern.exec(bare)?.groups?.['what'];
    if (what !== undefined) return withoutParked(what);
  }
  const left = LEFT_OPEN.exec(bare)?.groups?.['what'];
  return left === undefined || DEICTIC.test(left) || left.split(/\s+/).length < 3 ? undefined : left;
}

function isSettled(sentence: string): boolean {
  const said = sentence.replace(/,?\s*(?:not|nicht|no more|statt|instead of|rather than|ohne|without) [^,.]+/giu, '');
  return !UNDECIDED.test(said) && (SETTLED.some((pattern) => pattern.test(said)) || WE_DO.test(said));
}

function decisionIn(sentence: string): string | undefined {
  const bare = sentence.replace(/[.!]+$/, '');
  for (const pattern of [LABELLED, WE_DECIDED, COUNTED]) {
    const what = pattern.exec(bare)?.groups?.['what'];
    if (what !== undefined) return what.replace(COUNTED, '$<what>');
  }
  return isSettled(bare) ? bare : undefined;
}

const OPENS_LIST = wordPattern(
  '(?:decided|agreed on|beschlossen) (?:on )?(?:one|two|three|four|several|a few|\\d|zwei|drei) (?:things|points|dinge|punkte)',
  'iu',
);

/** Reads what was decided and what was left open. Items and the next meeting are read elsewhere. */
export function readStatements(sentences: readonly string[]): Statements {
  const decisions: string[] = [];
  const questions: string[] = [];
  let isLabelled = false;
  for (const sentence of sentences) {
    const question = questionIn(sentence.replace(OPENER, ''));
    if (question !== undefined) questions.push(shortened(question));
    else if (!isMeetingTalk(sentence) && !OPENS_LIST.test(sentence)) {
      const bare = sentence.replace(OPENER, '');
      const goesOn: boolean =
        isLabelled && /^(?:and|und) /iu.test(sentence) && !UNDECIDED.test(bare.replace(/, not .*$/iu, ''));
      const decision = decisionIn(bare) ?? (goesOn ? bare.replace(/[.!]+$/, '') : undefined);
      isLabelled = goesOn || LABELLED.test(bare);
      if (decision !== undefined) decisions.push(shortened(decision));
    }
  }
  return { decisions: [...new Set(decisions)].slice(0, 100), questions: [...new Set(questions)].slice(0, 100) };
}
