// The least that can be done for one verify: the same look-ups from Maps that are filled beforehand,
// the same headers, the same counting, and no check of anything. Read from VERIFY_DATA.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const data = JSON.parse(readFileSync(process.env.VERIFY_DATA, 'utf8'));
const gateways = new Map(data.gateways.map((one) => [one.key, one]));
const keys = new Map(data.callers.map((one) => [one.key, one]));
const tokens = new Map(data.callers.map((one) => [one.token, one]));
const left = new Map(data.callers.map((one) => [one.subscriptionId, one.limit]));
const calls = new Map();
const prefix = '/gateway/verify/';
const started = Math.floor(Date.now() / 1000);

createServer((request, response) => {
  const { url, headers } = request;
  if (url === '/health/ready') return response.end('ok');
  const api = url.slice(prefix.length).split(/[/?]/, 1)[0];
  const caller = keys.get(headers['ocp-apim-subscription-key']);
  const token = tokens.get(headers.authorization?.slice('Bearer '.length));
  const known = gateways.has(headers['x-gateway-key']) && caller !== undefined && caller === token;
  if (!known || caller.api !== api || token.exp * 1000 < Date.now()) {
    return response.writeHead(401, { 'Content-Length': 0 }).end();
  }
  const remaining = left.get(caller.subscriptionId) - 1;
  left.set(caller.subscriptionId, remaining);
  const operation = `${caller.subscriptionId} ${headers['x-forwarded-method']} ${api} allowed`;
  calls.set(operation, (calls.get(operation) ?? 0) + 1);
  const reset = 60 - ((Math.floor(Date.now() / 1000) - started) % 60);
  response.writeHead(200, {
    'X-Request-Id': randomUUID(),
    'Cache-Control': 'no-store',
    'X-Subscription-Id': caller.subscriptionId,
    'X-Product-Id': caller.productId,
    'X-Developer-Id': caller.teamId,
    'X-Auth-Subject': token.subject,
    'X-Auth-Client-Id': token.clientId,
    'X-Auth-Scope': token.scope,
    'X-Auth-Test-User': 'false',
    'X-Auth-Environment': 'sandbox',
    'RateLimit-Policy': `"rate";q=${caller.limit};w=60`,
    RateLimit: `"rate";r=${remaining};t=${reset}`,
    'Content-Length': 0,
  });
  return response.end();
}).listen(process.env.PORT, '127.0.0.1');
