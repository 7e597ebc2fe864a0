import type { Middleware } from 'koa';
import { Refusal } from './outcome.ts';

const methods = 'GET, HEAD, POST, OPTIONS';

/**
 * Lets the browsers of all origins in, consoles being their main users: a token in a header is
 * never sent by itself, so there is nothing for another site to ride on.
 */
export const openToBrowsers: Middleware = async (ctx, next) => {
  ctx.set({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': 'WWW-Authenticate, Location, ETag',
  });
  if (ctx.method !== 'OPTIONS') return next();
  ctx.set({
    Allow: methods,
    'Access-Control-Allow-Methods': methods,
    'Access-Control-Allow-Headers':
      'Authorization, Cache-Control, Content-Type, Ocp-Apim-Subscription-Key, Prefer, Accept',
    'Access-Control-Max-Age': '7200', // seconds; browsers cap it at two hours anyway
  });
  ctx.status = 204;
};

/** A media type with these parameters matches only when offered with them. */
const offered = ['application/fhir+json', 'application/json'].flatMap((type) => [
  type,
  `${type}; charset=utf-8`,
  `${type}; fhirVersion=4.0`,
]);
const formats = ['json', 'application/json', 'application/fhir+json'];

/** Refuses whoever wants anything but JSON; `_format` outranks Accept (FHIR R4 §3.1.0.1.11). */
export const onlyJson: Middleware = (ctx, next) => {
  const format = new URLSearchParams(ctx.querystring).get('_format');
  const wanted = format?.replace(' ', '+'); // the plus of fhir+json, forgotten to be encoded
  if (wanted === undefined ? ctx.accepts(offered) : formats.includes(wanted)) return next();
  throw new Refusal(406, 'not-supported', 'This API answers in application/fhir+json only.');
};
