import type { Db } from '../db/pool.ts';
import { findDocumentText, findSeenApi, type SeenApi } from '../products/catalogue-api-store.ts';
import { type Access, accessTo, type Offer, offersOf } from './api-access.ts';
import type { Documents, ReadDocument } from './api-documents.ts';
import { type Html, htmlOf, inlineHtmlOf } from './api-markdown.ts';
import { type Content, type Operation, operationOf } from './api-operation.ts';
import { findOperation, type Outline, outlineOf } from './api-outline.ts';
import { ownValuesOf, type RevealedKey } from './sample-own.ts';
import { grantOf, needsToken, placeholders, samplesOf } from './sample-request.ts';

export type ApiPages = {
  pool: Db;
  documents: Documents;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
};

/** Which version of which API somebody looks at. */
export type Asked = { viewer: string | null; id: string; version: string | null };

/** An API with its document read; undefined where the viewer sees no such thing. */
export async function readApi(
  { pool, documents }: ApiPages,
  asked: Asked,
): Promise<{ api: SeenApi; read: ReadDocument; outline: Outline } | undefined> {
  const api = await findSeenApi(pool, asked);
  if (!api) return undefined;
  const text = async () => (await findDocumentText(pool, api)) ?? '{}';
  const read = await documents.read({ digest: api.digest, text });
  return { api, read, outline: outlineOf(read.document) };
}

/** The page object of views/portal/api.ejs. */
export async function apiPage(parts: ApiPages, asked: Asked): Promise<object | undefined> {
  const found = await readApi(parts, asked);
  if (!found) return undefined;
  const { api, read, outline } = found;
  const offers = await offersOf(parts.pool, { ...asked, version: api.version });
  return {
    ...frameOf(api, outline),
    versions: api.versions.map((version, at) => ({
      version,
      current: at === 0,
      href: at === 0 ? `/apis/${api.id}` : `/apis/${api.id}?${new URLSearchParams({ version })}`,
      here: version === api.version,
    })),
    introduction: htmlOf(outline.introduction),
    faults: read.faults,
    openings: offers.map((offer) => ({
      productId: offer.productId,
      productName: offer.productName,
      environment: offer.environment,
      baseUrl: offer.baseUrl,
      own: offer.rights[0]?.subscriptionId ?? null,
    })),
  };
}

/** The page object of views/portal/api-operation.ejs. */
export async function operationPage(
  parts: ApiPages,
  asked: Asked & { operation: string; application: string | null },
  shown: RevealedKey | null = null,
): Promise<object | undefined> {
  const found = await readApi(parts, asked);
  const outlined = found && findOperation(found.outline, asked.operation);
  if (!found || !outlined) return undefined;
  const { api, read, outline } = found;
  const operation = operationOf(read.document, outlined.operation);
  const offers = await offersOf(parts.pool, { ...asked, version: api.version });
  const access = accessTo(operation.needs, offers);
  const offer = bestOf(access, offers);
  const mine = access.have[0]?.subscriptionId;
  const right = offer?.rights.find(({ subscriptionId }) => subscriptionId === mine);
  const chosen = asked.application;
  const own = offer && right && (await ownValuesOf(parts.pool, offer, right, { shown, chosen }));
  const filling = own?.filling ?? placeholders;
  const issuers = { sandbox: `${parts.baseUrl}/sandbox`, live: `${parts.baseUrl}/live` };
  return {
    ...frameOf(api, outline),
    signedIn: asked.viewer !== null,
    operation: inWords(operation),
    access,
    baseUrl: offer?.baseUrl ?? '',
    tryIt: offers.some(({ environment }) => environment === 'sandbox'),
    samples: offer && {
      list: samplesOf({ operation, offer, issuers, filling }),
      productName: offer.productName,
      own: own &&
        right && {
          subscriptionId: right.subscriptionId,
          keyId: own.keyId,
          revealed: own.revealed,
          application: own.application,
          applications: own.applications,
          version: api.current ? null : api.version,
        },
      grant: grantOf({ operation, offer }) ?? 'authorization_code',
      token: needsToken({ operation, offer }),
      key: offer.credentials !== 'token',
    },
  };
}

/** One the viewer has, where that will do; else one that would. */
const bestOf = ({ have, offers: others }: Access, offers: readonly Offer[]): Offer | undefined => {
  const mine = have[0]?.subscriptionId;
  return (
    offers.find(({ rights }) => rights.some(({ subscriptionId }) => subscriptionId === mine)) ??
    offers.find(({ productId }) => productId === others[0]?.productId) ??
    offers[0]
  );
};

function frameOf(api: SeenApi, outline: Outline): object {
  const query = api.current ? '' : `?${new URLSearchParams({ version: api.version })}`;
  return {
    id: api.id,
    name: api.name,
    version: api.version,
    current: api.current,
    openapi: outline.openapi,
    query,
    groups: outline.groups.map(({ name, description, operations }) => ({
      name,
      description: inlineHtmlOf(description),
      operations: operations.map(({ id, method, path, title, deprecated }) => ({
        id,
        method,
        path,
        title,
        deprecated,
        href: `/apis/${api.id}/operations/${id}${query}`,
      })),
    })),
  };
}

const rowInWords = <Row extends { words: string }>(
  row: Row,
): Omit<Row, 'words'> & { words: Html } => ({
  ...row,
  words: inlineHtmlOf(row.words),
});

const contentInWords = ({ schema: _schema, ...content }: Content) => ({
  ...content,
  rows: content.rows.map(rowInWords),
});

const inWords = ({ body, responses, parameters, ...operation }: Operation) => ({
  ...operation,
  description: htmlOf(operation.description),
  parameters: parameters.map(rowInWords),
  body: body && {
    ...body,
    words: inlineHtmlOf(body.words),
    contents: body.contents.map(contentInWords),
  },
  responses: responses.map(({ words, headers, contents, status }) => ({
    status,
    words: inlineHtmlOf(words),
    headers: headers.map(rowInWords),
    contents: contents.map(contentInWords),
  })),
});
