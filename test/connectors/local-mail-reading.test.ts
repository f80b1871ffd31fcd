import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MailConnector } from '../../contracts/services.js';
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

function letter(
  subject: string,
  changes: { id?: string; date?: string; more?: string[]; body?: string } = {},
): string[] {
  const { id, date, more = [], body = 'Hello' } = changes;
  return [
    'From: Jo Doe <jo@example.org>',
    'To: anna@example.com, Team: bo@example.com, cy@example.com;',
    `Subject: ${subject}`,
    ...(id === undefined ? [] : [`Message-ID: <${id}>`]),
    ...(date === undefined ? [] : [`Date: ${date}`]),
    ...more,
    '',
    body,
  ];
}

async function ids(query: { words?: string; from?: string; subject?: string; since?: string } = {}): Promise<string[]> {
  return (await mail.search('anna', { limit: 100, ...query })).map(({ id }) => id);
}

describe('reading', () => {
  it('finds nothing where no folder is', async () => {
    expect(await mail.search('bob', { limit: 5 })).toEqual([]);
    expect(await mail.thread('bob', 'a@b')).toEqual([]);
    await expect(mail.read('bob', 'x')).rejects.toMatchObject({ type: 'not-found' });
  });

  it('reads sender, recipients, times, references and attachments', async () => {
    await drop('a', []);
    await drop('one two.eml', [
      'From: "Doe, Jo" <jo@example.org>',
      'To: =?utf-8?Q?=C3=84nna?= <anna@example.com>, bo@example.com',
      'Cc: cy@example.com',
      'Subject: =?iso-8859-1?Q?Gr=FC=DFe?=',
      'Message-ID: <m2@example.org>',
      'In-Reply-To: <m1@example.org>',
      'References: <m0@example.org>',
      'Date: Fri, 20 Nov 2026 10:00:00 +0100',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain; charset=iso-8859-1',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'Sch=F6n',
      '--b',
      'Content-Type: application/pdf; name=plan.pdf',
      'Content-Transfer-Encoding: base64',
      '',
      'AAAA',
      '--b--',
    ]);
    expect(await mail.read('anna', 'one two')).toMatchObject({
      id: 'one two',
      from: 'Doe, Jo <jo@example.org>',
      to: ['Änna <anna@example.com>', 'bo@example.com'],
      cc: ['cy@example.com'],
      subject: 'Grüße',
      date: '2026-11-20T09:00:00.000Z',
      messageId: 'm2@example.org',
      references: ['m0@example.org', 'm1@example.org'],
      text: expect.stringMatching(/^Schön\s*$/),
      snippet: 'Schön',
      attachments: [{ name: 'plan.pdf', mediaType: 'application/pdf', size: 3 }],
    });
  });

  it.each([
    ['windows-1252', Buffer.from([0x80, 0x20, 0xe9]), '€ é'],
    ['koi8-r', Buffer.from([0xd0, 0xd2, 0xc9]), 'при'],
    ['iso-2022-jp', Buffer.from([0x1b, 0x24, 0x42, 0x24, 0x22, 0x1b, 0x28, 0x42]), 'あ'],
    ['utf-8', Buffer.from('Zürich'), 'Zürich'],
    ['no-such-charset', Buffer.from('plain'), 'plain'],
  ])('reads text in %s', async (charset, body, text) => {
    await drop(
      'a.eml',
      Buffer.concat([Buffer.from(`Subject: x\r\nContent-Type: text/plain; charset=${charset}\r\n\r\n`), body]),
    );
    expect((await mail.read('anna', 'a')).text.trim()).toBe(text);
  });

  it('makes readable text of a mail that is only HTML', async () => {
    const html =
      '<html><head><title>T</title><style>p{color:red}</style></head><body><!-- hidden --><p>Dear&nbsp;Anna,</p>' +
      '<p>see <a href="https://example.org/a?b=1&amp;c=2">the\nplan</a> &lt;soon&gt; &#x1F600;<br>Bye</p>' +
      '<ul><li>one<li>two</ul><script>alert("x")</script>5 < 6 <b>end</body></html>';
    await drop('a.eml', ['Subject: x', 'Content-Type: text/html; charset=utf-8', '', html]);
    expect((await mail.read('anna', 'a')).text).toBe(
      'Dear Anna,\n\nsee the plan <https://example.org/a?b=1&c=2> <soon> 😀\nBye\n\n- one\n- two\n5 < 6 end',
    );
  });

  it('gets through broken HTML of megabytes quickly', async () => {
    const started = Date.now();
    for (const piece of ['<!--', '<a href="', '<script', '<', '&', '<p ']) {
      await drop('a.eml', ['Subject: x', 'Content-Type: text/html', '', piece.repeat(300_000)]);
      await mail.read('anna', 'a');
    }
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  it('leaves out what is no mail, without failing', async () => {
    await drop('good.eml', letter('Good'));
    await drop('empty.eml', []);
    await drop('noise.eml', Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919) % 256)));
    await drop('nested.eml', nested(400));
    await drop('cut.eml', letter('Cut').slice(0, 3));
    await drop(
      'large.eml',
      Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), Buffer.alloc(11 * 1024 * 1024, 'x')]),
    );
    await drop('.hidden.eml', letter('Hidden'));
    await drop('other.txt', letter('Text'));
    await drop('sent:x.eml', letter('Pretends'));
    await drop('new\nline.eml', letter('Odd name'));
    await mkdir(place('inbox', 'folder.eml'));
    await writeFile(join(root, 'secret.eml'), letter('Secret').join('\r\n'));
    await symlink(join(root, 'secret.eml'), place('inbox', 'link.eml'));
    await symlink(join(root, 'nowhere'), place('inbox', 'dangling.eml'));
    await writeFile(
      Buffer.concat([Buffer.from(`${place('inbox')}/`), Buffer.from([0xff, 0xfe]), Buffer.from('.eml')]),
      'Subject: bytes\r\n\r\n',
    );
    expect((await ids()).toSorted()).toEqual(['cut', 'good']);
    await expect(mail.read('anna', 'link')).rejects.toMatchObject({ type: 'not-found' });
    await expect(mail.read('anna', 'folder')).rejects.toMatchObject({ type: 'not-found' });
    await expect(mail.read('anna', 'noise')).rejects.toMatchObject({ type: 'unsupported-media' });
    await expect(mail.read('anna', 'large')).rejects.toMatchObject({ type: 'too-large' });
  });

  it('gives texts the database can hold, and no header of more than one line', async () => {
    await drop('a.eml', [
      'From: =?utf-8?Q?A=0D=0AB=00?= <x@y.org>',
      'Subject: =?utf-8?Q?one=0D=0ATo:_evil=00?=',
      '',
      'a\u0000b',
    ]);
    const read = await mail.read('anna', 'a');
    expect(read.subject).toBe('one To: evil\uFFFD');
    expect(read.from).not.toMatch(/[\r\n\u0000]/);
    expect(read.text).toContain('a\uFFFDb');
  });

  it.each(['../anna/x', 'a/b', '..', '.hidden', '', 'a\\b', 'a\u0000', 'x'.repeat(300), 'sent:../x'])(
    'refuses the id %j',
    async (id) => {
      await expect(mail.read('anna', id)).rejects.toMatchObject({ type: 'invalid-body' });
    },
  );

  it('refuses a mail folder that leads elsewhere', async () => {
    await rm(place('inbox'), { recursive: true });
    await symlink(tmpdir(), place('inbox'));
    await expect(mail.search('anna', { limit: 5 })).rejects.toMatchObject({ type: 'conflict' });
  });
});

describe('searching', () => {
  beforeEach(async () => {
    await drop('old.eml', letter('Budget 2025', { date: 'Mon, 1 Sep 2025 10:00:00 +0000', body: 'ÄRGER about money' }));
    await drop('new.eml', letter('Lunch', { date: 'Fri, 20 Nov 2026 10:00:00 +0000' }));
    await drop('undated.eml', letter('Undated'), '2026-01-05T10:00:00Z');
  });

  it('lists the newest first, by the date of the mail or else of its file', async () => {
    expect(await ids()).toEqual(['new', 'undated', 'old']);
    expect((await mail.search('anna', { limit: 1 })).map(({ id }) => id)).toEqual(['new']);
    expect((await mail.search('anna', { limit: 3 }))[1]).not.toHaveProperty('date');
  });

  it.each([
    [{ words: 'money ärger' }, ['old']],
    [{ words: 'MONEY lunch' }, []],
    [{ words: 'cy@example.com hello' }, ['new', 'undated']],
    [{ from: 'JO DOE' }, ['new', 'undated', 'old']],
    [{ from: 'anna' }, []],
    [{ subject: 'budget' }, ['old']],
    [{ since: '2026-01-05T11:00:00+01:00' }, ['new', 'undated']],
    [{ since: '2026-01-05T10:00:01Z' }, ['new']],
  ])('finds by %j', async (query, found) => {
    expect(await ids(query)).toEqual(found);
  });

  it('notices changed and removed files', async () => {
    expect(await ids({ words: 'changed' })).toEqual([]);
    await drop('new.eml', letter('Changed', { date: 'Fri, 20 Nov 2026 10:00:00 +0000' }));
    await rm(place('inbox', 'old.eml'));
    expect(await ids({ words: 'changed' })).toEqual(['new']);
    expect(await ids()).toEqual(['new', 'undated']);
  });

  it('looks at the newest 2,000 files only, and again much faster', async () => {
    await Promise.all(
      Array.from({ length: 2100 }, (_, index) =>
        drop(`m${index}.eml`, letter(`Number ${index}`), '2026-11-01T10:00:00Z'),
      ),
    );
    const first = Date.now();
    expect((await mail.search('anna', { limit: 5000 })).length).toBe(2000);
    const second = Date.now();
    expect(await ids({ words: 'Lunch' })).toEqual(['new']);
    expect(Date.now() - second).toBeLessThan(Math.max(second - first, 500));
  });
});

describe('conversations', () => {
  it('connects received and sent mails by what answers what, oldest first', async () => {
    await drop(
      'c.eml',
      letter('Re: x', { id: 'c@x', date: 'Fri, 20 Nov 2026 12:00:00 +0000', more: ['References: <a@x> <b@x>'] }),
    );
    await drop('a.eml', letter('x', { id: 'a@x', date: 'Fri, 20 Nov 2026 10:00:00 +0000' }));
    await drop(
      'b.eml',
      letter('Re: x', { id: 'b@x', date: 'Fri, 20 Nov 2026 11:00:00 +0000', more: ['In-Reply-To: <a@x>'] }),
    );
    await drop('z.eml', letter('x', { id: 'z@x' }));
    const reply = await mail.compose({ ...CONTENT, inReplyTo: 'c@x', references: ['c@x'] });
    await mail.send('anna', 'apr_1', reply, () => undefined);
    for (const start of ['a@x', 'c@x', 'apr_1@retinue.local'])
      expect((await mail.thread('anna', start)).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'sent:apr_1']);
    expect(await mail.thread('anna', 'unknown@x')).toEqual([]);
    expect(await mail.read('anna', 'sent:apr_1')).toMatchObject({ id: 'sent:apr_1', subject: 'Grüße' });
    expect(await ids()).not.toContain('sent:apr_1');
  });
});

/** A mail whose parts stand in each other deeper than anybody reads. */
function nested(depth: number): string[] {
  const open = Array.from({ length: depth }, (_, index) => [
    `Content-Type: multipart/mixed; boundary=b${index}`,
    '',
    `--b${index}`,
  ]);
  return ['Subject: nested', ...open.flat(), '', 'text'];
}
