import type { JsonValue, Metadata } from '../../../contracts/space.js';

/** An atom of the corpus; `space` names the space it lies in. */
export interface CorpusAtom {
  readonly id: string;
  readonly space: 'notes' | 'tasks' | 'meetings' | 'contacts' | 'conventions';
  readonly payload: JsonValue;
  readonly metadata: Metadata;
}

const PAGES: readonly (readonly [id: string, title: string, text: string, metadata?: Metadata])[] = [
  ['boiler-de', 'Heizung', 'Die Gastherme wurde am 12. März 2025 gewartet; die nächste Wartung ist im März 2027.'],
  ['gutter', 'Dachrinne', 'Dachrinnenreinigung kostet 180 Euro, Firma Böhm kommt im November.'],
  ['insurance-car', 'Autoversicherung', 'Vertragsnummer KFZ-4471-882, Kündigungsfrist 30. November.'],
  ['insurance-home', 'Hausratversicherung', 'Police HR-2019-5530, Selbstbeteiligung 300 Euro.'],
  ['tyres', 'Winterreifen', 'Die Winterreifen liegen beim Händler in der Gärtnerstraße 14, Lagerplatz 27.'],
  ['dentist', 'Zahnarzt', 'Praxis Dr. Müller-Lüdenscheidt, Königstraße 5, 21335 Lüneburg, Telefon 04131 220947.'],
  ['vet', 'Tierarzt', 'Die Katze braucht ihre Impfungen jedes Jahr im Juni, Praxis Özdemir.'],
  ['school', 'Elternabend', 'Elternabend der 4b am 19. Januar um 19:30 Uhr in der Aula.'],
  ['swim', 'Schwimmkurs', 'Der Schwimmkurs kostet 95 Euro, immer dienstags um 16 Uhr, Salztherme.'],
  ['allotment', 'Kleingarten', 'Äpfel und Birnen tragen gut; die Hecke muss vor März geschnitten werden.'],
  ['compost', 'Kompost', 'Kein gekochtes Essen auf den Kompost, sonst kommen Ratten.'],
  ['bread', 'Roggenbrot', 'Sauerteig über Nacht gehen lassen, 500 g Roggenmehl, 10 g Salz, 50 Minuten bei 220 Grad.'],
  ['soup', 'Pumpkin soup', 'One hokkaido pumpkin, two onions, ginger, 400 ml coconut milk. Simmer for 25 minutes.'],
  ['wifi-home', 'Router at home', 'The router stands in the hall. Guests use the network Gartenhaus.'],
  ['printer-home', 'Drucker zu Hause', 'Der Drucker braucht Patronen 305XL. Papierstau: Klappe hinten öffnen.'],
  ['bike', 'Fahrrad', 'Rahmennummer WX88120417, gekauft 2021 bei Radhaus Schröder, Bremsbeläge neu im Mai.'],
  ['passport', 'Reisepass', 'Der Reisepass läuft am 3. August 2028 ab; Termin beim Bürgeramt nötig.'],
  [
    'lisbon',
    'Trip to Lisbon',
    'Flights on 14 May, back on 21 May. Hotel Almada, Rua do Norte 88, confirmation LX7Q2P.',
  ],
  ['oslo', 'Reise nach Oslo', 'Nachtzug bis Kopenhagen, dann die Fähre. Zimmer im Hotel Bjørvika vom 2. bis 6. Juli.'],
  ['packing', 'Packing list', 'Rain jacket, charger, adapter for Portugal, swimwear, first-aid kit, books.'],
  ['mortgage', 'Baufinanzierung', 'Zinsbindung endet 2031, Restschuld 142.300 Euro, Ansprechpartnerin Frau Größ.'],
  [
    'tax',
    'Steuererklärung',
    'Belege für das Arbeitszimmer und Spenden sammeln; Abgabe bis 31. Juli über den Steuerberater.',
  ],
  ['tax-advisor', 'Steuerberater', 'Kanzlei Bäumer & Söhne, Aktenzeichen 88/2140, Rechnungen vierteljährlich.'],
  ['pension', 'Pension plan', 'Monthly contribution of 250 pounds; retirement at 67; provider Saltmarsh Mutual.'],
  ['gym', 'Gym', 'Membership costs 39.90 a month and can be cancelled with four weeks of notice.'],
  ['running', 'Running plan', 'Three runs a week, the long one on Sundays; half marathon in Hamburg on 25 April.'],
  ['doctor', 'Hausärztin', 'Blutwerte vom 8. Oktober waren in Ordnung; Vitamin D niedrig, Tabletten für drei Monate.'],
  ['glasses', 'Optician', 'New glasses: minus 1.75 left, minus 2.25 right. Frames were chosen at Linsen Köhler.'],
  ['books', 'Books to read', 'The Summer Book, Die Wand, A Pattern Language, Austerlitz.'],
  ['films', 'Filme', 'Der Himmel über Berlin, Toni Erdmann, Das Leben der Anderen noch einmal ansehen.'],
  ['piano', 'Klavierstimmer', 'Herr Jäger stimmt das Klavier zweimal im Jahr, 110 Euro.'],
  ['choir', 'Chor', 'Probe jeden Donnerstag um 20 Uhr im Gemeindehaus; das Weihnachtskonzert ist am dritten Advent.'],
  ['neighbour-key', 'Ersatzschlüssel', 'Der Ersatzschlüssel für die Wohnung liegt bei Frau Günther im zweiten Stock.'],
  ['water-meter', 'Wasserzähler', 'Stand am 1. Januar: 482,7 Kubikmeter. Ablesung durch die Stadtwerke im Dezember.'],
  ['solar', 'Solar panels', 'Twelve modules, 4.9 kilowatts; the inverter shows error 107 when the grid is down.'],
  ['bees', 'Bees', 'Two hives behind the shed. Feed them sugar syrup in September, treat against mites in winter.'],
  ['bins', 'Müllabfuhr', 'Papiertonne alle vier Wochen am Mittwoch, Gelber Sack alle zwei Wochen am Freitag.'],
  ['parcel', 'Paketabholung', 'Das Paket liegt in der Filiale Bäckerei Weiß, Sendungsnummer 00340434161094022115.'],
  ['sofa', 'Sofa', 'Delivery of the sofa between 8 and 12 on 9 February; the old one is picked up at the same time.'],
  [
    'kitchen',
    'Küchenplanung',
    'Arbeitsplatte aus Eiche, Spüle links, Geschirrspüler daneben; Kostenvoranschlag 11.480 Euro.',
  ],
  ['loft', 'Loft insulation', 'Wood fibre, 24 centimetres. The grant has to be applied for before the work begins.'],
  ['smoke', 'Rauchmelder', 'Batterien der Rauchmelder halten zehn Jahre; gewechselt 2022.'],
  [
    'visa',
    'Work permit for Ayşe',
    'Ayşe Yıldırım needs the letter of the employer and two photographs for the residence office.',
  ],
  [
    'wedding',
    'Hochzeit Zoë und Søren',
    'Trauung am 12. Juni im Schloss Bückeburg; Geschenk: Gutschein für die Töpferei.',
  ],
  ['birthday', 'Geburtstage', 'Mutter 4. April, Björn 17. September, Chloë 30. Oktober.'],
  ['gifts', 'Gift ideas', 'A fountain pen for Björn, a cookery course for Mother, a telescope for the twins.'],
  [
    'team-lunch',
    'Team lunch',
    'Thai place on Grindelallee, table for eight, two vegetarians and one allergic to peanuts.',
  ],
  ['laptop', 'Notebook', 'Serial number C02-ZX91-77; warranty until March 2028; battery replaced once.'],
  [
    'backup',
    'Backups',
    'Daily to the disk in the cellar, monthly to the disk at the office. Restore was tried in June.',
  ],
  [
    'domains',
    'Domain names',
    'brandt-consulting.example is renewed on 1 September; the registrar sends the bill by mail.',
  ],
  ['style', 'Writing style', 'Short sentences, no exclamation marks, say first what is asked.'],
  [
    'retro',
    'Retrospective',
    'Too many meetings on Mondays; reviews take three days; pair more often.',
    { kind: 'retro' },
  ],
  [
    'hiring',
    'Hiring',
    'Two candidates for the developer position: Márton Szabó and Inês Gonçalves. Interviews in May.',
  ],
  ['expenses', 'Reisekostenabrechnung', 'Bahnfahrkarten und Hotelrechnungen bis zum 5. des Folgemonats einreichen.'],
  ['coffee', 'Coffee machine', 'Descale every two months; beans from the roastery Speicherstadt.'],
  ['office-plants', 'Büropflanzen', 'Gießen am Montag und Donnerstag; der Ficus verträgt keine Zugluft.'],
  ['parking', 'Tiefgarage', 'Stellplatz 118, Zufahrt über den Hof, Code 7351.'],
  [
    'conference',
    'Conference in Ghent',
    'Talk on 23 September at 11:40, hall B. Slides have to be handed in two weeks before.',
  ],
];

const MAILS: readonly (readonly [id: string, subject: string, from: string, text: string])[] = [
  [
    'mail-power',
    'Ihre Stromabrechnung',
    'service@stadtstrom.example',
    'Guten Tag, Ihr Abschlag steigt zum 1. Februar auf 94 Euro. Die Abrechnung finden Sie im Anhang.',
  ],
  [
    'mail-landlord',
    'Nebenkosten 2025',
    'verwaltung@hausmann-immobilien.example',
    'Sehr geehrte Mieter, die Nachzahlung beträgt 212,48 Euro und ist bis zum 15. Dezember zu überweisen.',
  ],
  [
    'mail-library',
    'Reminder: two books are due',
    'desk@city-library.example',
    'Dear reader, please return or renew your loans by 28 November. A fee of one euro a week applies.',
  ],
  [
    'mail-venue',
    'Räume für den Workshop im Mai',
    'buchung@kontorhaus.example',
    'Liebe Frau Brandt, der Saal mit vierzig Plätzen ist am 6. Mai frei und kostet 400 Euro am Tag.',
  ],
  [
    'mail-supplier',
    'Delay of order 20931',
    'orders@papierwerk.example',
    'We are sorry: the envelopes will be shipped ten days late because the mill is being repaired.',
  ],
  [
    'mail-audit',
    'Data protection audit',
    'privacy@auditors.example',
    'Please send the list of processors and the deletion schedule before our visit on 18 March.',
  ],
  [
    'mail-lawyer',
    'Entwurf des Gesellschaftsvertrags',
    'kanzlei@recht-krueger.example',
    'Anbei der geänderte Entwurf. In § 7 haben wir die Kündigungsfristen auf sechs Monate verlängert.',
  ],
  [
    'mail-trains',
    'Fahrplanänderung',
    'info@nordbahn.example',
    'Wegen Bauarbeiten zwischen Uelzen und Lüneburg fahren vom 4. bis 9. Januar Busse.',
  ],
];

/** Everyday notes and mail that the rest of the corpus must be told from; some are what a query wants. */
export const DISTRACTORS: readonly CorpusAtom[] = [
  ...PAGES.map(([id, title, text, metadata]) => ({
    id,
    space: 'notes' as const,
    payload: { title, text },
    metadata: { kind: 'page', ...metadata },
  })),
  ...MAILS.map(([id, subject, from, text]) => ({
    id,
    space: 'notes' as const,
    payload: { subject, from, text },
    metadata: { kind: 'mail' },
  })),
];
