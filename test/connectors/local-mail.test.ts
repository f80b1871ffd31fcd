import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalMail } from '../../connectors/local/mail.js';
import type { FinishedMail, MailConnector } from '../../contracts/services.js';
import { CONTENT, type MailKit, openMailKit } from './mail-kit.js';

let kit: MailKit;
let root: string;
let mail: MailConnector;
let place: MailKit['place'];
let drop: MailKit['drop'];

beforeEach(async () => {
  kit = await openMailKit();
  ({ root, mail, place, drop } = kit);
});
afterEach(() => kit.close());

const SUBJECT = `Re: =?x?= ${'ü'.repeat(300)} end`;

describe('composing', () => {
  it('gives the same 7-bit bytes with CRLF for the same content', async () => {
    const { mime } = await mail.compose(CONTENT);
    expect((await mail.compose({ ...CONTENT })).mime).toBe(mime);
    expect(mime).toMatch(/^[\r\n\t\u0020-\u007E]*$/);
    expect(mime.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(mime).toContain('\r\nMessage-ID: <apr_1@retinue.local>\r\n');
    expect(mime).toContain('\r\nDate: Mon, 23 Nov 2026 07:00:05 +0000\r\n');
    expect(mime).toMatch(/^X-Action-Id: apr_1\r$/m);
    expect(mime).toMatch(/^Bcc: cy@example\.org\r$/m);
  });

  it.each([
    'Hi\n',
    'ends without a line',
    'Grüße\n..\nFrom me  \n',
    'ж'.repeat(5000),
    'x'.repeat(5000),
    'a\tb\u0001\u202E',
    '=20=',
  ])('is read again as it was written: %.20j', async (body) => {
    const { mime } = await mail.compose({ ...CONTENT, body, subject: SUBJECT });
    await drop('a.eml', Buffer.from(mime));
    const read = await mail.read('anna', 'a');
    expect(read.text.replace(/\n$/, '')).toBe(body.replace(/\n$/, ''));
    expect(read.subject).toBe(SUBJECT);
    expect(read.from).toBe('Mära Lindt <mara@retinue.local>');
    expect(Math.max(...mime.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
  });

  it('keeps an international domain in its ASCII form', async () => {
    const { mime } = await mail.compose({ ...CONTENT, to: ["o'neil+x@xn--bcher-kva.example"] });
    expect(mime).toMatch(/^To: o'neil\+x@xn--bcher-kva\.example\r$/m);
  });

  it.each([
    { subject: 'a\r\nBcc: evil@example.org' },
    { to: ['a@b.org\r\nBcc: evil@example.org'] },
    { to: ['a@b.org, evil@example.org'] },
    { bcc: ['Evil <evil@example.org>'] },
    { from: { name: 'x', address: 'a b@c.org' } },
    { inReplyTo: 'a@b>\r\nBcc: evil@example.org' },
    { references: ['a@b c@d'] },
    { key: 'a b' },
    { at: 'now' },
  ])('refuses %j', async (changes) => {
    await expect(mail.compose({ ...CONTENT, ...changes })).rejects.toMatchObject({ type: 'invalid-body' });
  });

  it('cannot be tricked by the name of the user', async () => {
    const { mime } = await mail.compose({
      ...CONTENT,
      from: { name: 'M\r\nBcc: evil@example.org', address: 'm@x.org' },
    });
    expect(mime.split('\r\n').filter((line) => /^bcc:/i.test(line))).toEqual(['Bcc: cy@example.org']);
  });
});

describe('sending', () => {
  let finished: FinishedMail;
  const never = (): void => {
    throw new Error('must not be asked');
  };

  beforeEach(async () => {
    finished = await mail.compose(CONTENT);
  });

  it('writes exactly the bytes, once, and finds them again', async () => {
    expect(await mail.findSent('anna', 'apr_1', finished)).toBe('absent');
    let asked = 0;
    const sent = await mail.send('anna', 'apr_1', finished, () => void asked++);
    expect(sent).toEqual({ providerId: 'apr_1@retinue.local' });
    expect(asked).toBe(1);
    expect(await readFile(place('outbox', 'apr_1.eml'), 'latin1')).toBe(finished.mime);
    expect(await mail.findSent('anna', 'apr_1', finished)).toEqual(sent);
    expect(await mail.send('anna', 'apr_1', finished, never)).toEqual(sent);
    expect(await readdir(place('outbox'))).toEqual(['apr_1.eml']);
  });

  it('never replaces another mail under the same key', async () => {
    await mail.send('anna', 'apr_1', finished, () => undefined);
    const other = await mail.compose({ ...CONTENT, body: 'other' });
    await expect(mail.send('anna', 'apr_1', other, never)).rejects.toMatchObject({ failure: 'ambiguous' });
    expect(await mail.findSent('anna', 'apr_1', other)).toBe('unsure');
    expect(await readFile(place('outbox', 'apr_1.eml'), 'latin1')).toBe(finished.mime);
  });

  it('writes nothing when it is too late', async () => {
    const late = new Error('too late');
    await expect(
      mail.send('anna', 'apr_1', finished, () => {
        throw late;
      }),
    ).rejects.toBe(late);
    expect(await readdir(place('outbox'))).toEqual([]);
    expect(await mail.findSent('anna', 'apr_1', finished)).toBe('absent');
  });

  it('makes one file of many attempts at once, also of other instances', async () => {
    const senders = [mail, createLocalMail({ root }), createLocalMail({ root })];
    const attempts = Array.from({ length: 12 }, (_, index) => senders[index % 3] ?? mail);
    const sent = await Promise.all(attempts.map((one) => one.send('anna', 'apr_1', finished, () => undefined)));
    expect(new Set(sent.map(({ providerId }) => providerId))).toEqual(new Set(['apr_1@retinue.local']));
    expect(await readdir(place('outbox'))).toEqual(['apr_1.eml']);
    expect(await readFile(place('outbox', 'apr_1.eml'), 'latin1')).toBe(finished.mime);
  });

  it('lets one of two different mails win, and tells the other that it is unsure', async () => {
    const other = await mail.compose({ ...CONTENT, body: 'other' });
    const ends = await Promise.allSettled(
      [finished, other].map((one) => mail.send('anna', 'apr_1', one, () => undefined)),
    );
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { failure: 'ambiguous' } });
    expect(await readdir(place('outbox'))).toHaveLength(1);
  });

  it('says that nothing happened where it cannot write', async () => {
    await writeFile(place('outbox'), 'a file stands in the way');
    await expect(mail.send('anna', 'apr_1', finished, never)).rejects.toMatchObject({ failure: 'refused' });
  });

  it('asks nobody to look again where a link stands in the place of the mail', async () => {
    await mkdir(place('outbox'));
    await writeFile(join(root, 'elsewhere'), finished.mime);
    await symlink(join(root, 'elsewhere'), place('outbox', 'apr_1.eml'));
    expect(await mail.findSent('anna', 'apr_1', finished)).toBe('unsure');
    await expect(mail.send('anna', 'apr_1', finished, never)).rejects.toMatchObject({ failure: 'ambiguous' });
  });

  it.each(['../x', 'a/b', '', 'a.b', 'x'.repeat(101)])('refuses the key %j for good', async (key) => {
    await expect(mail.send('anna', key, finished, never)).rejects.toMatchObject({ failure: 'rejected' });
    await expect(mail.saveDraft('anna', key, finished)).rejects.toMatchObject({ type: 'invalid-body' });
    await expect(mail.removeDraft('anna', key)).rejects.toMatchObject({ type: 'invalid-body' });
  });

  it('does not send what has no Message-ID', async () => {
    const unnamed = { mime: 'Subject: x\r\n\r\nMessage-ID: <in@body>\r\n' };
    await expect(mail.send('anna', 'apr_1', unnamed, never)).rejects.toMatchObject({ failure: 'rejected' });
  });

  it('names the address mails come from', async () => {
    expect(await mail.sender({ id: 'Usr_1', name: 'x' })).toBe('usr_1@retinue.local');
    const known = createLocalMail({ root, addressOf: async (id) => (id === 'anna' ? 'anna@example.com' : undefined) });
    expect(await known.sender({ id: 'anna', name: 'x' })).toBe('anna@example.com');
    expect(await known.sender({ id: 'bob', name: 'x' })).toBe('bob@retinue.local');
  });
});

describe('drafts', () => {
  it('are saved once by key, kept as somebody edited them, and removed', async () => {
    const draft = await mail.compose(CONTENT);
    expect(await mail.saveDraft('anna', 'call_1', draft)).toEqual({ id: 'call_1' });
    await writeFile(place('drafts', 'call_1.eml'), 'edited');
    expect(await mail.saveDraft('anna', 'call_1', draft)).toEqual({ id: 'call_1' });
    expect(await readFile(place('drafts', 'call_1.eml'), 'utf8')).toBe('edited');
    await mail.removeDraft('anna', 'call_1');
    await mail.removeDraft('anna', 'call_1');
    expect(await readdir(place('drafts'))).toEqual([]);
    expect(await mail.search('anna', { limit: 5 })).toEqual([]);
  });
});
