import { z } from 'zod';
import { CleanTextSchema } from '../../contracts/text.js';

const MAX_RECIPIENTS = 100;
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const DOMAIN_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A plain address such as dana@example.com: ASCII, no display name, nothing that could end a header line. */
export const AddressSchema = z
  .string()
  .max(320)
  .overwrite(lowerDomain)
  .superRefine((address, context) => {
    const problem = addressProblem(address);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

const AddressesSchema = z.array(AddressSchema).max(MAX_RECIPIENTS);

/** What a new mail consists of; `email_send` and `email_draft` take exactly this. */
export const MailInputSchema = z
  .strictObject({
    to: AddressesSchema.min(1).describe('Plain addresses such as dana@example.com, without names.'),
    cc: AddressesSchema.optional(),
    bcc: AddressesSchema.optional(),
    subject: CleanTextSchema.max(1000)
      .refine((subject) => !/\p{Cc}|[\u2028\u2029]/u.test(subject), {
        error: 'must be one line without control characters',
      })
      .refine((subject) => /[^\s\p{Cf}\p{Default_Ignorable_Code_Point}]/u.test(subject), {
        error: 'must not be blank',
      }),
    body: CleanTextSchema.max(200_000)
      .overwrite((body) => body.replace(/\r\n?/g, '\n'))
      .describe('Plain text, complete with greeting and signature.'),
    inReplyTo: CleanTextSchema.min(1)
      .max(500)
      .refine((text) => !/\p{Cc}/u.test(text), { error: 'must not contain control characters' })
      .optional()
      .describe('The id of the mail that this one answers, or its Message-ID.'),
  })
  .superRefine((mail, context) => {
    for (const { path, message } of recipientProblems(mail)) context.addIssue({ code: 'custom', path, message });
  });

export type MailInput = z.infer<typeof MailInputSchema>;
type Recipients = Pick<MailInput, 'to' | 'cc' | 'bcc'>;
/** What a mail is called by. */
export type MailHeading = Pick<MailInput, 'to' | 'cc' | 'bcc' | 'subject'>;

/** What is wrong with an address, or undefined. */
export function addressProblem(address: string): string | undefined {
  if (/[^\u0000-\u007F]/.test(address))
    return 'must be ASCII: letters of other alphabets can look like another address; write a domain as xn--…';
  const at = address.lastIndexOf('@');
  const [local, labels] = [address.slice(0, Math.max(at, 0)), address.slice(at + 1).split('.')];
  const isAddress = local.length > 0 && local.length <= 64 && LOCAL_PART.test(local) && isDomain(labels);
  return isAddress ? undefined : 'must be one plain address such as dana@example.com, without a name';
}

/** All addresses a mail goes to, in lower case. */
export function recipientsOf({ to, cc = [], bcc = [] }: Recipients): string[] {
  return [...to, ...cc, ...bcc].map((address) => address.toLowerCase());
}

/** The first address, and how many there are besides. */
export function recipientsInShort(mail: Recipients): string {
  const others = recipientsOf(mail).length - 1;
  return `${mail.to[0] ?? 'nobody'}${others === 0 ? '' : ` (+${others} more)`}`;
}

function isDomain(labels: readonly string[]): boolean {
  const last = labels.at(-1) ?? '';
  const length = labels.join('.').length;
  return labels.length > 1 && length <= 253 && labels.every((label) => DOMAIN_LABEL.test(label)) && /[a-z]/.test(last);
}

/** Domains do not tell upper from lower case; the part before may. */
function lowerDomain(address: string): string {
  const at = address.lastIndexOf('@');
  return at === -1 ? address : address.slice(0, at) + address.slice(at).toLowerCase();
}

function recipientProblems(mail: Recipients): { path: (string | number)[]; message: string }[] {
  const all = (['to', 'cc', 'bcc'] as const).flatMap((field) =>
    (mail[field] ?? []).map((address, index) => ({ path: [field, index], address: address.toLowerCase() })),
  );
  if (all.length > MAX_RECIPIENTS)
    return [
      {
        path: ['to'],
        message: `names ${all.length} recipients with cc and bcc; at most ${MAX_RECIPIENTS} are allowed`,
      },
    ];
  const seen = new Set<string>();
  return all.flatMap(({ path, address }) => {
    if (seen.has(address)) return [{ path, message: `${address} is named twice` }];
    seen.add(address);
    return [];
  });
}
