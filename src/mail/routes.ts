import Router from '@koa/router';
import type { Context } from 'koa';
import { NotFound } from '../base/errors.ts';
import type { Db } from '../db/pool.ts';
import { type Letter, secretsOf, subjectOf } from './letter.ts';
import { writeLetter } from './rendering.ts';
import { findLetter, type KeptLetter, listLetters } from './store.ts';

const perPage = 20;
const perAnswer = 100;

/** The page of an HTML part: no script, no origin of ours, and its own style element. */
const letterPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/**
 * The outbox of a development server without a mail server, open to everyone who reaches it. In
 * production this is not mounted: the letters hold links that open accounts.
 */
export function mailboxRoutes(parts: { pool: Db; brand: string; baseUrl: string }): Router {
  const { pool } = parts;
  const router = new Router({ prefix: '/dev/mailbox' });
  const written = (letter: KeptLetter) =>
    writeLetter(whole(letter.letter), { ...parts, cache: false });

  router.get('/', async (ctx) => {
    const to = addressed(ctx);
    const page = Math.min(Number(/^[1-9]\d{0,5}$/.exec(String(ctx.query.page))?.[0] ?? 1), 100_000);
    const offset = (page - 1) * perPage;
    const letters = await listLetters(pool, { recipient: to, offset, limit: perPage + 1 });
    const at = (number: number): string =>
      `/dev/mailbox?${new URLSearchParams({ ...(to && { to }), page: String(number) })}`;

    await ctx.render('mail/mailbox', {
      letters: letters.slice(0, perPage).map(headOf),
      to: to ?? '',
      newer: page > 1 ? at(page - 1) : null,
      older: letters.length > perPage ? at(page + 1) : null,
    });
  });

  router.get('.json', async (ctx) => {
    const kept = await listLetters(pool, {
      recipient: addressed(ctx),
      offset: 0,
      limit: perAnswer,
    });
    ctx.set('Cache-Control', 'no-store');
    ctx.body = await Promise.all(
      kept.map(async (letter) => ({ to: letter.recipient, ...(await written(letter)) })),
    );
  });

  router.get('/:id', async (ctx) => {
    const letter = await theLetter(pool, ctx.params.id);
    const { text } = await written(letter);
    await ctx.render('mail/mailbox-letter', {
      ...headOf(letter),
      text,
      links: Object.values(whole(letter.letter).data).filter(isLink),
    });
  });

  router.get('/:id/html', async (ctx) => {
    const { html } = await written(await theLetter(pool, ctx.params.id));
    ctx.set('Content-Security-Policy', letterPolicy);
    ctx.remove('Origin-Agent-Cluster'); // in a sandbox it has no origin to keep to itself
    ctx.type = 'html';
    ctx.body = html;
  });

  return router;
}

/** @throws {NotFound} `no_such_letter` */
async function theLetter(pool: Db, id: string | undefined): Promise<KeptLetter> {
  const letter = await findLetter(pool, id ?? '');
  if (!letter) throw new NotFound('no_such_letter', 'There is no such letter.');
  return letter;
}

const addressed = (ctx: Context): string | null => String(ctx.query.to ?? '').trim() || null;

const headOf = ({ id, recipient, letter, createdAt }: KeptLetter) => ({
  id,
  to: recipient,
  subject: subjectOf(letter),
  at: createdAt.toISOString().slice(0, 19).replace('T', ' '),
});

/** A letter that was sent, when there was a mail server, has lost its secrets. */
function whole(letter: Letter): Letter {
  const gone = secretsOf(letter).map((field) => [field, '(removed when it was sent)']);
  return { ...letter, data: { ...Object.fromEntries(gone), ...letter.data } } as Letter; // all fields are there again
}

const isLink = (value: string | number): boolean => /^https?:\/\//.test(String(value));
