/** Words that say nothing about a topic, English and German: grammar, courtesy, times, and what assistants are asked for. */
const STOP_WORDS = new Set(
  `a about above absolutely after again ago ahead all almost already also although always am an and another any anybody anyone anything anyway are around as ask asked asking asks at away
  back be became because become been before began begin begins behind being below best better between both bring but by
  came can cannot check checked come comes could did do does doing done down during each either else end enough even ever exactly every everybody everyone everything
  fact few find fine finish finished first follow follows for found from further gave get gets getting give given gives go goes going gone good got great nice
  had half has have having he hello help her here hers hey hi him his hold how however i if in instead into is it its itself
  just keep kept kind knew know known knows last later least leave left less let lets like likely little long look looked looking looks lot
  made make makes making many may maybe me mean means might mine more most much must my
  near need needed needs neither never new next no nobody none nor not note noted nothing now of off often oh ok okay old on once one ones only onto open or other others otherwise our ours out over own
  part per perfect perhaps please possible probably put quite rather ready really right round
  said same saw say says see seen send sends sent set several shall she should show shown shows since so some somebody someone something soon still stop such suggest suggested sure
  take taken takes tell than thank thanks that the their theirs them then there these they thing things think this those though three through till to together told too took toward try twice two
  under until up upon us use used uses using usually very via want wanted wants was way we well went were what whatever when where whether which while who whom whose why will with within without would write written wrote yes yet you your yours
  draft drafted add added ordered order marked updated
  remind reminder reminds forget today tonight tomorrow yesterday morning noon afternoon evening night week weekend day days hour hours minute minutes month months year years time times date
  monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays
  january february march april june july august september october november december am pm
  ab aber alle allem allen aller alles als also am an andere anderen anderer andern auch auf aus außerdem bald bei beide beiden beim bekommt bin bis bist bitte brauche brauchen braucht
  da dabei dafür daher damit danach daneben dann daran darauf daraus darf darin darüber darum das dass davon davor dazu dein deine deinem deinen deiner dem den denn der deren des deshalb dessen dich die dies diese diesem diesen dieser dieses dir doch dort du durch dürfen
  eben egal eigentlich ein eine einem einen einer eines einfach einige einmal er erledigt erst es etwa etwas euch euer eure fehlen fehlt fertig finde findet frag frage fragen für fürs ganz geben gegen geh gehen geht gemacht genau genug gern gerne gibt ging gleich gut gute guten guter
  hab habe haben hallo hast hat hatte hätte hatten her heute hier hilft hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in indem ins ist ja je jede jedem jeden jeder jedes jemand jetzt kann kannst kein keine keinem keinen keiner klar komm kommen kommt könnte können könnten kümmert
  lass lassen laut leider lieber mach mache machen macht mal man manche mehr mein meine meinem meinen meiner meist mich mir mit möchte möchten muss müssen nach nächste nächsten nächster nämlich natürlich neben nehmen nein neu neue neuen neuer nicht nichts nie niemand nimm noch notier notiert nun nur ob oben oder ohne
  passt perfekt rund sag sagen sagt schau schick schicken schickt schon schreib schreiben schreibt sehen sehr sei sein seine seinem seinen seiner seit selbst sich sie siehe sind so sogar soll sollen sollte sollten sonst soweit statt steht such suche super
  tun über um und uns unser unsere unserem unseren unserer unter usw viel viele vielen vielleicht vom von vor vorgemerkt vorher wann war wäre waren warum was wegen weil weit weiter welche welchem welchen welcher welches wem wen wenig wenn wer werde werden wessen wie wieder will wir wird wirklich wo woher wohin wohl wollen wollte wurde wurden würde
  zu zum zur zusammen zwar zwei zwischen danke dank okay prüfen prüf bestell bestätigen besser passen drei
  erinner erinnere erinnern erinnerung heute morgen übermorgen gestern mittag nachmittag abend nacht woche wochenende tag tage tagen stunde stunden minute minuten monat monate jahr jahre jahren uhr mal zeit früh
  montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mai juni juli oktober dezember prozent percent euro euros dollar dollars cost costs kostet kosten`
    .split(/\s+/)
    .filter((word) => word !== ''),
);

/** Words that point at what was said before. */
const POINTERS = new Set(
  'it them they those he she him her sie ihn ihm ihnen dazu dafür damit davon daran darauf'.split(' '),
);

const ENDINGS = ['ungen', 'ung', 'ings', 'ing', 'ern', 'ies', 'ed', 'es', 'er', 'en', 'em', 'e', 'n', 's', 'y'];
const LEAST_STEM = 4;
/** Part of a longer word that is still a word by itself. */
const LEAST_PART = 5;

/** The words of a text that say what it is about, as light stems, each as often as it stands there. */
export function contentWords(text: string): string[] {
  return plainWords(text)
    .filter((word) => !STOP_WORDS.has(word) && !/^\d{1,2}(?:am|pm|h)?$/.test(word) && word.length > 1)
    .map(stem);
}

/** Whether the text leans on what was said before it. */
export function isPointing(text: string): boolean {
  return plainWords(text).some((word) => POINTERS.has(word));
}

function plainWords(text: string): string[] {
  return (
    text
      .normalize('NFC')
      .toLowerCase()
      .replace(/(?<=\p{L})['’]s?(?!\p{L})/gu, '')
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  );
}

function stem(word: string): string {
  return /\d/.test(word) ? word : withoutEnding(withoutEnding(word));
}

function withoutEnding(word: string): string {
  const ending = ENDINGS.find((end) => word.endsWith(end) && word.length - end.length >= LEAST_STEM);
  if (ending === undefined) return word;
  const left = word.slice(0, -ending.length);
  // `plan` and `planned`: a letter doubled before an ending is one.
  return /([bdgmnprt])\1$/.test(left) ? left.slice(0, -1) : left;
}

/** The words of the vocabulary that a longer word begins or ends with, as `bericht` in `quartalsbericht`. */
export function partsOf(word: string, vocabulary: ReadonlySet<string>): string[] {
  const parts: string[] = [];
  for (let cut = LEAST_PART; cut <= word.length - 3; cut += 1) {
    if (vocabulary.has(word.slice(0, cut))) parts.push(word.slice(0, cut));
    if (vocabulary.has(word.slice(-cut))) parts.push(word.slice(-cut));
  }
  return [...new Set(parts)];
}
