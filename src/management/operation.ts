import type pg from 'pg';
import type { z } from 'zod';
import type { Doer } from '../audit/act.ts';
import type { Environment } from '../base/environment.ts';

/** Where this API stands. */
export const managementPath = '/api/v1';

/** What an operation is told of one call. */
export type Call<Query = unknown, Body = unknown> = {
  /** One that is kept with the answer where the write has a key of its own: idempotency.ts. */
  pool: pg.Pool;
  doer: Doer;
  environment: Environment;
  /** Whose things it acts on; empty, and so nobody's, for the programme's own client. */
  teamId: string;
  /** Of the address, by name. */
  params: Readonly<Record<string, string>>;
  query: Query;
  body: Body;
  /** The network address. */
  address: string;
};

/** 200 with that body; no body at all is 204. */
export type Answer = { status?: 200 | 201; body: object; location?: string } | undefined;

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** One deed at one address, and the scope that it takes. */
export type Operation = {
  method: Method;
  /** Below /api/v1, such as `/subscriptions/:id`. */
  path: string;
  scope: string;
  query: z.ZodType | undefined;
  body: z.ZodType | undefined;
  /**
   * What takes a connection of its own: never within `run`, which may hold one until its answer is
   * kept. If every connection were held by somebody who waits for another, nobody would be answered.
   */
  before: ((call: Call) => Promise<unknown>) | undefined;
  run(call: Call): Promise<Answer>;
};

/** So that `run` is told the types of what its schemas let through. */
export function operation<Query extends z.ZodType, Body extends z.ZodType>(given: {
  method: Method;
  path: string;
  scope: string;
  query?: Query;
  body?: Body;
  before?(call: Call<z.output<Query>, z.output<Body>>): Promise<unknown>;
  run(call: Call<z.output<Query>, z.output<Body>>): Promise<Answer>;
}): Operation {
  const { query, body, before, run, ...rest } = given;
  // they are called with what the schemas let through
  const typed = { before: before as Operation['before'], run: run as Operation['run'] };
  return { ...rest, query, body, ...typed };
}
