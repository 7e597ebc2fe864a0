import { hash } from 'node:crypto';
import type { Environment } from '../base/environment.ts';
import { digest } from '../base/secrets.ts';
import { within } from '../db/patience.ts';
import {
  type Claims,
  type Fault,
  isFault,
  issuerIn,
  type TokenCheck,
} from '../oauth/token-check.ts';
import { createRecent } from './recent.ts';
import { createSharedText, type SharedText } from './shared-text.ts';
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

export type Tokens = {
  /** A promise only where something of it must be found out. */
  find(token: string): CountingToken | Fault | Promise<CountingToken | Fault>;
};

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
  /** Until then nothing was told of anything that it depends on. */
  moment: number;
  /** Milliseconds. */
  endsAt: number;
  value: CountingToken | Fault;
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
  const shared = createSharedText();

  async function read(name: string, token: string): Promise<Remembered | Fault> {
    const issuer = issuerIn(token);
    const check = checks.find((one) => one.issuer === issuer);
    const claims = check ? await check.read(token) : foreign(issuer);
    if (!check || isFault(claims)) {
      faulty.set(name, claims as Fault); // without a check it is one
      return claims as Fault;
    }
    const remembered = { check, claims: needed(claims, shared), standing: undefined };
    known.set(name, remembered);
    return remembered;
  }

  async function stand({ check, claims }: Remembered): Promise<Standing> {
    const moment = told.moment();
    const stands = await within(patience, check.stand(claims));
    if (isFault(stands)) return { moment, endsAt: Date.now() + refusedFor, value: stands };
    const { product, scopes, endsAt } = stands;
    const value = {
      environment: check.environment,
      clientId: claims.client_id,
      subject: claims.gid ? String(claims.sub) : '',
      testUser: claims.test_user === true,
      productId: shared(product.id),
      subscriptionId: product.subscriptionId && shared(product.subscriptionId),
      scopes: scopes.map(shared),
    };
    return { moment, endsAt: endsAt ?? Number.POSITIVE_INFINITY, value };
  }

  function holds(standing: Standing, claims: Claims): boolean {
    const moment = told.moment();
    if (Date.now() >= standing.endsAt) return false;
    if (standing.moment === moment) return true;
    if (!told.holds(standing.moment, ...thingsOf(claims, standing.value))) return false;
    standing.moment = moment;
    return true;
  }

  async function findOut(name: string, token: string): Promise<CountingToken | Fault> {
    const remembered = known.get(name) ?? faulty.get(name) ?? (await read(name, token));
    if (isFault(remembered)) return remembered;
    const { check, claims } = remembered;
    if (isOver(claims)) return { fault: 'token_expired', detail: '' };
    if (!isAudience(check.environment, String(claims.aud))) {
      return { fault: 'token_other_product', detail: `Its audience is ${claims.aud}.` };
    }
    remembered.standing = await stand(remembered);
    return remembered.standing.value;
  }

  return {
    find(token) {
      const name = hash('sha256', token, 'base64');
      const { standing, claims } = known.get(name) ?? {};
      const stands = standing && claims && !isOver(claims) && holds(standing, claims);
      return stands ? standing.value : findOut(name, token);
    },
  };
}

const isOver = ({ exp }: Claims): boolean => exp * 1000 <= Date.now();

/** All that it depends on, in the words in which changes are told. */
function thingsOf(claims: Claims, value: CountingToken | Fault): string[] {
  const { client_id, jti, gid, sub } = claims;
  const subscriptionId = isFault(value) ? null : value.subscriptionId;
  return [
    'catalogue',
    `client:${client_id}`,
    `token:${jti}`,
    ...(gid ? [`grant:${digest(gid).toString('hex')}`, `subject:${sub}`] : []),
    ...(subscriptionId ? [`subscription:${subscriptionId}`] : []),
  ];
}

/** What is not needed again is not kept. */
const needed = (
  { jti, exp, client_id, scope, gid, aud, sub, test_user }: Claims,
  shared: SharedText,
): Claims => ({
  jti,
  exp,
  client_id: shared(client_id),
  scope: shared(scope ?? ''),
  aud: shared(String(aud)),
  ...(gid !== undefined && { gid, sub: String(sub) }), // without a grant it is about nobody
  ...(test_user !== undefined && { test_user }),
});

const foreign = (issuer: string | undefined): Fault =>
  issuer === undefined
    ? { fault: 'token_malformed', detail: '' }
    : { fault: 'token_wrong_issuer', detail: '' };
