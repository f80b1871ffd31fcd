/** What a person said and was answered, with the topic that a reader puts it under. */
export type Said = readonly [topic: string, said: string, reply: string];

/** What is set at the end of a conversation. */
interface SetReminder {
  readonly topic: string;
  readonly text: string;
  /** The words of the request it is set in. */
  readonly said?: string;
  /** What the assistant says it is about. */
  readonly about?: string;
}

export interface Conversation {
  readonly name: string;
  readonly exchanges: readonly Said[];
  readonly reminders: readonly SetReminder[];
}

/** Those that the choice was tuned with. */
export const KNOWN_CONVERSATIONS: readonly Conversation[] = [
  {
    name: 'three topics in blocks',
    exchanges: [
      ['report', 'How far is the Q3 report?', 'The Q3 report has all chapters but the outlook.'],
      ['report', 'Who still owes us numbers for it?', 'Anna from finance owes the revenue numbers of September.'],
      ['report', 'Ask her for the revenue table then.', 'I have drafted a mail to Anna about the revenue table.'],
      ['report', 'Yes, send that.', 'Sent.'],
      [
        'report',
        'The outlook should mention the new warehouse.',
        'Noted for the outlook: the new warehouse in Gdansk.',
      ],
      ['trip', 'We want to go to Lisbon in May.', 'Flights to Lisbon in May start at 140 euros.'],
      ['trip', 'Anna comes along, so three seats.', 'Three seats to Lisbon: 420 euros with one bag each.'],
      ['trip', 'Is there a hotel near the river?', 'The hotel Tejo in Lisbon lies at the river, 95 euros a night.'],
      ['trip', 'Take the hotel for four nights.', 'The hotel Tejo is noted for four nights.'],
      [
        'kitchen',
        'The plumber wants to know where the sink goes.',
        'In the kitchen plan the sink is under the window.',
      ],
      ['kitchen', 'What did the cabinets cost?', 'The kitchen cabinets were offered for 4,200 euros by Holm.'],
      ['kitchen', 'Holm should lower his offer.', 'I can ask Holm for a lower offer for the cabinets.'],
    ],
    reminders: [
      { topic: 'report', text: 'review the Q3 report', said: 'Remind me tomorrow at 9am to review the Q3 report.' },
      { topic: 'trip', text: 'book the flights to Lisbon' },
      { topic: 'kitchen', text: 'call Holm about the kitchen cabinets' },
    ],
  },
  {
    name: 'three topics in turn',
    exchanges: [
      ['garden', 'When should I sow the tomatoes?', 'Tomatoes are sown indoors in March.'],
      [
        'tax',
        'Which receipts does the tax return need?',
        'The tax return needs receipts for the office and for travel.',
      ],
      ['band', 'Our band plays at the harbour festival.', 'The harbour festival is on 12 June; I put the band on it.'],
      ['garden', 'And what soil do tomatoes like?', 'Loose soil with compost; tomatoes do not like it wet.'],
      ['tax', 'I found the receipts for the train.', 'Train receipts count as travel in the tax return.'],
      ['band', 'Mira cannot make the rehearsal.', 'Without Mira the band has no bass at the rehearsal.'],
      ['garden', 'Do I have compost left?', 'Your list says two bags of compost are in the shed.'],
      ['tax', 'Is the desk deductible?', 'A desk for the office is deductible over thirteen years.'],
      ['band', 'Who else plays bass?', 'Jonas plays bass in another band and may help at the festival.'],
      ['garden', 'The shed needs a lock.', 'A lock for the shed is on the shopping list.'],
      ['tax', 'When is the deadline?', 'The tax return is due at the end of July.'],
      ['band', 'Ask Jonas whether he has time.', 'I have written a draft to Jonas about the bass.'],
    ],
    reminders: [
      { topic: 'garden', text: 'sow the tomatoes', said: 'Remind me on Saturday morning to sow the tomatoes' },
      { topic: 'tax', text: 'do the tax return' },
      { topic: 'band', text: 'ask Jonas about the festival' },
    ],
  },
  {
    name: 'two people in two topics',
    exchanges: [
      ['party', "Anna's birthday party is on the 20th.", "I noted Anna's birthday party."],
      ['lease', 'The landlord raised the rent.', 'The lease allows the landlord to raise the rent once a year.'],
      ['party', 'How many guests fit the boat?', 'The boat for the party carries thirty guests.'],
      [
        'lease',
        'Ask Anna, she is a lawyer, about the rent.',
        'I asked Anna whether the rent increase follows the lease.',
      ],
      ['party', 'Order a cake for thirty guests.', 'A cake for thirty guests costs 90 euros at Lund.'],
      ['lease', 'What does the lease say about the notice period?', 'The notice period of the lease is three months.'],
      ['party', 'Lund should put lemon into the cake.', 'Lund takes lemon cake orders until Wednesday.'],
      ['lease', 'Write to the landlord that we disagree.', 'A letter to the landlord about the increase is drafted.'],
      ['party', 'Does the boat have music?', 'The boat has loudspeakers; bring your own music.'],
      ['lease', 'Attach the old lease to the letter.', 'The old lease is attached to the letter.'],
    ],
    reminders: [
      {
        topic: 'lease',
        text: 'answer the landlord about the lease',
        said: 'remind me on Wednesday to answer the landlord about the lease',
      },
      { topic: 'party', text: 'order the birthday cake for the party' },
    ],
  },
  {
    name: 'German, in blocks',
    exchanges: [
      ['umzug', 'Wir ziehen im Oktober nach Leipzig um.', 'Ich habe den Umzug nach Leipzig für Oktober notiert.'],
      ['umzug', 'Welche Spedition ist günstig?', 'Die Spedition Krause macht den Umzug für 1.200 Euro.'],
      ['umzug', 'Frag Krause nach einem Termin.', 'Krause kann am 4. oder am 11. Oktober.'],
      ['umzug', 'Der 11. passt besser.', 'Der 11. ist bei Krause vorgemerkt.'],
      ['zahn', 'Mein Zahn tut weh.', 'Die Zahnärztin Dr. Ahrens hat morgen Sprechstunde.'],
      ['zahn', 'Was kostet eine Krone?', 'Eine Krone kostet bei Dr. Ahrens etwa 600 Euro Eigenanteil.'],
      ['zahn', 'Zahlt die Kasse dazu?', 'Die Kasse zahlt für die Krone 60 Prozent mit Bonusheft.'],
      ['verein', 'Der Verein braucht neue Trikots.', 'Trikots für den Verein kosten 25 Euro das Stück.'],
      ['verein', 'Wie viele Spieler haben wir?', 'Der Verein hat 18 Spieler in zwei Mannschaften.'],
      ['verein', 'Dann 18 Trikots in Blau.', '18 blaue Trikots sind im Warenkorb.'],
    ],
    reminders: [
      {
        topic: 'umzug',
        text: 'die Spedition für den Umzug bestätigen',
        said: 'Erinnere mich am Montag um 8 daran, die Spedition für den Umzug zu bestätigen',
      },
      { topic: 'zahn', text: 'Dr. Ahrens wegen der Krone anrufen' },
      { topic: 'verein', text: 'Trikots für den Verein bestellen' },
    ],
  },
  {
    name: 'German, in turn, with compounds',
    exchanges: [
      ['bericht', 'Wie weit ist der Quartalsbericht?', 'Im Quartalsbericht fehlen noch die Umsatzzahlen.'],
      ['auto', 'Das Auto muss zur Werkstatt.', 'Die Werkstatt Brandt hat am Donnerstag Zeit für das Auto.'],
      ['bericht', 'Wer liefert die Umsatzzahlen?', 'Die Zahlen zum Umsatz kommen von Frau Petersen.'],
      ['auto', 'Was kostet der Ölwechsel?', 'Der Ölwechsel kostet bei Brandt 120 Euro.'],
      ['bericht', 'Frau Petersen ist bis Dienstag im Urlaub.', 'Dann vertritt Herr Scholz Frau Petersen.'],
      ['auto', 'Brauche ich neue Winterreifen?', 'Deine Winterreifen haben noch vier Millimeter Profil.'],
      ['bericht', 'Herr Scholz soll sie bis Freitag schicken.', 'Ich habe Herrn Scholz um die Umsatzzahlen gebeten.'],
      ['auto', 'Brandt soll die Reifen gleich wechseln.', 'Der Reifenwechsel ist bei Brandt mit angefragt.'],
      [
        'bericht',
        'Der Bericht bekommt ein Kapitel zu Risiken.',
        'Kapitel „Risiken“ steht jetzt in der Gliederung des Berichts.',
      ],
      ['bericht', 'Ja, mach das so.', 'Ist erledigt.'],
    ],
    reminders: [
      {
        topic: 'bericht',
        text: 'Quartalsbericht prüfen',
        said: 'Erinner mich Freitag um 14 Uhr an den Quartalsbericht',
        about: 'Der Quartalsbericht, dem noch Umsatzzahlen von Frau Petersen fehlen',
      },
      { topic: 'auto', text: 'das Auto zur Werkstatt bringen' },
    ],
  },
  {
    name: 'five topics, mixed, with returns',
    exchanges: [
      [
        'hire',
        'We got eleven applications for the designer job.',
        'Three of the eleven applications for the designer fit well.',
      ],
      ['hire', 'Invite the three to interviews.', 'Interviews with the three designers are proposed for Tuesday.'],
      ['server', 'The staging server was down last night.', 'The staging server ran out of disk at 02:10.'],
      ['dog', 'Bello needs his vaccination.', 'The vet has a vaccination slot for Bello on Friday.'],
      ['hire', 'Which of the designers knows motion?', 'Priya has a motion portfolio.'],
      ['book', 'Recommend me a novel about the sea.', 'Try the novel The Sea, The Sea by Iris Murdoch.'],
      ['server', 'How big is the disk?', 'The disk of the staging server has 80 GB, 76 of them logs.'],
      ['gift', 'What could I give my father?', 'Your father collects maps; an old map of Bergen costs 60 euros.'],
      ['server', 'Rotate the logs weekly.', 'Logs on staging are rotated weekly now.'],
      ['dog', 'Does the vet also cut claws?', 'The vet cuts claws for 12 euros.'],
      ['book', 'Is Murdoch hard to read?', 'Murdoch writes long sentences, but the novel is quick to read.'],
      ['hire', 'Priya asks for a remote contract.', 'A remote contract is fine by our policy for designers.'],
      ['gift', 'Order the map of Bergen.', 'The map of Bergen is in the basket.'],
      ['dog', 'Bello ate grass again.', 'Grass is harmless for Bello unless he vomits.'],
    ],
    reminders: [
      {
        topic: 'server',
        text: 'check the disk of the staging server',
        said: 'remind me in two hours to check the disk of the staging server',
      },
      { topic: 'hire', text: 'prepare the interviews with the designers' },
      { topic: 'dog', text: 'the vaccination of Bello' },
      { topic: 'book', text: 'start the Murdoch novel' },
      { topic: 'gift', text: 'wrap the map of Bergen for father' },
    ],
  },
];
