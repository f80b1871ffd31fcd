import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalMail } from '../../connectors/local/mail.js';
import type { MailConnector, MailContent } from '../../contracts/services.js';

/** The local mail of the user anna in a folder of its own. */
export interface MailKit {
  readonly root: string;
  readonly mail: MailConnector;
  /** A path inside anna's mail folder. */
  place(...names: string[]): string;
  /** Puts a file into the inbox. */
  drop(name: string, lines: readonly string[] | Buffer, changedAt?: string): Promise<void>;
  close(): Promise<void>;
}

export async function openMailKit(): Promise<MailKit> {
  const root = await mkdtemp(join(tmpdir(), 'retinue-mail-'));
  const place = (...names: string[]): string => join(root, 'anna', 'mail', ...names);
  await mkdir(place('inbox'), { recursive: true });
  return {
    root,
    mail: createLocalMail({ root }),
    place,
    async drop(name, lines, changedAt) {
      await writeFile(place('inbox', name), Buffer.isBuffer(lines) ? lines : lines.join('\r\n'));
      if (changedAt !== undefined) await utimes(place('inbox', name), new Date(changedAt), new Date(changedAt));
    },
    close: () => rm(root, { recursive: true, force: true }),
  };
}

/** A mail of anna's with every header there is. */
export const CONTENT: MailContent = {
  key: 'apr_1',
  at: '2026-11-23T07:00:05.250Z',
  from: { name: 'Mära Lindt', address: 'mara@retinue.local' },
  to: ['jo@example.org'],
  cc: ['bo@example.org'],
  bcc: ['cy@example.org'],
  subject: 'Grüße',
  body: 'Hi Jo,\n\nlunch at one?\n',
  references: [],
};
