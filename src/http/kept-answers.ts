import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'koa';

/** Answers that are the same for everybody, given again before anything else is asked. */
export type KeptAnswers = {
  /** Keeps what `ctx` is about to answer with 200, headers and all, under the address it was asked for. */
  keep(ctx: Context, body: Buffer): void;
  forget(): void;
  /** Whether the request was for one of them, and is answered. Such a request is not logged. */
  answers(req: IncomingMessage, res: ServerResponse): boolean;
};

/** Names and values in turn, and a body that Node sends together with them: one write instead of two. */
type Kept = { headers: string[]; body: string };

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
  const [ourScheme, ourHost] = baseUrl.split('://');

  const isOurs = ({ headers }: IncomingMessage): boolean => {
    const scheme = trustProxy ? headers['x-forwarded-proto'] : undefined;
    const host = trustProxy ? headers['x-forwarded-host'] : undefined;
    const isOurOrigin = (scheme ?? 'http') === ourScheme && (host ?? headers.host) === ourHost;
    return isOurOrigin && !headers.host?.includes('@');
  };

  return {
    keep(ctx, body) {
      const { originalUrl: url, method } = ctx;
      if (kept.size >= most || method !== 'GET' || url.includes('?')) return;
      const { 'x-request-id': _none, ...others } = ctx.response.headers; // no log knows of it
      const headers = { ...others, 'content-length': String(body.length) };
      kept.set(url, {
        headers: Object.entries(headers).flatMap(([name, value]) => [name, String(value)]),
        body: body.toString('latin1'), // byte by byte, whatever they mean
      });
    },
    forget: () => kept.clear(),
    answers(req, res) {
      const found = kept.get(req.url ?? '');
      const conditional = req.headers['if-none-match'] !== undefined;
      if (!found || conditional || req.method !== 'GET' || !isOurs(req)) return false;
      res.writeHead(200, found.headers);
      res.end(found.body, 'latin1');
      return true;
    },
  };
}
