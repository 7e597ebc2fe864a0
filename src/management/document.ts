import { readFile } from 'node:fs/promises';
import type { Middleware } from 'koa';
import { parse } from 'yaml';
import { managementPath } from './operation.ts';

/** What the server ships, whichever programme it is given. */
const shipped = new URL('../../programme/apis/management.yaml', import.meta.url);

/** The OpenAPI document of this API, with the address of this server in it. Open to everybody. */
export function serveDocument(baseUrl: string): Middleware {
  let text: Promise<string> | undefined;
  const read = async (): Promise<string> => {
    const document = parse(await readFile(shipped, 'utf8'));
    return JSON.stringify({ ...document, servers: [{ url: `${baseUrl}${managementPath}` }] });
  };
  return async (ctx) => {
    text ??= read();
    ctx.body = await text;
    ctx.type = 'application/json';
    ctx.set('Cache-Control', 'public, max-age=300');
  };
}
