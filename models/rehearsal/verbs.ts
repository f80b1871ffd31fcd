/** Things people are asked to do. The list only has to make a clause explicit; it is no dictionary. */
const ACTIONS = new Set(
  (
    'accept add adjust agree align analyse analyze announce answer apply approve arrange ask assemble assign attach back backup book bring brief build ' +
    'buy calculate call cancel change chase check clarify clean clear close collect compare compile complete configure confirm contact coordinate copy ' +
    'correct create cut deal debug decide define deliver deploy describe design determine develop discuss distribute do document double-check draft draw ' +
    'drive drop edit email enter estimate evaluate examine expand explain explore export extend feed file fill finalise finalize find finish fix follow ' +
    'forward gather generate get give go handle hand help hire identify implement import improve include inform inspect install integrate interview ' +
    'investigate invite invoice issue keep launch lead let list load look mail make manage map measure merge message migrate mock modify monitor move ' +
    'name negotiate notify obtain offer open order organise organize outline pack paint pass patch pay phone pick plan polish post prepare present price ' +
    'print process procure produce program propose provide publish pull purchase push put raise read rebuild recalculate record reduce refactor ' +
    'register release remind remove rename renew rent repair replace reply report request research reserve resolve respond restart return revert review ' +
    'revise rework rewrite ring run save scan schedule search select sell send set share ship show shortlist sign simplify sketch solve sort speak ' +
    'specify split start stop store submit summarise summarize supply support survey switch take talk tell test tidy train transfer translate try turn ' +
    'type unblock update upgrade upload validate verify visit wash watch water wire work wrap write'
  ).split(' '),
);

/** Verbs of being, liking and knowing, and the end of a meeting: no action items. */
const STATES = new Set(
  (
    'be become believe come enjoy exist expect fall feel guess happen hate have hear hope join know lack leave like live lose love mean meet miss need ' +
    'never not own prefer probably remain remember see seem sleep sound stay suppose think understand want win wish wonder likely maybe possibly perhaps'
  ).split(' '),
);

const DOUBLED = /([bdglmnprt])\1ing$/;

/** The infinitive of "sends", "does", "tries"; undefined for a word without that ending. */
export function fromThirdPerson(word: string): string | undefined {
  if (!/^[\p{Ll}-]+s$/u.test(word) || /(?:ss|us|is)$/.test(word)) return undefined;
  if (word === 'has') return 'have';
  if (/(?:oes|sses|shes|ches|xes|zzes)$/.test(word)) return word.slice(0, -2);
  return /[^aeiou]ies$/.test(word) ? `${word.slice(0, -3)}y` : word.slice(0, -1);
}

/** The infinitive of "sending", for known actions only. */
export function fromProgressive(word: string): string | undefined {
  if (!word.endsWith('ing')) return undefined;
  const stem = word.slice(0, -3);
  return [stem, `${stem}e`, DOUBLED.test(word) ? stem.slice(0, -1) : stem].find((candidate) => ACTIONS.has(candidate));
}

export function isAction(word: string): boolean {
  return ACTIONS.has(word);
}

/** A word that can follow "will" in a promise to do something. */
export function canBeDone(word: string): boolean {
  return /^[\p{Ll}-]{2,}$/u.test(word) && !STATES.has(word);
}
