import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import pg from 'pg';
import type { Call, Refusal } from '../../src/usage/call.ts';
import { createMeter, type Settings } from '../../src/usage/meter.ts';
import type { Holder } from '../../src/usage/purse.ts';
import { useDatabaseUrl } from '../support/database.ts';

export const aCall = (given: Partial<Call> = {}): Call => ({
  environment: 'sandbox',
  teamId: 'team',
  productId: 'product',
  subscriptionId: 'subscription',
  clientId: 'client',
  apiId: 'api',
  operation: 'GET /patients/{id}',
  outcome: 'allowed',
  testUser: false,
  keyId: '',
  ...given,
});

let refused = 0;
export const aRefusal = (given: Partial<Refusal> = {}): Refusal => {
  refused += 1;
  const requestId = `req_${String(refused).padStart(6, '0')}`;
  return {
    ...aCall({ outcome: 'forbidden' }),
    requestId,
    status: 403,
    reason: 'scope_missing',
    detail: 'read',
    gatewayId: 'gateway',
    ...given,
  };
};

/** A database of this file's own whose `now()` stands still where it was put. */
export function useDatabaseWithClock(): { pool: pg.Pool; setClock(at: string): Promise<void> } {
  const connectionString = useDatabaseUrl();
  const pool = new pg.Pool({
    connectionString,
    options: '-c search_path=clock,pg_catalog,public',
    max: 5,
  });
  pool.on('error', () => {});
  beforeAll(async () => {
    await pool.query(
      `create schema clock;
       create table clock.clock (at timestamptz not null);
       insert into clock.clock values (pg_catalog.now());
       create function clock.now() returns timestamptz language sql stable
         as 'select at from clock.clock'`,
    );
  });
  afterAll(() => pool.end());
  return {
    pool,
    setClock: async (at) => {
      await pool.query('update clock.clock set at = $1', [at]);
    },
  };
}

/** A meter that writes down only when it is told to, by closing it, unless `every` says otherwise. */
export function newMeter(pool: pg.Pool, settings: Partial<Settings> = {}) {
  const errors: Error[] = [];
  const onError = (error: unknown) => void errors.push(error as Error);
  const meter = createMeter({ pool, onError, settings: { every: 3_600_000, ...settings } });
  return { ...meter, errors };
}

export type Wire = {
  url: string;
  /** Refuses and cuts every connection until `mend`. */
  cut(): void;
  mend(): void;
  /** The next answer from the database that holds `text` is not passed on: the connection ends instead. */
  loseAnswer(text: string): void;
  close(): Promise<void>;
};

/** Between us and the database, to break. */
export async function startWire(url: string): Promise<Wire> {
  const behind = new URL(url);
  const sockets = new Set<Socket>();
  let broken = false;
  let lose = '';
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server: Server = createServer((near) => {
    if (broken) {
      near.destroy();
      return;
    }
    const far = connect({ host: behind.hostname, port: Number(behind.port || 5432) });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (chunk) => {
      if (lose === '' || !chunk.includes(lose)) {
        near.write(chunk);
        return;
      }
      lose = '';
      near.destroy();
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    cut() {
      broken = true;
      end();
    },
    mend() {
      broken = false;
    },
    loseAnswer(text) {
      lose = text;
    },
    close() {
      end();
      return new Promise((closed) => void server.close(() => closed()));
    },
  };
}

let holders = 0;
/** One that nobody has taken from. */
export const aHolder = (given: Partial<Holder> = {}): Holder => {
  holders += 1;
  return { id: `holder ${holders}`, anchor: 0, rate: null, quota: null, ...given };
};

/** Milliseconds by which the windows of its rate begin later than those of the clock. */
export const offsetOf = ({ id, rate }: Holder): number => crc32(id) % ((rate?.seconds ?? 0) * 1000);

/** A pool that counts its statements. */
export function counted(pool: pg.Pool) {
  let statements = 0;
  const query = (...given: Parameters<pg.Pool['query']>) => {
    statements += 1;
    return pool.query(...given);
  };
  return { pool: { query } as unknown as pg.Pool, statements: () => statements };
}
