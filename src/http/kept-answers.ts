import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'koa';
import { newId } from '../base/secrets.ts';

/** Answers that are the same for everybody, given again before anything else is asked. */
export type KeptAnswers = {
  /** Keeps what `ctx` is about to answer with 200, headers and all, under the address it was asked for. */
  keep(ctx: Context, body: Buffer): void;
  forget(): void;
  /** Whether the request was for one of them, and is answered. Such a request is not logged. */
  answers(req: IncomingMessage, res: ServerResponse): boolean;
};

type Kept = { headers: Record<string, string | string[]>; body: Buffer };

/** More than there are; whatever else is asked for goes the usual way. */
const most = 20;

/** It holds to the host guard: what was addressed to another origin goes the usual way, and is refused there. */
export function createKeptAnswers({
  baseUrl,
  trustProxy,
}: {
  baseUrl: string;
  trustProxy: boolean;
}): KeptAnswers {
  const kept = new Map<string, Kept>();

  const isOurs = ({ headers }: IncomingMessage): boolean => {
    const said = trustProxy ? headers : {};
    const host = said['x-forwarded-host'] ?? headers.host;
    const origin = `${said['x-forwarded-proto'] ?? 'http'}://${host}`;
    return origin === baseUrl && !headers.host?.includes('@');
  };

  return {
    keep(ctx, body) {
      const { originalUrl: url, method } = ctx;
      if (kept.size >= most || method !== 'GET' || url.includes('?')) return;
      const { 'x-request-id': _own, ...headers } = ctx.response.headers;
      const shown = { ...headers, 'content-length': String(body.length) };
      kept.set(url, { headers: shown as Kept['headers'], body }); // of numbers only the length, above
    },
    forget: () => kept.clear(),
    answers(req, res) {
      const found = kept.get(req.url ?? '');
      const conditional = req.headers['if-none-match'] !== undefined;
      if (!found || conditional || req.method !== 'GET' || !isOurs(req)) return false;
      res.writeHead(200, { ...found.headers, 'x-request-id': `req_${newId()}` });
      res.end(found.body);
      return true;
    },
  };
}
