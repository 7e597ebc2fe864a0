import { comparisons, spanOf } from './dates.ts';
import { type Coding, type Patient, patientOf, type Resources, type ResourceType } from './fhir.ts';

/** One way to search. */
export type Parameter<R> = {
  type: 'token' | 'string' | 'reference' | 'date';
  /** Whether a resource fits the value asked for; undefined for a value that cannot be read. */
  test: (value: string) => ((resource: R) => boolean) | undefined;
};

type Parameters<R> = Readonly<Record<string, Parameter<R>>>;

/** `code`, `system|code`, `|code` or `system|` (FHIR R4 §3.1.1.5.10). */
const token = <R>(codings: (resource: R) => readonly Coding[]): Parameter<R> => ({
  type: 'token',
  test(value) {
    const at = value.indexOf('|');
    const system = value.slice(0, Math.max(at, 0));
    const code = value.slice(at + 1);
    const fits = (one: Coding): boolean =>
      (code === '' || one.code === code) && (at < 0 || (one.system ?? '') === system);
    return (resource) => codings(resource).some(fits);
  },
});

/** The beginning of any of the texts, whatever its case and accents (FHIR R4 §3.1.1.5.8). */
const text = <R>(texts: (resource: R) => readonly string[]): Parameter<R> => ({
  type: 'string',
  test: (value) => (resource) => texts(resource).some((one) => plain(one).startsWith(plain(value))),
});

const plain = (value: string): string =>
  value.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** A date with or without a comparison before it: `2026-02`, `ge2026-02-10`. */
const date = <R>(dateOf: (resource: R) => string | undefined): Parameter<R> => ({
  type: 'date',
  test(value) {
    const [, prefix, rest] = /^([a-z]{2})?(.*)$/.exec(value) ?? [];
    const compare = comparisons.get(prefix ?? 'eq');
    const asked = spanOf(rest ?? '');
    if (!compare || !asked) return undefined;
    return (resource) => {
      const held = spanOf(dateOf(resource) ?? '');
      return held !== undefined && compare(held, asked);
    };
  },
});

/** `NM-0007`, `Patient/NM-0007` or the full URL of that patient. */
const patient: Parameter<Resources['Observation' | 'MedicationRequest']> = {
  type: 'reference',
  test(value) {
    const asked = value.replace(/^(?:https?:.*\/)?Patient\//, '');
    return (resource) => patientOf(resource) === asked;
  },
};

const id: Parameter<{ id: string }> = {
  type: 'token',
  test: (value) => (resource) => resource.id === value,
};

const names = (key: 'family' | 'given' | 'text') => (one: Patient) =>
  one.name.flatMap((name) => name[key]);

/** By what each type can be searched. */
export const searchParameters: { readonly [T in ResourceType]: Parameters<Resources[T]> } = {
  Patient: {
    _id: id,
    identifier: token((one) =>
      one.identifier.map(({ system, value }) => ({ system, code: value })),
    ),
    family: text(names('family')),
    given: text(names('given')),
    name: text((one) => [...names('family')(one), ...names('given')(one), ...names('text')(one)]),
    birthdate: date((one) => one.birthDate),
  },
  Observation: {
    _id: id,
    patient,
    subject: patient,
    code: token((one) => one.code.coding ?? []),
    category: token((one) => (one.category ?? []).flatMap((category) => category.coding ?? [])),
    status: token((one) => [{ code: one.status }]),
    date: date((one) => one.effectiveDateTime),
  },
  MedicationRequest: {
    _id: id,
    patient,
    subject: patient,
    code: token((one) => one.medicationCodeableConcept.coding ?? []),
    status: token((one) => [{ code: one.status }]),
  },
};
