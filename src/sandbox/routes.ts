import { Router } from '@koa/router';
import type { Context, Middleware } from 'koa';
import { isWithin, reachOf, wantPatient } from './access.ts';
import { capabilityStatement } from './capability.ts';
import { onlyJson, openToBrowsers } from './edges.ts';
import type { Resource, ResourceType } from './fhir.ts';
import { readObservation } from './new-observation.ts';
import { answer, answerErrors, Refusal } from './outcome.ts';
import { createRecord, type PatientRecord } from './record.ts';
import { metadataUrlOf } from './resource-metadata.ts';
import { searchset, select } from './search.ts';
import { type Caller, createTokenCheck, type TokenOptions } from './tokens.ts';

export const defaultPrefix = '/sandbox-api/fhir';

export type SandboxApiOptions = TokenOptions & {
  /** Scheme, host and port of this server as callers see it, without a slash at the end. */
  baseUrl: string;
  prefix?: string;
};

/** What every handler works with, made once. */
type Desk = {
  base: string;
  record: PatientRecord;
  callerOf: (ctx: Context) => Promise<Caller>;
};

type Methods = Partial<Record<'GET' | 'POST', Middleware>>;

/**
 * A small FHIR R4 API with made-up patients, to have something to call. It is a resource server
 * like any other: it knows the sandbox issuer by its published keys alone, not by our tables.
 */
export function sandboxApi(options: SandboxApiOptions): Router {
  const prefix = options.prefix ?? defaultPrefix;
  const base = `${options.baseUrl}${prefix}`;
  const desk = { base, record: createRecord(), callerOf: createTokenCheck(options) };

  const router = new Router({ prefix });
  router.use(openToBrowsers, answerErrors(metadataUrlOf({ ...options, prefix })), onlyJson);
  for (const [path, methods] of Object.entries(table(desk, options.issuer))) {
    if (methods.GET) router.get(path, methods.GET);
    if (methods.POST) router.post(path, methods.POST);
    router.all(path, refuseMethod(methods));
  }
  router.all('{/*rest}', refusePath);
  return router;
}

/** Every path of this API, and what answers there. */
const table = (desk: Desk, issuer: string): Record<string, Methods> => ({
  '/metadata': { GET: (ctx) => answer(ctx, capabilityStatement(desk.base, issuer)) },
  '/Patient': { GET: search(desk, 'Patient') },
  '/Patient/:id': { GET: read(desk, 'Patient') },
  '/Observation': { GET: search(desk, 'Observation'), POST: create(desk) },
  '/Observation/:id': { GET: read(desk, 'Observation') },
  '/MedicationRequest': { GET: search(desk, 'MedicationRequest') },
  '/MedicationRequest/:id': { GET: read(desk, 'MedicationRequest') },
});

/** A resource out of reach is not found, like one that is not there: its existence is private too. */
const read =
  ({ record, callerOf }: Desk, type: ResourceType): Middleware =>
  async (ctx) => {
    const reach = reachOf(await callerOf(ctx), type, 'r');
    const resource = record.find(type, ctx.params.id);
    if (!resource || !isWithin(reach, resource)) {
      const limit =
        reach === 'everyone' ? '' : ' within reach of this token, which is for one patient';
      throw new Refusal(404, 'not-found', `There is no ${type} with this id${limit}.`);
    }
    setVersion(ctx, resource);
    answer(ctx, resource);
  };

const search =
  ({ base, record, callerOf }: Desk, type: ResourceType): Middleware =>
  async (ctx) => {
    const reach = reachOf(await callerOf(ctx), type, 's');
    const query = new URLSearchParams(ctx.querystring);
    const visible = record.list(type).filter((resource) => isWithin(reach, resource));
    answer(ctx, searchset(base, type, select(type, visible, query), query));
  };

const create =
  ({ base, record, callerOf }: Desk): Middleware =>
  async (ctx) => {
    const reach = reachOf(await callerOf(ctx), 'Observation', 'c');
    const observation = await readObservation(ctx);
    const patient = observation.subject.reference.slice('Patient/'.length);
    wantPatient(reach, patient, 'Observation');
    if (!record.find('Patient', patient)) {
      throw new Refusal(422, 'not-found', 'subject.reference: there is no such patient here.');
    }
    const created = record.add(observation);
    ctx.status = 201;
    ctx.set('Location', `${base}/Observation/${created.id}`);
    setVersion(ctx, created);
    const isMinimal = /\breturn=minimal\b/.test(ctx.get('Prefer')); // RFC 7240 §4.2
    if (isMinimal) ctx.body = '';
    else answer(ctx, created);
  };

/** Version and time of a resource in the headers (FHIR R4 §3.1.0.1.3). */
function setVersion(ctx: Context, { meta }: Resource): void {
  ctx.set('ETag', `W/"${meta.versionId}"`);
  ctx.lastModified = new Date(meta.lastUpdated);
}

function refuseMethod(methods: Methods): Middleware {
  const allow = [
    ...Object.keys(methods).flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : one)),
    'OPTIONS',
  ].join(', ');
  return (ctx) => {
    throw new Refusal(405, 'not-supported', `${ctx.method} is not possible here; ${allow} are.`, {
      headers: { Allow: allow },
    });
  };
}

const refusePath: Middleware = () => {
  throw new Refusal(
    404,
    'not-supported',
    'This API knows Patient, Observation, MedicationRequest and metadata.',
  );
};
