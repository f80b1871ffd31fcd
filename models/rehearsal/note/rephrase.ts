import { NAME } from '../clauses.js';

const WHO = `(?<who>(?:I|he|she|ich|er|sie|${NAME}))`;
const START = '(?<=^|[.;:,] |(?:and|but|so|und|aber) )';

/** Ways to say who does what, and the plain order of words that stands for each. The order of the list matters. */
const WAYS: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(
      `${START}${WHO}'s (?=\\p{Ll}+ing (?:the|a|an|our|their|his|her|my|me|us|it|that|this|all|both|over|out|up|\\p{Ll}+ (?:to|over|by|on|until))(?!\\p{L}))`,
      'gu',
    ),
    '$<who> is ',
  ],
  [new RegExp(`${START}${WHO}'s on (?=the |our |it|that)`, 'gu'), '$<who> is on '],
  [new RegExp(`${START}${WHO}'s got to `, 'gu'), '$<who> has to '],
  [new RegExp(`${START}${WHO}'s got (?=the |that|it|this)`, 'gu'), '$<who> has '],
  [
    new RegExp(`${START}${WHO} (?:still|also|then|just|now|really) (?=(?:need|needs|have|has|must|will) )`, 'gu'),
    '$<who> ',
  ],
  [/(?<what>(?:[Tt]he|[Oo]ur) [^,.;']{2,50})'s (?:down to|with|up to) (?=me|him|her|\p{Lu})/gu, '$<what> is with '],
  [/(?<=[Dd]eadline)'s(?!\p{L})/gu, ' is'],
  [/(?<!\p{L})I am down (?:to|for) /gu, 'I have to '],
  [/(?<!\p{L})(?:[Oo]n|[Ff]rom) (?:my|our) (?:side|end)[,:]? I /gu, 'I '],
  [/(?<!\p{L})(?:[Ff]or my part|[Aa]s for me|[Mm]y part)[,:]? I /gu, 'I '],
  [
    new RegExp(
      `(?:[Ii]t|[Tt]hat|[Tt]his)(?:'s| is| will be) (?:now )?(?:with|on|up to|down to|for) (?<who>me|him|her|${NAME}) to (?=\\p{Ll})`,
      'gu',
    ),
    '$<who> will ',
  ],
  [
    new RegExp(
      `${WHO} will have (?=(?:the|a|an|his|her|my|our|their) [^,.;]{2,60} (?:back|ready|over|done|finished|sorted|in|out|sent|signed|for (?:me|us))(?!\\p{L}))`,
      'gu',
    ),
    '$<who> will get ',
  ],
  [
    new RegExp(
      `(?:[Hh]e|[Ss]he|[Tt]hey|${NAME})(?: also| now| then)?(?: wants?| wanted| asked| needs?| would like|'d like| expects?| told) me to (?=\\p{Ll})`,
      'gu',
    ),
    'I have to ',
  ],
  [
    new RegExp(
      `(?<!\\p{L})I(?:'ve| have)? promised (?:to send )?(?<whom>her|him|them|${NAME}) (?=(?:the|a|an|my|our) )`,
      'gu',
    ),
    'I owe $<whom> ',
  ],
  [
    new RegExp(
      `^(?<who>${NAME}) (?<first>(?!and |or |will |has to )[^.,;]{3,80}?),? and (?:also |then )?(?<modal>will|has to|needs to|is going to|promised to|agreed to|wants to have|muss|soll|wird) `,
      'u',
    ),
    '$<who> $<first>, and $<who> $<modal> ',
  ],
  [
    new RegExp(
      `${WHO} (?:hat|habe) (?:\\p{Ll}+ )?(?:versprochen|zugesagt|angeboten|übernommen|zugesichert)(?: mir| uns| ihr| ihm)?, (?<what>[^,.]+) zu (?<verb>\\p{Ll}+n)(?!\\p{L})`,
      'gu',
    ),
    '$<who> soll $<what> $<verb>',
  ],
  [
    new RegExp(
      `(?:[Ss]ie|[Ee]r|[Ww]ir|[Ss]ie alle|${NAME}) (?:möchten?|will|wollen|wollte|bittet|bat|wünscht sich)(?: mich| noch| auch)?,? dass ich `,
      'gu',
    ),
    'ich soll ',
  ],
  [new RegExp(`(?:[Uu]m|[Ff]ür) (?<what>[^,.;]{3,60}?) kümmere ich mich`, 'gu'), 'ich kümmere mich um $<what>'],
  [new RegExp(`(?:[Uu]m) (?<what>[^,.;]{3,60}?) kümmert sich (?<who>${NAME})`, 'gu'), '$<who> kümmert sich um $<what>'],
];

/** Says in the plain order of words what the rules for items know. */
export function rephrased(sentence: string): string {
  const plain = WAYS.reduce((text, [way, order]) => text.replace(way, order), sentence);
  return plain.replace(/(?<=^|[,;] )me will /gu, 'I will ');
}
