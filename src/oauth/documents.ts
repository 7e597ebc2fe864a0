import { createHash } from 'node:crypto';
import type { Middleware } from 'koa';
import type { KeptAnswers } from '../http/kept-answers.ts';

type Document = { body: Buffer; type: string; etag: string };

const paths = new Set([
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/jwks',
]);

/** Seconds that gateways and clients may keep a document (CONTRACTS: a new key is published long before it signs). */
const maxAge = 3600;

/**
 * Discovery and JWKS from memory: the library writes each once, and from then on it is the same
 * bytes with cache headers and an ETag. One per Provider: a rotated key makes a new Provider, and
 * with it new documents. Safe only behind the host guard, since the library builds URLs from Host.
 * `kept` gives them again without coming here.
 */
export function documentsFromMemory(kept?: KeptAnswers): Middleware {
  kept?.forget();
  const documents = new Map<string, Document>();
  return async (ctx, next) => {
    if (!paths.has(ctx.path) || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();

    let document = documents.get(ctx.path);
    if (!document) {
      await next();
      if (ctx.status !== 200) return;
      document = written(ctx.body, ctx.response.get('content-type'));
      documents.set(ctx.path, document);
    }
    ctx.status = 200;
    ctx.set({
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': `public, max-age=${maxAge}`,
      ETag: document.etag,
      'Content-Type': document.type,
    });
    for (const name of Object.keys(ctx.response.headers))
      if (!ofDocuments.has(name)) ctx.remove(name);
    if (ctx.fresh) {
      ctx.status = 304;
      return;
    }
    ctx.body = document.body;
    kept?.keep(ctx, document.body);
  };
}

/** What else protects a page means nothing to a document, and `Vary` would keep it out of caches. */
const ofDocuments: ReadonlySet<string> = new Set([
  'access-control-allow-origin',
  'cache-control',
  'content-security-policy',
  'content-type',
  'etag',
  'strict-transport-security',
  'x-content-type-options',
  'x-request-id',
]);

function written(value: unknown, type: string): Document {
  const body = Buffer.from(JSON.stringify(value));
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  return { body, type, etag };
}
