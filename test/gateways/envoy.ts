import { createServer } from 'node:http';
import { parse } from 'yaml';
import { exchange } from './wire.ts';

type Patterns = { patterns: { exact: string }[] };
type Filter = {
  allowed_headers: Patterns;
  status_on_error: { code: 'ServiceUnavailable' };
  http_service: {
    server_uri: { uri: string; timeout: `${number}s` };
    path_prefix: string;
    authorization_request: { headers_to_add: { key: string; value: string }[] };
    authorization_response: {
      allowed_upstream_headers: Patterns;
      allowed_client_headers_on_success: Patterns;
    };
  };
};

/** Every object in the file that has this member. */
const having = (node: unknown, member: string): Record<string, unknown>[] => {
  if (typeof node !== 'object' || node === null) return [];
  const own = member in node ? [node as Record<string, unknown>] : [];
  return [...own, ...Object.values(node).flatMap((part) => having(part, member))];
};

/** What our file tells Envoy, as far as a call is touched by it. */
function readEnvoy(file: string) {
  const told = parse(file) as Record<string, unknown>;
  const [filter] = having(told, 'http_service') as unknown as Filter[];
  const mutations = having(told, 'mutations').flatMap(
    ({ mutations }) => mutations as { remove: string }[],
  );
  const [route] = having(told, 'request_headers_to_remove');
  if (!filter || !route) throw new Error('the file has no ext_authz filter or no route');
  const names = ({ patterns }: Patterns) => patterns.map(({ exact }) => exact);
  const { server_uri, path_prefix, authorization_request, authorization_response } =
    filter.http_service;
  return {
    uri: new URL(server_uri.uri),
    timeout: 1000 * Number.parseFloat(server_uri.timeout),
    prefix: path_prefix,
    drops: having(told, 'headers_with_underscores_action').some(
      ({ headers_with_underscores_action: action }) => action === 'DROP_HEADER',
    ),
    early: mutations.map(({ remove }) => remove),
    late: route.request_headers_to_remove as string[],
    asked: ['host', 'authorization', ...names(filter.allowed_headers)],
    added: authorization_request.headers_to_add,
    upstream: names(authorization_response.allowed_upstream_headers),
    client: names(authorization_response.allowed_client_headers_on_success),
  };
}

/**
 * What Envoy does with a call by our file (ext_authz_http_impl.cc): asks with the caller's own method
 * and path behind the prefix, no body and the headers listed; exactly 200 lets through; another
 * answer is the caller's; none is `status_on_error`.
 */
export async function startEnvoy(file: string, { port, api }: { port: number; api: string }) {
  const told = readEnvoy(file);
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/', headers: came } = request;
    const body: Buffer[] = [];
    for await (const part of request) body.push(part);
    const headers = new Map(Object.entries(came));
    for (const name of told.early) headers.delete(name);
    for (const name of headers.keys()) if (told.drops && name.includes('_')) headers.delete(name);

    const asks = new Map([...headers].filter(([name]) => told.asked.includes(name)));
    for (const { key, value } of told.added) asks.set(key, value);
    asks.set('content-length', '0');
    const { hostname, port: at } = told.uri;
    const path = `${told.prefix}${url}`;
    const asking = { hostname, port: at, method, path, headers: Object.fromEntries(asks) };
    const said = await exchange({ ...asking, timeout: told.timeout }).catch(() => undefined);
    if (!said) return response.writeHead(503).end();
    if (said.status !== 200) return response.writeHead(said.status, said.headers).end(said.body);

    for (const name of told.upstream) {
      const value = said.headers[name];
      if (value !== undefined) headers.set(name, value);
    }
    for (const name of told.late) headers.delete(name);
    const [apiHost, apiPort] = api.split(':');
    const call = { hostname: apiHost, port: apiPort, method, path: url };
    const answer = await exchange(
      { ...call, headers: Object.fromEntries(headers) },
      Buffer.concat(body),
    );
    for (const name of told.client) response.setHeader(name, said.headers[name] ?? '');
    return response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    said: () => '',
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
