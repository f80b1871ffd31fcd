import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { schemaViolations } from './transcription-schema.js';
import { answerFaultily } from './faulty-answer.js';

/** How a call goes wrong. */
export type EmbeddingsFault =
  | 'unauthorised'
  | 'busy'
  | 'no-credit'
  | 'failed'
  | 'hang'
  | 'reset'
  | 'cut'
  | 'garbage'
  | 'endless'
  | 'moved'
  | 'wrong-count'
  | 'wrong-index'
  | 'wrong-dimension'
  | 'mixed-dimensions'
  | 'no-numbers';

export interface EmbeddingsCall {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly model: string;
  readonly input: readonly string[];
  readonly fault: EmbeddingsFault | undefined;
  /** Nothing when no head of an answer was sent. */
  readonly status: number | undefined;
}

export interface EmbeddingsOptions {
  /** Every call must bring it; without it none may bring one. */
  readonly apiKey?: string;
  /** Where it listens, as OpenAI by default. */
  readonly path?: string;
  /** Models it has, with the length of their vectors. */
  readonly models?: Readonly<Record<string, number>>;
  /** Characters of the longest text it takes; longer ones are refused as the vendor does, or as a local server. */
  readonly longest?: number;
  readonly isLocal?: boolean;
  /** `Retry-After` of an answer that is `busy` or `failed`; without it the first says a second, the other nothing. */
  readonly retryAfter?: string;
}

/** An embeddings service of OpenAI's kind: texts that share a word or a concept come near each other. */
export interface EmbeddingsStandIn {
  /** Without a path. */
  readonly url: string;
  readonly calls: readonly EmbeddingsCall[];
  /** Every text that was embedded, in order; a text that was asked for twice is there twice. */
  readonly embedded: readonly string[];
  /** What no well-made client does. */
  readonly violations: readonly string[];
  /** Faults of the next calls, in order. */
  fail(...faults: EmbeddingsFault[]): void;
  /** Every call fails so from now on, or none any more. */
  failAlways(fault: EmbeddingsFault | undefined): void;
  /** Throws when there are violations. */
  assertClean(): void;
  close(): Promise<void>;
}

/** The vendor's description of a request in its strictest form: what is not there is a violation. */
const RequestSchema = z.strictObject({
  model: z.string().min(1),
  input: z.array(z.string().min(1)).min(1).max(2_048),
  encoding_format: z.literal('float').optional(),
  dimensions: z.int().min(1).optional(),
  user: z.string().optional(),
});

/** Words of one line mean the same, in two languages; so does whatever begins with one of five letters or more. */
const CONCEPTS = [
  'car cars automobile vehicle auto',
  'doctor physician medic arzt',
  'invoice bill payment rechnung',
  'garden plants flowers beds',
  'dentist tooth teeth zahn zähne zahnarzt',
  'insurance insured versicherung police',
  'contract agreement treaty vertrag vereinbarung',
  'cancel termination terminate kündigung kündigen notice',
  'meeting appointment call termin besprechung treffen sitzung',
  'deadline until due frist abgabe fällig',
  'price cost costs fee preis kosten kostet gebühr kostenvoranschlag',
  'pay paid pays bezahlen bezahlt zahlen zahlt überweisen',
  'money funds cash geld mittel budget',
  'bank account konto bankverbindung',
  'tax taxes steuer steuern',
  'office workplace büro arbeitszimmer',
  'flat apartment wohnung',
  'house home haus zuhause',
  'landlord lessor vermieter verwaltung',
  'lease rent rental miete mieten mieter leasing',
  'key keys schlüssel ersatzschlüssel',
  'train railway bahn zug züge fahrplan nachtzug',
  'timetable schedule fahrplan zeitplan',
  'construction works bauarbeiten building site baustelle rohbau',
  'trip journey travel reise fahrt',
  'flight flights plane flug flüge',
  'hotel lodging unterkunft pension zimmer',
  'guest guests visitor visitors gast gäste besucher',
  'internet wlan wifi network netz netzwerk router',
  'computer laptop notebook rechner',
  'printer drucker print prints printed drucken',
  'telephone phone telefon telefonat anruf rang',
  'mail email emails letter brief mails',
  'fraud phishing scam fraudulent betrug betrügerisch',
  'report reported notify melden meldet warn warnen warne',
  'password credentials login passwort kennwort zugangsdaten',
  'security firewall protection sicherheit schutz',
  'privacy datenschutz confidential',
  'lawyer attorney legal anwalt kanzlei jurist',
  'permit permission licence license genehmigung erlaubnis',
  'sign signature signed unterschrift unterschreiben',
  'customer client clients kunde kunden',
  'supplier vendor lieferant händler',
  'employee staff team mitarbeiter kollege',
  'boss manager principal chef leiter leiterin geschäftsführer inhaberin',
  'training trained lesson instruction course schulung kurs unterricht ausbildung',
  'school schule unterricht klasse',
  'parents mother father eltern mutter vater',
  'child children kids kind kinder',
  'people persons attendees personen leute teilnehmer',
  'party celebration event tasting feier fest veranstaltung',
  'wedding marriage hochzeit trauung',
  'birthday geburtstag geburtstage',
  'gift gifts present geschenk gutschein',
  'holiday vacation holidays urlaub ferien',
  'weekend saturday saturdays sunday sundays wochenende samstag sonntag',
  'night overnight nacht nachts',
  'summer sommer',
  'winter christmas weihnachten advent',
  'warehouse storage depot lager lagerplatz',
  'freight shipping logistics fracht spedition',
  'delivery deliver shipped versand lieferung liefern zustellung',
  'parcel package paket sendung',
  'order ordered orders bestellung bestellen auftrag',
  'offer quote quotation estimate angebot angebote kostenvoranschlag',
  'proposal suggestion vorschlag',
  'catalogue brochure magazine katalog broschüre zeitschrift',
  'paper papier',
  'photo photos picture pictures foto fotos bild bilder',
  'museum exhibition ausstellung',
  'library books book bücherei bibliothek buch bücher',
  'film films movie kino filme',
  'music piano choir musik klavier chor konzert',
  'sport gym running fitness schwimmen schwimmkurs',
  'health blood vitamin gesundheit blutwerte',
  'cat cats katze katzen animal tier tierarzt vet',
  'vaccination impfung impfungen',
  'food meal lunch essen mahlzeit',
  'bread flour brot mehl roggenbrot',
  'drink wine whiskey bar distillery getränk wein weingut',
  'kitchen küche küchenplanung geschirrspüler',
  'furniture sofa möbel',
  'heating boiler heizung gastherme therme',
  'maintenance service inspection wartung gewartet',
  'repair repaired fix reparatur reparieren',
  'electricity power energy strom energie',
  'water wasser',
  'rubbish waste bins müll müllabfuhr abfall',
  'window windows fenster',
  'door doors tür türen',
  'wood wooden holz holzfenster holzkisten',
  'plastic kunststoff plastik',
  'colour color paint farbe gestrichen streichen',
  'bicycle bike fahrrad rad',
  'tyre tyres reifen winterreifen',
  'passport identity ausweis ausweise reisepass',
  'expire expires expiry abläuft läuft gültig gelten',
  'website site webseite webshop domain',
  'software program app programm anwendung',
  'test tests trial pilot prüfung',
  'backup copy sicherung kopie',
  'launch release rollout golive start einführung',
  'decision decided agreed beschlossen festgelegt entschieden abgemacht',
  'task todo work aufgabe arbeit',
  'question open unclear frage unklar offen',
  'dispute contradiction disagreement streit widerspruch',
  'fact facts knowledge tatsache wissen',
  'plan plans planning planung',
  'floor ground grundriss erdgeschoss stock',
  'basement cellar keller',
  'city town stadt',
  'road street straße',
  'flood water damage hochwasser flut',
  'rights copyright rechte urheberrecht',
  'renovation refurbish rebuild umbau renovierung sanierung',
].map((line) => line.split(' '));
/** Each has a direction of its own, as far as there is room: most directions are for other words. */
const DIRECTIONS_A_CONCEPT = 8;
/** Shorter words only mean something whole. */
const SHORTEST_BEGINNING = 5;

const STATUS = {
  unauthorised: [401, 'invalid_api_key', 'Incorrect API key provided: sk-very-s*****7890.'],
  busy: [429, 'rate_limit_exceeded', 'Rate limit reached.'],
  'no-credit': [429, 'insufficient_quota', 'You exceeded your current quota.'],
  failed: [500, null, 'The server had an error while processing your request.'],
} as const;

interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/** Starts the service on a free port of this machine. */
export async function startEmbeddingsStandIn(options: EmbeddingsOptions = {}): Promise<EmbeddingsStandIn> {
  const { path = '/v1/embeddings' } = options;
  const calls: EmbeddingsCall[] = [];
  const embedded: string[] = [];
  const violations: string[] = [];
  const faults: EmbeddingsFault[] = [];
  let always: EmbeddingsFault | undefined;

  async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const asked = readRequest(request, await buffer(request), violations);
    const fault = faults.shift() ?? always;
    const { authorization } = request.headers;
    const { url = '' } = request;
    const isSilent = fault === 'hang' || fault === 'reset';
    const reply = isSilent ? undefined : replyTo({ url, authorization, ...asked }, fault);
    calls.push({ path: url, authorization, ...asked, fault, status: reply?.status });
    answerFaultily(request, response, reply, fault);
  }

  function replyTo(
    {
      url,
      authorization,
      model,
      input,
    }: { url: string; authorization: string | undefined; model: string; input: string[] },
    fault: EmbeddingsFault | undefined,
  ): Reply {
    if (fault === 'garbage') return { status: 200, body: '{"data": [{"emb' };
    if (fault === 'endless') return { status: 200, body: ' '.repeat(input.length * 1_000_000 + 1_000_000) };
    if (fault === 'moved') return { status: 307, body: '', headers: { location: 'http://127.0.0.1:9/elsewhere' } };
    if (fault !== undefined && fault in STATUS) return failure(fault as keyof typeof STATUS, options.retryAfter);
    if (url.split('?')[0] !== path) return refusal(404, `Invalid URL (POST ${url})`);
    if (authorization !== (options.apiKey === undefined ? undefined : `Bearer ${options.apiKey}`)) {
      if (options.apiKey === undefined) violations.push('a call brings a key to a service that has none');
      return refusal(401, 'Incorrect API key provided.', { code: 'invalid_api_key' });
    }
    const dimension = (options.models ?? { 'text-embedding-3-small': 32 })[model];
    if (dimension === undefined) return refusal(404, `The model ${model} does not exist`, { code: 'model_not_found' });
    if (input.some((text) => text.length > (options.longest ?? 100_000))) return tooLong(options.isLocal === true);
    const answer = spoiled(
      input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text, dimension) })),
      fault,
    );
    embedded.push(...input);
    const usage = { prompt_tokens: 1, total_tokens: 1 };
    // Nothing says that the order is that of the texts.
    return { status: 200, body: { object: 'list', data: answer.toReversed(), model, usage } };
  }

  function refusal(status: number, message: string, more: { code?: string | null; param?: string } = {}): Reply {
    const body = { error: { message, type: more.code ?? 'invalid_request_error', param: null, code: null, ...more } };
    violations.push(...schemaViolations('ErrorResponse', body));
    return { status, body };
  }

  function tooLong(isLocal: boolean): Reply {
    return isLocal
      ? refusal(500, 'input (3000 tokens) is too large to process. increase the physical batch size')
      : refusal(400, "This model's maximum context length is 8192 tokens, however you requested 9000 tokens.");
  }

  function failure(fault: keyof typeof STATUS, retryAfter: string | undefined): Reply {
    const [status, code, message] = STATUS[fault];
    const wait = fault === 'busy' ? (retryAfter ?? '1') : fault === 'failed' ? retryAfter : undefined;
    return {
      ...refusal(status, message, { code }),
      ...(wait === undefined ? {} : { headers: { 'retry-after': wait } }),
    };
  }

  const server = http.createServer((request, response) => {
    serve(request, response).catch((error: Error) => {
      violations.push(`a call could not be read: ${error.message}`);
      request.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    embedded,
    violations,
    fail: (...next) => void faults.push(...next),
    failAlways: (fault) => {
      always = fault;
    },
    assertClean: () => {
      if (violations.length > 0) throw new Error(`the embeddings service saw violations:\n${violations.join('\n')}`);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Reads the body and notes what is wrong with it. */
function readRequest(
  request: http.IncomingMessage,
  body: Buffer,
  violations: string[],
): { model: string; input: string[] } {
  if (request.method !== 'POST') violations.push(`${request.method} instead of POST`);
  if (Number(request.headers['content-length']) !== body.length) violations.push('no content-length of the whole body');
  if (request.headers['content-type'] !== 'application/json') violations.push('the body is not said to be JSON');
  const parsed = RequestSchema.safeParse(JSON.parse(body.toString('utf8')));
  if (!parsed.success) {
    violations.push(z.prettifyError(parsed.error));
    return { model: '', input: [] };
  }
  const { model, input } = parsed.data;
  if (input.some((text) => !text.isWellFormed())) violations.push('a text has half a character');
  return { model, input };
}

interface Embedded {
  readonly object: string;
  readonly index: number;
  readonly embedding: unknown[];
}

function spoiled(data: Embedded[], fault: EmbeddingsFault | undefined): Embedded[] {
  const [first, ...others] = data;
  if (first === undefined) return data;
  if (fault === 'wrong-count') return others;
  if (fault === 'wrong-index') return [{ ...first, index: data.length }, ...others];
  if (fault === 'wrong-dimension') return data.map((item) => ({ ...item, embedding: item.embedding.slice(1) }));
  if (fault === 'mixed-dimensions') return [{ ...first, embedding: first.embedding.slice(1) }, ...others];
  if (fault === 'no-numbers') return [{ ...first, embedding: first.embedding.map(String) }, ...others];
  return data;
}

/** One direction a concept; other words go in a direction of their own, which a few may share. */
export function vectorOf(text: string, dimension: number): number[] {
  const vector = Array.from({ length: dimension }, () => 0);
  const concepts = CONCEPTS.slice(0, Math.floor(dimension / DIRECTIONS_A_CONCEPT));
  for (const word of new Set(text.toLowerCase().match(/\p{L}+/gu) ?? [])) {
    const concept = concepts.findIndex((words) => words.some((known) => isForm(word, known)));
    const place = concept === -1 ? concepts.length + (hashOf(word) % (dimension - concepts.length)) : concept;
    vector[place] = (vector[place] ?? 0) + (concept !== -1 ? 1 : word.length > 3 ? 0.3 : 0.05);
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((number) => number / length);
}

function isForm(word: string, known: string): boolean {
  return word === known || (known.length >= SHORTEST_BEGINNING && word.startsWith(known));
}

function hashOf(word: string): number {
  let hash = 7;
  for (const character of word) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 1_000_003;
  return hash;
}
