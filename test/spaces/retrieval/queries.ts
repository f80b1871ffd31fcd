import type { MetadataConditions } from '../../../contracts/space.js';
import type { CorpusAtom } from './distractors.js';

export const KINDS = ['name', 'paraphrase', 'inflection', 'compound', 'number', 'question', 'filter'] as const;

/** What somebody types, and the atoms they want; labelled by reading the corpus. */
export interface LabelledQuery {
  readonly query: string;
  readonly lang: 'en' | 'de';
  readonly kind: (typeof KINDS)[number];
  readonly relevant: readonly string[];
  readonly metadata?: MetadataConditions;
  readonly space?: CorpusAtom['space'];
}

type Row = readonly [lang: 'en' | 'de', query: string, ...relevant: string[]];

/** Names of persons, companies, places and things as they stand in the atoms. */
const NAMES: readonly Row[] = [
  ['en', 'Laura Hartmann', 'laura.hartmann@hartmann-logistics.example', 'vn-01', 'vn-01/a3', 'vn-01/meeting'],
  ['en', 'Dev Malik', 'dev.malik@maddoxbuild.example', 'un-10', 'un-10/a1', 't-2001'],
  ['en', 'Anna Novak finance', 'anna.novak@alstermuseum.example', 'vn-05', 'vn-05/a5'],
  ['de', 'Cem Yilmaz', 'cem.yilmaz@buecherei-lueneburg.example', 'vn-07', 'vn-07/a2', 'vn-07/meeting'],
  ['de', 'Frau Günther', 'neighbour-key'],
  ['de', 'Zahnarzt Müller-Lüdenscheidt', 'dentist'],
  ['en', 'Pelican Robotics', 'vn-09', 'grace.lin@pelican-robotics.example', 'omar.haddad@pelican-robotics.example'],
  ['en', 'Márton Szabó', 'hiring'],
  ['en', 'Hotel Almada', 'lisbon'],
  ['de', 'Weingut Pichler', 'un-09', 'martin@pichler-wein.example', 'eva@pichler-wein.example'],
  ['de', 'Kanzlei Bäumer', 'tax-advisor'],
  ['en', 'Castellan go-live', 't-301', 'vn-03/d1', 'ag-302', 'vn-03'],
  ['en', 'Raj Patel privacy review', 'vn-04/a4', 'vn-04'],
  ['de', 'Herr Jäger Klavier', 'piano'],
];

/** Other words than those of the atoms, some in the other language. */
const PARAPHRASES: readonly Row[] = [
  ['en', 'fraudulent email reported', 'vn-10', 'vn-10/a2'],
  ['en', 'when does the call center get instruction', 'vn-03/q1', 'vn-03'],
  ['en', 'cancel the lease of our old office', 'vn-06/a1', 'vn-06'],
  ['en', 'weekend support for the freight client', 'un-03/d1', 'ag-1302', 'un-03'],
  ['en', 'costs of the kitchen renovation', 'kitchen'],
  ['en', 'car insurance contract', 'insurance-car'],
  ['de', 'Termin beim Arzt wegen der Zähne', 'dentist'],
  ['de', 'Preis für die Wartung der Heizung', 'boiler-de'],
  ['de', 'Fenster aus Holz statt Plastik', 'un-04/d1', 'un-04'],
  ['de', 'kein Internet für Besucher im Hotel', 'un-07/d1', 'un-07'],
  ['en', 'train schedule changes due to construction', 'mail-trains'],
  ['en', 'how many people come to the whiskey event', 'un-06/d1', 'un-06'],
  ['de', 'Rechnung für den Monat Oktober verschicken', 'vn-02/a1', 'vn-02'],
  ['en', 'where is the spare key of the flat', 'neighbour-key'],
  ['en', 'tax return deadline', 'tax'],
  ['en', 'photo rights of the flood', 'vn-05/q1', 'vn-05'],
];

/** Other forms of the words of the atoms: plural, case, tense. */
const INFLECTIONS: readonly Row[] = [
  ['en', 'scanning barcodes', 'vn-01/d2', 'vn-01'],
  ['en', 'approving the dashboards', 'vn-02/d1', 'vn-02'],
  ['en', 'migrating hosts firewalls', 't-302', 'vn-03/a1'],
  ['en', 'contractors booked', 'vn-04/a2', 'vn-04'],
  ['en', 'closing a warehouse', 'un-01/d2', 'un-01'],
  ['en', 'printed brochures', 't-801', 'vn-08/d1', 'vn-08'],
  ['en', 'certifying organic sites', 'un-01/q1', 'un-01'],
  ['de', 'Angebot für Fenster', 'un-04/a1', 'un-04'],
  ['de', 'gestrichene Fassaden', 'un-04/d2', 'un-04'],
  ['de', 'Ausweis gilt', 'vn-07/q1', 'vn-07'],
  ['de', 'Impfung der Katzen', 'vet'],
  ['de', 'Hecken schneiden', 'allotment'],
  ['de', 'Belege sammelt', 'tax'],
  ['en', 'cancelling memberships', 'gym'],
  ['en', 'feeding the bee', 'bees'],
  ['de', 'Gast bekommt WLAN', 'un-07/d1', 'un-07'],
];

/** German compounds asked for by a part or with other joints, umlauts written out or left out. */
const COMPOUNDS: readonly Row[] = [
  ['de', 'Bauantrag geändert', 'un-04/a2', 'un-04'],
  ['de', 'Antrag Bau', 'un-04/a2', 'un-04'],
  ['de', 'Flaschen Muster', 'un-09/a3', 'un-09'],
  ['de', 'Mitarbeiter Konten', 't-1703', 'un-07'],
  [
    'de',
    'Bücherei Lüneburg',
    'vn-07',
    'helga.seidel@buecherei-lueneburg.example',
    'cem.yilmaz@buecherei-lueneburg.example',
  ],
  [
    'de',
    'Buecherei Lueneburg',
    'vn-07',
    'helga.seidel@buecherei-lueneburg.example',
    'cem.yilmaz@buecherei-lueneburg.example',
  ],
  ['de', 'Reifen Lagerplatz', 'tyres'],
  ['de', 'Kuechenplanung Geschirrspueler', 'kitchen'],
  ['de', 'Muellabfuhr Papier', 'bins'],
  ['de', 'Schluessel Wohnung', 'neighbour-key'],
  ['de', 'Versicherung Hausrat', 'insurance-home'],
  ['de', 'Rechnung Strom', 'mail-power'],
  ['de', 'Selbst Verbuchung', 'vn-07/d1', 'vn-07'],
  ['en', 'Ayse Yildirim', 'visa'],
  ['de', 'Dachrinnen', 'gutter'],
  ['de', 'Gonçalves Ines', 'hiring'],
  ['de', 'Töpferei Gutschein Bückeburg', 'wedding'],
  ['de', 'Kündigung Gesellschaftsvertrag Frist', 'mail-lawyer'],
];

/** Numbers, dates, amounts, mail addresses and codes. */
const NUMBERS: readonly Row[] = [
  ['en', 'price 18,400', 'ag-301', 'vn-03/d2'],
  ['de', 'KFZ-4471-882', 'insurance-car'],
  ['en', 'raj.patel@brightwell.example', 'raj.patel@brightwell.example'],
  ['en', 'order 20931', 'mail-supplier'],
  ['en', '2026-12-15', 'vn-10/a1'],
  ['de', '60.000 Euro', 'ag-701'],
  ['de', 'Sendungsnummer 00340434161094022115', 'parcel'],
  ['en', 'error 107 inverter', 'solar'],
  ['de', '212,48', 'mail-landlord'],
  ['en', '40 seats 22 dollars', 'ag-1301', 'un-03/d2', 'un-03'],
  ['de', 'Königstraße 5', 'dentist'],
  ['en', 'harborlight.example', 'wes.campbell@harborlight.example', 'gina.rossi@harborlight.example'],
  ['de', 'Aktenzeichen 88/2140', 'tax-advisor'],
  ['en', 'the flood of 1962', 'vn-05/q1', 'vn-05'],
  ['de', '19. Januar 19:30', 'school'],
];

/** Whole sentences, most of whose words carry nothing. */
const QUESTIONS: readonly Row[] = [
  ['en', 'Who is going to pay for the training days?', 'vn-01/q1', 'vn-01'],
  ['en', 'What did we decide about the mobile version?', 'vn-02/d3', 'vn-02', 't-110'],
  ['en', 'When do I have to send the print file to Mrs Albrecht?', 'vn-08/a1', 't-801', 'vn-08'],
  ['en', 'Do we need a licence for the open bar?', 'un-06/q1', 'un-06'],
  ['en', 'How do I take a task from the list?', 'task-list', 'task-list/recipe-1'],
  ['en', 'What happens to the old domain?', 'vn-04/q1', 'vn-04', 'vn-04/meeting'],
  ['en', 'Where does the paper of the magazine come from?', 'un-08/d2', 'un-08'],
  ['de', 'Wer bezahlt eigentlich den Statiker?', 'un-04/q1', 'un-04'],
  ['de', 'Bis wann muss ich das Angebot für die Bücherei schreiben?', 'vn-07/a3', 'vn-07'],
  ['de', 'Muss die Steuernummer auf das Etikett?', 'un-09/q1', 'un-09/a4', 'un-09'],
  ['de', 'Wann ist der nächste Elternabend und wo?', 'school'],
  ['de', 'Wie viel kostet der Schwimmkurs?', 'swim'],
  ['en', 'When does my passport expire?', 'passport'],
  ['de', 'Wo liegen meine Winterreifen?', 'tyres'],
  ['en', 'Which warehouse will be our hub from now on?', 'un-01/d1', 'un-01'],
  ['en', 'Can you tell me what time my talk in Ghent is?', 'conference'],
  ['en', 'How should agents settle a dispute between two facts?', 'knowledge-base/recipe-2', 'knowledge-base'],
];

interface Filtered {
  readonly lang: 'en' | 'de';
  readonly query: string;
  readonly metadata?: MetadataConditions;
  readonly space?: CorpusAtom['space'];
  readonly relevant: readonly string[];
}

/** Words within what a condition lets through. */
const FILTERED: readonly Filtered[] = [
  { lang: 'en', query: 'proposal', metadata: { status: 'open' }, relevant: ['vn-01/a1', 't-101'] },
  {
    lang: 'en',
    query: 'plan',
    space: 'tasks',
    relevant: ['vn-03/a2', 'vn-09/a2', 't-1601', 'un-06/a3', 'un-07/a2', 't-1702'],
  },
  { lang: 'en', query: 'support hours', metadata: { kind: 'decision' }, relevant: ['vn-09/d2', 'un-03/d1'] },
  { lang: 'de', query: 'Angebot', space: 'tasks', relevant: ['vn-07/a3', 'un-04/a1'] },
  { lang: 'en', query: 'Rotterdam', metadata: { kind: 'question' }, relevant: ['un-01/q1'] },
  { lang: 'en', query: 'data protection', metadata: { kind: 'mail' }, relevant: ['mail-audit'] },
  { lang: 'de', query: 'Kündigungsfrist', metadata: { kind: 'page' }, relevant: ['insurance-car'] },
  { lang: 'en', query: 'finance museum', space: 'contacts', relevant: ['anna.novak@alstermuseum.example'] },
  {
    lang: 'en',
    query: 'a room for a workshop of forty',
    metadata: { kind: 'example' },
    relevant: ['document/summary', 'document/costs', 'task-list/venue'],
  },
  {
    lang: 'en',
    query: 'night shift and service description',
    metadata: { kind: 'meeting' },
    relevant: ['un-03/meeting'],
  },
  { lang: 'de', query: 'Einkauf beim Bau', space: 'contacts', relevant: ['sabine.thoma@wiegand-bau.example'] },
  { lang: 'en', query: 'new logo', metadata: { kind: { in: ['decision', 'question'] } }, relevant: ['vn-08/d3'] },
  { lang: 'de', query: 'Termin mit der Bücherei', metadata: { kind: 'note' }, relevant: ['vn-07'] },
];

const labelled = (kind: LabelledQuery['kind'], rows: readonly Row[]): LabelledQuery[] =>
  rows.map(([lang, query, ...relevant]) => ({ query, lang, kind, relevant }));

export const QUERIES: readonly LabelledQuery[] = [
  ...labelled('name', NAMES),
  ...labelled('paraphrase', PARAPHRASES),
  ...labelled('inflection', INFLECTIONS),
  ...labelled('compound', COMPOUNDS),
  ...labelled('number', NUMBERS),
  ...labelled('question', QUESTIONS),
  ...FILTERED.map((query) => ({ ...query, kind: 'filter' as const })),
];
