import { parse, YAMLParseError } from 'yaml';
import type { Doer } from '../audit/act.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { type Db, transaction } from '../db/pool.ts';
import { type Api, versionsOf } from '../products/api.ts';
import { listApis } from '../products/api-store.ts';
import type { Fault } from './faults.ts';
import { errorsOf, sentenceOf, withinOne } from './form-sentences.ts';
import { type EditingParts, fingerprintOf } from './product-editing.ts';
import { apiFaults } from './product-faults.ts';
import { apiFields } from './product-fields.ts';
import { saveApi, trimApi } from './product-service.ts';
import { misfitsOf } from './programme-fit.ts';
import { lockProgramme } from './programme-store.ts';

/** What a programme file would say of an API, with its documents in it. */
type Given = {
  id: string;
  document: unknown;
  otherVersions: unknown[];
  baseUrls: Record<string, string>;
} & Partial<CallFields>;

/** How a call brings its key, and whether a browser may ask before it. */
type CallFields = { keyHeader: string; keyParameter: string; cors: boolean };

export type ApiChange =
  /** `current`: it takes the place of the current version, which stays as another one. */
  | { kind: 'document'; text: string; current: boolean }
  | { kind: 'current' | 'remove'; version: string }
  | { kind: 'baseUrls'; text: string }
  | ({ kind: 'calls' } & CallFields);

export const findApi = async (db: Db, id: string): Promise<Api | undefined> =>
  (await listApis(db, [id]))[0];

/** A new one, of its first document. The answer is its id. @throws {InvalidInput} by the fields of the form. */
export async function makeApi(
  { pool, baseUrl }: EditingParts,
  doer: Doer,
  typed: { id: string; document: string; baseUrls: string },
): Promise<string> {
  if (typed.id === '') throw new InvalidInput({ id: 'Fill this in.' });
  const baseUrls = baseUrlsOf(typed.baseUrls, baseUrl);
  const document = documentOf(typed.document);
  return transaction(pool, async (tx) => {
    await lockProgramme(tx);
    if (await findApi(tx, typed.id)) {
      throw new InvalidInput({ id: 'Another API has this id: choose one of its own.' });
    }
    return save(tx, doer, undefined, { id: typed.id, document, otherVersions: [], baseUrls });
  });
}

/**
 * @param before what the page showed: `fingerprintOf` the API.
 * @throws {InvalidInput} by the fields of the form; {NotFound}.
 * @throws {Conflict} `changed_meanwhile`; `in_use` for what a product still opens.
 */
export async function changeApi(
  { pool, baseUrl }: EditingParts,
  doer: Doer,
  before: { id: string; read: string },
  change: ApiChange,
): Promise<void> {
  await transaction(pool, async (tx) => {
    await lockProgramme(tx);
    const there = await findApi(tx, before.id);
    if (!there) throw new NotFound('no_api', 'There is no such API.');
    if (fingerprintOf(there) !== before.read) {
      throw new Conflict(
        'changed_meanwhile',
        'Somebody else changed this API while you did. Compare, then save again.',
      );
    }
    await save(tx, doer, there, changed(there, change, baseUrl));
  });
}

function changed(there: Api, change: ApiChange, baseUrl: string): Given {
  const given = (current: string, versions: Api['otherVersions']): Given => ({
    id: there.id,
    document: versions.find(({ version }) => version === current)?.document ?? there.document,
    otherVersions: versions.flatMap(({ version, document }) =>
      version === current ? [] : [document],
    ),
    baseUrls: Object.fromEntries(there.baseUrls.map(({ name, url }) => [name, url])),
    keyHeader: there.keyHeader,
    keyParameter: there.keyParameter,
    cors: there.cors,
  });
  const all = versionsOf(there);
  if (change.kind === 'baseUrls') {
    return { ...given(there.version, all), baseUrls: baseUrlsOf(change.text, baseUrl) };
  }
  if (change.kind === 'calls') {
    const { kind: _, ...calls } = change;
    return { ...given(there.version, all), ...calls };
  }
  if (change.kind === 'document') {
    const document = documentOf(change.text);
    const version = versionOf(document);
    const versions = [...all.filter((one) => one.version !== version), { version, document }];
    return given(change.current ? version : there.version, versions);
  }
  if (!all.some(({ version }) => version === change.version)) {
    throw new NotFound('no_version', 'There is no such version.');
  }
  if (change.kind === 'current') return given(change.version, all);
  if (change.version === there.version) {
    throw new Conflict('in_use', 'This version is the current one: make another current first.');
  }
  return given(
    there.version,
    all.filter(({ version }) => version !== change.version),
  );
}

async function save(tx: Db, doer: Doer, there: Api | undefined, given: Given): Promise<string> {
  const read = apiFields.safeParse(given, { error: sentenceOf });
  if (!read.success) throw new InvalidInput(documentErrors(read.error.issues));
  const wanted = read.data;
  const nothing = { name: '', products: [], testUsers: [], clients: [] };
  const misfits = withinOne(
    await misfitsOf(tx, { ...nothing, apis: [wanted] }, { ...nothing, apis: [] }),
  );
  const [misfit] = misfits;
  if (misfit?.path[0] === 'otherVersions') {
    throw new Conflict('in_use', `A product still opens it: ${misfit.message}.`);
  }
  const faults: Fault[] = [...apiFaults(wanted), ...misfits];
  if (faults.length > 0) throw new InvalidInput(documentErrors(faults));
  await saveApi(tx, doer, { there, wanted });
  await trimApi(tx, wanted);
  return wanted.id;
}

const plainFields = ['id', 'keyHeader', 'keyParameter'];

/** Of a document the field is named that is wrong in it; a list of base URLs is one field. */
function documentErrors(
  faults: readonly { path: readonly PropertyKey[]; message: string }[],
): Record<string, string> {
  return errorsOf(
    faults.map(({ path: [first = 'form', ...rest], message }) => {
      if (plainFields.includes(String(first))) return { path: [first], message };
      const field = first === 'otherVersions' ? rest.slice(1) : rest;
      const place = field.map(String).join('.');
      return {
        path: [first === 'baseUrls' ? first : 'document'],
        message: place ? `${place}: ${message}` : message,
      };
    }),
  );
}

/** YAML, of which JSON is a part. @throws {InvalidInput} under `document`. */
function documentOf(text: string): Record<string, unknown> {
  if (text.trim() === '') throw new InvalidInput({ document: 'Paste an OpenAPI document.' });
  let value: unknown;
  try {
    // as it will be kept: dates and the like become text, and what lies in itself is refused
    value = JSON.parse(JSON.stringify(parse(text, { maxAliasCount: 200 }) ?? null));
  } catch (error) {
    const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined;
    const [what = ''] = (error as Error).message.split(/\n| at line \d/);
    throw new InvalidInput({
      document: `This cannot be read${line ? `, from line ${line} on` : ''}: ${what}.`,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new InvalidInput({ document: 'This is no OpenAPI document.' });
}

const versionOf = (document: Record<string, unknown>): string => {
  const version = (document.info as { version?: unknown } | undefined)?.version;
  return typeof version === 'string' ? version.trim() : '';
};

/** A line each: a name and an address. @throws {InvalidInput} under `baseUrls`. */
function baseUrlsOf(text: string, baseUrl: string): Record<string, string> {
  const lines = text
    .replaceAll('{base}', baseUrl)
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  if (lines.length === 0) throw new InvalidInput({ baseUrls: 'Name at least one.' });
  const all: Record<string, string> = {};
  for (const [at, line] of lines.entries()) {
    const [name = '', url, ...more] = line.split(/\s+/);
    if (url === undefined || more.length > 0) {
      throw new InvalidInput({ baseUrls: `Line ${at + 1}: write a name, a space and an address.` });
    }
    if (Object.hasOwn(all, name)) {
      throw new InvalidInput({ baseUrls: `Line ${at + 1}: "${name}" stands here twice.` });
    }
    all[name] = url;
  }
  return all;
}
