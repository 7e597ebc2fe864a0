import { bodyParser } from '@koa/bodyparser';
import type { Context } from 'koa';
import { z } from 'zod';
import { spanOf } from './dates.ts';
import { Refusal } from './outcome.ts';
import type { NewObservation } from './record.ts';

const sizeLimit = '64kb';

const words = z.string().min(1).max(1000);
const date = z.string().refine((text) => spanOf(text) !== undefined, 'is not a FHIR dateTime');
const quantity = z.strictObject({
  value: z.number(),
  unit: words.optional(),
  system: words.optional(),
  code: words.optional(),
});
const concept = z
  .strictObject({
    coding: z
      .array(
        z.strictObject({
          system: words.optional(),
          code: words.optional(),
          display: words.optional(),
        }),
      )
      .min(1)
      .optional(),
    text: words.optional(),
  })
  .refine(({ coding, text }) => coding || text, 'needs a coding or a text');

const value = {
  valueQuantity: quantity.optional(),
  valueCodeableConcept: concept.optional(),
  valueString: words.optional(),
};

/** The part of an R4 Observation that this API keeps; anything else is refused by name. */
const observation = z.strictObject({
  resourceType: z.literal('Observation'),
  status: z.enum([
    'registered',
    'preliminary',
    'final',
    'amended',
    'corrected',
    'cancelled',
    'entered-in-error',
    'unknown',
  ]),
  category: z.array(concept).min(1).max(10).optional(),
  code: concept,
  subject: z.strictObject({
    reference: z.string().regex(/^Patient\/[A-Za-z0-9.-]{1,64}$/, 'must look like Patient/NM-0007'),
    display: words.optional(),
  }),
  effectiveDateTime: date.optional(),
  issued: date.optional(),
  performer: z
    .array(z.strictObject({ reference: words.optional(), display: words.optional() }))
    .min(1)
    .max(10)
    .optional(),
  ...value,
  interpretation: z.array(concept).min(1).max(10).optional(),
  note: z
    .array(z.strictObject({ text: words }))
    .min(1)
    .max(10)
    .optional(),
  component: z
    .array(
      z.strictObject({
        code: concept,
        valueQuantity: quantity.optional(),
        valueString: words.optional(),
      }),
    )
    .min(1)
    .max(20)
    .optional(),
});

/**
 * Reads the body of a create. An `id`, `meta` or `text` in it is left out, as the server gives ids
 * (FHIR R4 §3.1.0.8) and keeps no narrative.
 * @throws {Refusal} 415, 413, 400 (no JSON) or 422 (no Observation that this API keeps).
 */
export async function readObservation(ctx: Context): Promise<NewObservation> {
  const body = await readJson(ctx);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Refusal(400, 'structure', 'The body must be one JSON object: an Observation.');
  }
  const { id: _id, meta: _meta, text: _text, ...rest } = body as Record<string, unknown>; // checked above
  const read = observation.safeParse(rest);
  if (!read.success) throw new Refusal(422, 'invalid', faults(read.error));
  if (Object.keys(value).filter((key) => key in rest).length > 1) {
    throw new Refusal(422, 'invalid', 'An Observation has one value[x] at most.');
  }
  return read.data;
}

// Its list of JSON types cannot be extended without losing one, so readJson looks at the type itself.
const parse = bodyParser({
  enableTypes: ['json'],
  jsonLimit: sizeLimit,
  detectJSON: () => true,
  onError(error) {
    if ('status' in error && error.status === 413) {
      throw new Refusal(413, 'too-long', `The body must not be larger than ${sizeLimit}.`);
    }
    throw new Refusal(400, 'structure', 'The body is not JSON.', { cause: error });
  },
});

async function readJson(ctx: Context): Promise<unknown> {
  if (!ctx.is('application/fhir+json', 'application/json')) {
    throw new Refusal(
      415,
      'not-supported',
      'Send the Observation as application/fhir+json or application/json.',
      { headers: { 'Accept-Post': 'application/fhir+json, application/json' } },
    );
  }
  await parse(ctx, async () => {});
  return ctx.request.body;
}

/** At most five faults, each with its place: `subject.reference must look like Patient/NM-0007`. */
const faults = (error: z.ZodError): string =>
  error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join('.') || 'Observation'}: ${message}`)
    .join('; ');
