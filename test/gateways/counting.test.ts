import { readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/db/embedded-server.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aCaller, base, type Caller, type Care, credentialsOf, startCare } from './care.ts';
import { example, startNginx, temporaryDirectory } from './front.ts';
import { type Program, storiesWith } from './programs.ts';
import { exchange } from './wire.ts';

/** `npm run test:long` sends 200,000. */
const calls = Number(process.env.TEST_LONG_CALLS ?? (process.env.TEST_LONG ? 200_000 : 2000));
const atOnce = 32;

/** One kind of call: who makes it, and what for. */
type Kind = { who: string; path: string; method: string; headers: Record<string, string> };

storiesWith('nginx')('calls through nginx', () => {
  const databaseUrl = useDatabaseUrl();
  const directory = temporaryDirectory();
  const log = `${directory}/decided.log`;
  const api = createServer((_request, response) => response.end('{}'));
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  let nginx: Program;
  let care: Care;
  let port: number;
  let kinds: Kind[];
  let names: Map<string, string>;

  beforeAll(async () => {
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    care = await startCare(databaseUrl);
    port = await freePort();
    const servers = example('nginx/api.conf', {
      'listen 8080': `listen 127.0.0.1:${port}`,
      '/var/log/nginx/api.log calls': `${log} decided`,
      '127.0.0.1:3000': new URL(care.server.baseUrl).host,
      '127.0.0.1:4000': `127.0.0.1:${(api.address() as AddressInfo).port}`,
      sg_gw_CHANGE_ME: care.gatewayKey,
      // a busy machine may keep nginx waiting: what it then logs is its own decision, and none of ours
      'proxy_connect_timeout 1s': 'proxy_connect_timeout 60s',
      'proxy_read_timeout 2s': 'proxy_read_timeout 60s',
    });
    // Callers say in a header which of them they are: nginx has no other way to tell those apart whom we refused.
    const decided = `log_format decided '$http_x_caller|$request_method $uri|$status';\n`;
    nginx = await startNginx(directory, { port, servers: decided + servers });

    const callers = {
      whole: await aCaller(care),
      narrow: await aCaller(care, {}, 'system/Observation.rs'),
      limited: await aCaller(care, { rate: { calls: calls / 40, seconds: 86_400 } }),
      spent: await aCaller(care, { quota: { calls: calls / 50, seconds: 86_400 } }),
    };
    kinds = kindsOf(callers);
    names = new Map(
      Object.entries(callers).map(([name, { identity }]) => [
        identity['x-subscription-id'] ?? '',
        name,
      ]),
    );
  }, 60_000);
  afterAll(async () => {
    agent.destroy();
    await nginx?.stop();
    await care?.close();
    api.closeAllConnections();
    api.close();
  });

  /** Every caller of each kind as often, in an order that nobody foresees. */
  async function sendAll(): Promise<void> {
    let left = calls;
    const one = async () => {
      while (left > 0) {
        left -= 1;
        const kind = kinds[Math.floor(Math.random() * kinds.length)];
        if (!kind) throw new Error('there is nothing to send');
        const { who, headers, ...what } = kind;
        const to = { host: '127.0.0.1', port, agent, ...what };
        await exchange({ ...to, headers: { ...headers, 'x-caller': who } });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, one));
  }

  /** Who, what they called where it was allowed, and how it ended; and how often. */
  function countedByNginx(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const line of readFileSync(log, 'utf8').trimEnd().split('\n')) {
      const [who = '', called = '', status = ''] = line.split('|');
      add(counts, [who, status === '200' ? operationOf(called) : '', status], 1);
    }
    return counts;
  }

  async function countedByUs(): Promise<Map<string, number>> {
    const { rows } = await care.server.pool.query(
      `select subscription_id, operation, outcome, sum(calls)::int as calls from use_hours
       group by subscription_id, operation, outcome`,
    );
    const counts = new Map<string, number>();
    for (const { subscription_id, operation, outcome, calls: times } of rows) {
      const who = names.get(subscription_id) ?? 'nobody';
      add(counts, [who, outcome === 'allowed' ? operation : '', statuses[outcome] ?? ''], times);
    }
    return counts;
  }

  test(
    `${calls} mixed calls: our counters equal nginx’s own log to the call`,
    async () => {
      await sendAll();
      const theirs = countedByNginx();
      const all = (counts: Map<string, number>) => [...counts.values()].reduce((a, b) => a + b, 0);
      expect(all(theirs)).toBe(calls);

      for (let tries = 0; tries < 50 && all(await countedByUs()) < calls; tries += 1) {
        await sleep(100); // counts are written down every second
      }
      const ours = await countedByUs();
      expect(Object.fromEntries(sorted(ours))).toEqual(Object.fromEntries(sorted(theirs)));
      const seen = new Set([...theirs.keys()].map((key) => key.split(' | ')[2]));
      expect([...seen].sort()).toEqual(['200', '401', '403', '429']); // every kind came
    },
    30 * 60_000,
  );
});

const statuses: Record<string, string> = {
  allowed: '200',
  unauthorized: '401',
  forbidden: '403',
  rate_limited: '429',
  over_quota: '403',
  unavailable: '503',
};

function kindsOf(callers: Record<'whole' | 'narrow' | 'limited' | 'spent', Caller>): Kind[] {
  const { whole } = callers;
  const patients = `${base}/Patient?name=x`;
  const get = (who: string, path: string, headers: Record<string, string>): Kind => ({
    who,
    path,
    method: 'GET',
    headers,
  });
  const as = (who: keyof typeof callers, path: string) =>
    get(who, path, credentialsOf(callers[who]));
  return [
    as('whole', patients),
    as('whole', `${base}/Patient/example`),
    as('whole', `${base}/Observation`),
    { ...as('whole', `${base}/Observation`), method: 'POST' }, // wants a scope that it lacks
    as('whole', `${base}/nothing`),
    as('narrow', patients),
    as('narrow', `${base}/Observation/one`),
    as('limited', patients),
    as('spent', patients),
    get('whole', patients, { 'ocp-apim-subscription-key': whole.key }),
    get('nobody', patients, { authorization: `Bearer ${whole.token}` }),
    get('nobody', patients, { ...credentialsOf(whole), 'ocp-apim-subscription-key': 'unknown' }),
  ];
}

const operationOf = (called: string): string =>
  called.replace(base, '').replace(/(Patient|Observation)\/.+/, '$1/{id}');

function add(counts: Map<string, number>, parts: string[], times: number): void {
  const key = parts.join(' | ');
  counts.set(key, (counts.get(key) ?? 0) + times);
}

const sorted = (counts: Map<string, number>) => [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
