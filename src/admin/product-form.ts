import { z } from 'zod';
import { grantTypes, type WholeProduct } from '../products/product.ts';
import type { productFields } from './product-fields.ts';

/** What is typed on the page of a product, as it is typed. Tick boxes are fields of their own. */
export const productForm = z.looseObject({
  csrf: z.string().default(''),
  /** What the page showed was this: see `fingerprintOf`. */
  read: z.string().default(''),
});

/** Fields of one line each, and texts; the others are made of several. */
const plain = [
  'id',
  'environment',
  'name',
  'description',
  'audience',
  'subjects',
  'signingAlg',
  'tokenTyp',
  'rateCalls',
  'rateSeconds',
  'quotaCalls',
  'quotaSeconds',
  'quotaStatus',
  'credentials',
  'staleSeconds',
  'priceNote',
  'includedCalls',
  'perThousand',
  'currency',
  'terms',
  'visibility',
  'invited',
  'scopes',
  'roles',
] as const;

export type Typed = Record<(typeof plain)[number], string> & {
  needsApproval: boolean;
  consoleRelay: boolean;
  grantTypes: string[];
  /** `patient-record sandbox` → the version, empty for the current one. */
  apis: Record<string, string>;
};

/** What an administrator typed: nothing of it is checked yet. */
export function typedOf(form: Record<string, unknown>): Typed {
  const text = (field: string): string => {
    const value = form[field];
    return typeof value === 'string' ? value.replace(/\r\n?/g, '\n') : '';
  };
  const ticked = (prefix: string): string[] =>
    Object.keys(form).flatMap((field) =>
      field.startsWith(prefix) ? [field.slice(prefix.length)] : [],
    );
  return {
    ...(Object.fromEntries(plain.map((field) => [field, text(field)])) as Record<
      (typeof plain)[number],
      string
    >), // one entry for each
    needsApproval: form.needsApproval === 'yes',
    consoleRelay: form.consoleRelay === 'yes',
    grantTypes: grantTypes.filter((type) => ticked('grant ').includes(type)),
    apis: Object.fromEntries(ticked('api ').map((at) => [at, text(`version ${at}`)])),
  };
}

/** A product as its page shows it in the form. */
export const typedAs = (product: WholeProduct): Typed => ({
  ...product,
  rateCalls: String(product.rate?.calls ?? ''),
  rateSeconds: String(product.rate?.seconds ?? ''),
  quotaCalls: String(product.quota?.calls ?? ''),
  quotaSeconds: String(product.quota?.seconds ?? ''),
  quotaStatus: String(product.quotaStatus),
  staleSeconds: String(product.staleSeconds),
  includedCalls: String(product.price?.includedCalls ?? ''),
  perThousand: product.price?.perThousand ?? '',
  currency: product.price?.currency ?? '',
  invited: product.invited.join('\n'),
  scopes: product.scopes
    .map(({ scope, description, isDefault }) =>
      [scope, description, ...(isDefault ? ['default'] : [])].join(' | '),
    )
    .join('\n'),
  roles: Object.entries(product.roleScopes)
    .map(([role, scopes]) => `${role}: ${scopes.join(' ')}`)
    .join('\n'),
  apis: Object.fromEntries(
    product.apis.map(({ id, baseUrl, version }) => [`${id} ${baseUrl}`, version ?? '']),
  ),
});

/** What a new one begins with. */
export const blank: Typed = {
  id: '',
  environment: 'sandbox',
  name: '',
  description: '',
  audience: '',
  subjects: 'both',
  needsApproval: false,
  grantTypes: ['authorization_code', 'refresh_token'],
  signingAlg: 'RS256',
  tokenTyp: 'at+jwt',
  rateCalls: '',
  rateSeconds: '',
  quotaCalls: '',
  quotaSeconds: '',
  quotaStatus: '403',
  credentials: 'key_and_token',
  staleSeconds: '0',
  consoleRelay: false,
  priceNote: '',
  includedCalls: '',
  perThousand: '',
  currency: '',
  terms: '',
  visibility: 'everybody',
  invited: '',
  scopes: '',
  roles: '',
  apis: {},
};

/** As a programme file would say it; what it is worth, `productFields` tells. */
export function fieldsOf(typed: Typed): Record<keyof z.input<typeof productFields>, unknown> {
  const { rateCalls, rateSeconds, quotaCalls, quotaSeconds, quotaStatus, ...others } = typed;
  const { staleSeconds, includedCalls, perThousand, currency, roles, ...rest } = others;
  return {
    ...rest,
    rate: limitOf(rateCalls, rateSeconds),
    quota: limitOf(quotaCalls, quotaSeconds),
    quotaStatus: numberOf(quotaStatus),
    staleSeconds: numberOf(staleSeconds || '0'),
    price: priceOf({ includedCalls, perThousand, currency }),
    invited: typed.invited.split(/[\s,]+/).filter(Boolean),
    apis: Object.entries(typed.apis).map(([at, version]) => {
      const [id, baseUrl] = at.split(' ');
      return { id, baseUrl, version: version || null };
    }),
    scopes: linesOf(typed.scopes).map((line) => {
      const [scope = '', description = '', word = ''] = line.split(/\s+\|\s+|\s+\|$/);
      return { scope: scope.trim(), description, isDefault: word.trim() === 'default' };
    }),
    roleScopes: Object.fromEntries(
      linesOf(roles).map((line) => {
        const end = line.includes(':') ? line.indexOf(':') : line.length;
        return [
          line.slice(0, end).trim(),
          line
            .slice(end + 1)
            .split(/\s+/)
            .filter(Boolean),
        ];
      }),
    ),
    state: undefined,
    retiresOn: undefined,
    deprecationNotice: undefined,
  };
}

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

/** Null: none, where both are empty. */
function limitOf(calls: string, seconds: string): unknown {
  if (calls.trim() === '' && seconds.trim() === '') return null;
  return { calls: numberOf(calls), seconds: numberOf(seconds) };
}

/** Null: nothing to reckon with, where all is empty. */
function priceOf(typed: Pick<Typed, 'includedCalls' | 'perThousand' | 'currency'>): unknown {
  const [includedCalls, perThousand, currency] = [
    typed.includedCalls.trim(),
    typed.perThousand.trim(),
    typed.currency.trim(),
  ];
  if (includedCalls === '' && perThousand === '' && currency === '') return null;
  return {
    includedCalls: numberOf(includedCalls || '0'),
    perThousand,
    currency: currency.toUpperCase(),
  };
}

const numberOf = (text: string): number => Number(text.trim() || Number.NaN);
