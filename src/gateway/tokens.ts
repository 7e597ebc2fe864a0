import { hash } from 'node:crypto';
import type { Environment } from '../base/environment.ts';
import { digest } from '../base/secrets.ts';
import { within } from '../db/changes.ts';
import {
  type Claims,
  type Fault,
  isFault,
  issuerIn,
  type TokenCheck,
} from '../oauth/token-check.ts';
import { createRecent } from './recent.ts';
import type { Told } from './told.ts';

/** A token that counts, as far as calls are concerned. */
export type CountingToken = {
  environment: Environment;
  clientId: string;
  /** '': it is the client's own, about nobody. */
  subject: string;
  testUser: boolean;
  productId: string;
  /** Null: first-party. */
  subscriptionId: string | null;
  scopes: readonly string[];
};

export type Tokens = { find(token: string): Promise<CountingToken | Fault> };

type Parts = {
  /** Of every issuer whose tokens may come. */
  checks: readonly TokenCheck[];
  told: Told;
  /** Whether there is a product of this audience. */
  isAudience(environment: Environment, audience: string): boolean;
  most: number;
};

/** What a token shows never changes; what the database says of it holds until something is told. */
type Remembered = { check: TokenCheck; claims: Claims; standing: Standing | undefined };
type Standing = {
  moment: number;
  /** Milliseconds. */
  endsAt: number;
  value: CountingToken | Fault;
  things: readonly string[];
};

/** Of tokens that show by themselves that they do not count. */
const mostFaulty = 10_000;
/** Milliseconds that a refusal is believed: what would make the token count again may not be told. */
const refusedFor = 500;
/** Milliseconds that the database has. */
const patience = 700;

/** Access tokens, whose signatures are checked once each. */
export function createTokens({ checks, told, most, isAudience }: Parts): Tokens {
  const known = createRecent<Remembered>(most);
  const faulty = createRecent<Fault>(mostFaulty);

  async function read(name: string, token: string): Promise<Remembered | Fault> {
    const issuer = issuerIn(token);
    const check = checks.find((one) => one.issuer === issuer);
    const claims = check ? await check.read(token) : foreign(issuer);
    if (!check || isFault(claims)) {
      faulty.set(name, claims as Fault); // without a check it is one
      return claims as Fault;
    }
    const remembered = { check, claims: needed(claims), standing: undefined };
    known.set(name, remembered);
    return remembered;
  }

  return {
    async find(token) {
      const name = hash('sha256', token, 'base64');
      const remembered = known.get(name) ?? faulty.get(name) ?? (await read(name, token));
      if (isFault(remembered)) return remembered;
      const { check, claims, standing } = remembered;
      if (claims.exp * 1000 <= Date.now()) return { fault: 'token_expired', detail: '' };
      if (standing && holds(standing, told)) return standing.value;
      const { environment } = check;
      if (!isAudience(environment, String(claims.aud))) {
        return { fault: 'token_other_product', detail: `Its audience is ${claims.aud}.` };
      }
      const moment = told.moment();
      remembered.standing = await within(patience, stand(check, claims, moment));
      return remembered.standing.value;
    },
  };
}

const holds = ({ moment, endsAt, things }: Standing, told: Told): boolean =>
  Date.now() < endsAt && told.holds(moment, ...things);

async function stand(check: TokenCheck, claims: Claims, moment: number): Promise<Standing> {
  const stands = await check.stand(claims);
  const things = [
    'catalogue',
    `client:${claims.client_id}`,
    `token:${claims.jti}`,
    ...(claims.gid ? [`grant:${digest(claims.gid).toString('hex')}`, `subject:${claims.sub}`] : []),
  ];
  if (isFault(stands)) return { moment, endsAt: Date.now() + refusedFor, value: stands, things };
  const { product, scopes, endsAt } = stands;
  if (product.subscriptionId) things.push(`subscription:${product.subscriptionId}`);
  const value = {
    environment: check.environment,
    clientId: claims.client_id,
    subject: claims.gid ? String(claims.sub) : '',
    testUser: claims.test_user === true,
    productId: product.id,
    subscriptionId: product.subscriptionId,
    scopes,
  };
  return { moment, endsAt: endsAt ?? Number.POSITIVE_INFINITY, value, things };
}

/** What is not needed again is not kept. */
const needed = ({ jti, exp, client_id, scope, gid, aud, sub, test_user }: Claims): Claims => ({
  jti,
  exp,
  client_id,
  ...(scope !== undefined && { scope }),
  ...(gid !== undefined && { gid }),
  ...(aud !== undefined && { aud }),
  ...(sub !== undefined && { sub }),
  ...(test_user !== undefined && { test_user }),
});

const foreign = (issuer: string | undefined): Fault =>
  issuer === undefined
    ? { fault: 'token_malformed', detail: '' }
    : { fault: 'token_wrong_issuer', detail: '' };
