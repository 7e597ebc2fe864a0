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
import { createGranted, type Granted } from './granted.ts';
import { createFinder, type Pending } from './pending.ts';
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
  granted: Granted;
};

export type Tokens = {
  find(token: string): CountingToken | Fault | Pending;
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

/** RFC 6750 section 2.1 */
const isToken = /^[\w.~+/-]+=*$/;
const malformed: Fault = { fault: 'token_malformed', detail: '' };
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
  const finder = createFinder();
  const shared = createSharedText();
  const grantedBy = createGranted();

  async function read(name: string, token: string): Promise<void> {
    const issuer = issuerIn(token);
    const check = checks.find((one) => one.issuer === issuer);
    const claims = check ? await check.read(token) : foreign(issuer);
    if (!check || isFault(claims)) {
      faulty.set(name, claims as Fault); // without a check it is one
      return;
    }
    known.set(name, { check, claims: needed(claims, shared), standing: undefined });
  }

  const unread = (name: string, token: string): Fault | Pending =>
    isToken.test(token) ? finder(name, () => read(name, token)) : malformed;

  async function stand(check: TokenCheck, claims: Claims): Promise<Standing> {
    const moment = told.moment();
    const stands = await within(patience, check.stand(claims));
    const refused = (value: Fault) => ({ moment, endsAt: Date.now() + refusedFor, value });
    if (isFault(stands)) return refused(stands);
    const { product, scopes, endsAt } = stands;
    // by the database's clock its grant may last some moments yet
    if (endsAt !== null && endsAt <= Date.now()) {
      return refused({ fault: 'token_revoked', detail: '' });
    }
    const value = {
      environment: check.environment,
      clientId: claims.client_id,
      subject: claims.gid ? String(claims.sub) : '',
      testUser: claims.test_user === true,
      productId: shared(product.id),
      subscriptionId: product.subscriptionId && shared(product.subscriptionId),
      granted: grantedBy(scopes),
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

  async function findStanding(remembered: Remembered): Promise<void> {
    remembered.standing = await stand(remembered.check, remembered.claims);
  }

  return {
    find(token) {
      const name = hash('sha256', token, 'base64');
      const remembered = known.get(name);
      if (!remembered) return faulty.get(name) ?? unread(name, token);
      const { check, claims, standing } = remembered;
      if (isOver(claims)) return { fault: 'token_expired', detail: '' };
      if (standing && holds(standing, claims)) return standing.value;
      if (!isAudience(check.environment, String(claims.aud))) {
        return { fault: 'token_other_product', detail: `Its audience is ${claims.aud}.` };
      }
      return finder(name, () => findStanding(remembered));
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
  issuer === undefined ? malformed : { fault: 'token_wrong_issuer', detail: '' };
