import { createHash } from 'node:crypto';
import { type CryptoKey, compactVerify, decodeJwt, decodeProtectedHeader, importJWK } from 'jose';
import { digest } from '../base/secrets.ts';
import type { Client } from '../clients/client.ts';
import { assertionAlgorithms, type PublicJwk } from '../clients/keys.ts';
import type { KeysAt } from '../clients/remote-keys.ts';
import type { Db } from '../db/pool.ts';
import { findRecord } from './store.ts';

/** One thing that the token endpoint looks at; null: not looked at, since something before it failed. */
export type Check = { what: string; passed: boolean | null; words: string };

export type CheckParts = { db: Db; keysAt: KeysAt; baseUrl: string; now?: () => number };

/** Seconds, as the provider has them: provider.ts. */
const tolerance = 5;
const longest = 3600;

/**
 * What the token endpoint would say of a client assertion (RFC 7523 section 3), check by check, in
 * its order. Nothing of the assertion is kept, and its `jti` is not used up.
 */
export async function checkAssertion(
  { db, keysAt, baseUrl, now = Date.now }: CheckParts,
  client: Pick<Client, 'id' | 'environment' | 'teamId' | 'jwks' | 'jwksUri'>,
  assertion: string,
): Promise<Check[]> {
  const read = readAssertion(assertion.trim());
  const form: Check = { what: 'It is a JWT', passed: read !== undefined, words: formWords(read) };
  if (!read) return [form];
  const { header, claims } = read;
  const seconds = Math.floor(now() / 1000);
  const issuer = `${baseUrl}/${client.environment}`;
  const kid = typeof header.kid === 'string' ? header.kid : undefined;
  const found = await keysOf(client, keysAt, kid);
  const fitting = found.keys.filter((key) => fits(key, header));
  const signed = fitting.length > 0 ? await anyVerifies(assertion.trim(), fitting) : null;
  return [
    form,
    checkAlg(header.alg),
    checkKey(found, fitting, kid),
    {
      what: 'Its signature is right',
      passed: signed,
      words: signed === null ? 'Not looked at: there is no key to look with.' : signedWords(signed),
    },
    isClient('iss', claims.iss, client.id),
    isClient('sub', claims.sub, client.id),
    checkAudience(claims.aud, issuer),
    ...checkTimes(claims, seconds),
    await checkJti(db, client, claims),
  ];
}

type Header = { alg?: unknown; kid?: unknown };
type Claims = Record<string, unknown>;

function readAssertion(text: string): { header: Header; claims: Claims } | undefined {
  try {
    return { header: decodeProtectedHeader(text), claims: decodeJwt(text) };
  } catch {
    return undefined;
  }
}

const formWords = (read: object | undefined): string =>
  read
    ? 'Header, claims and signature, each in base64url.'
    : 'It is not three parts of base64url with dots between them: paste the whole value of client_assertion.';

const checkAlg = (alg: unknown): Check => {
  const passed = assertionAlgorithms.includes(String(alg));
  const words = passed
    ? `alg is ${alg}.`
    : `alg is ${told(alg)}: it must be ${assertionAlgorithms.join(', ')}.`;
  return { what: 'Its algorithm is allowed', passed, words };
};

type Found = { keys: readonly PublicJwk[]; where: string; fault: string | undefined };

async function keysOf(
  { teamId, jwks, jwksUri }: Pick<Client, 'teamId' | 'jwks' | 'jwksUri'>,
  keysAt: KeysAt,
  kid: string | undefined,
): Promise<Found> {
  if (!jwksUri) {
    const keys = ((jwks as { keys?: PublicJwk[] } | null)?.keys ?? []) as readonly PublicJwk[];
    return { keys, where: 'registered here', fault: undefined };
  }
  const { keys, fault } = await keysAt(jwksUri, { team: teamId, kid });
  return { keys, where: `at ${jwksUri}`, fault };
}

/** As oidc-provider chooses: by kind and curve, and by kid, alg and use where they are said. */
function fits(key: PublicJwk, { alg, kid }: Header): boolean {
  const kinds: Record<string, string> = { R: 'RSA', P: 'RSA', E: alg === 'ES256' ? 'EC' : 'OKP' };
  return (
    key.kty === kinds[String(alg).charAt(0)] &&
    (typeof kid !== 'string' || key.kid === kid) &&
    (key.alg === undefined || key.alg === alg)
  );
}

function checkKey({ keys, where, fault }: Found, fitting: object[], kid?: string): Check {
  const what = 'Its key is known';
  if (fitting.length > 0) return { what, passed: true, words: `A key for it stands ${where}.` };
  const names = keys.map((key) => key.kid ?? 'one without a kid').join(', ');
  const why = fault ?? (keys.length > 0 ? `There are: ${names}.` : 'There is none at all.');
  const which =
    kid === undefined
      ? 'No key of that algorithm'
      : `No key of that algorithm with the kid ${told(kid)}`;
  return { what, passed: false, words: `${which} stands ${where}. ${why}` };
}

async function anyVerifies(assertion: string, keys: readonly PublicJwk[]): Promise<boolean> {
  const { alg = '' } = decodeProtectedHeader(assertion);
  for (const jwk of keys) {
    try {
      const key = (await importJWK(jwk, alg)) as CryptoKey; // no key of ours is a shared secret
      await compactVerify(assertion, key, { algorithms: [...assertionAlgorithms] });
      return true;
    } catch {
      // the next one may
    }
  }
  return false;
}

const signedWords = (signed: boolean): string =>
  signed ? 'The key fits the signature.' : 'It was signed with another key, or changed afterwards.';

const isClient = (name: 'iss' | 'sub', value: unknown, id: string): Check => ({
  what: `${name} is the client ID`,
  passed: value === id,
  words: value === id ? `${name} is ${id}.` : `${name} is ${told(value)}: it must be ${id}.`,
});

function checkAudience(aud: unknown, issuer: string): Check {
  const accepted = [issuer, `${issuer}/token`];
  const passed = [aud].flat().some((one) => accepted.includes(String(one)));
  const words = passed ? `aud names ${accepted.find((one) => [aud].flat().includes(one))}.` : '';
  const wrong = `aud is ${told(aud)}: it must be ${accepted.join(' or ')}.`;
  return { what: 'aud is this server', passed, words: words || wrong };
}

function checkTimes({ exp, nbf, iat }: Claims, now: number): Check[] {
  const ends = Number.isSafeInteger(exp) ? Number(exp) : undefined;
  const holds = ends !== undefined && now - tolerance < ends;
  const short = ends !== undefined && ends <= now + longest;
  const begun = nbf === undefined || (typeof nbf === 'number' && nbf <= now + tolerance);
  const aged = iat === undefined || typeof iat === 'number';
  const ahead = typeof iat === 'number' && iat > now + tolerance;
  return [
    { what: 'It has not expired', passed: holds, words: expWords(ends, exp, now) },
    {
      what: 'It lasts an hour at most',
      passed: ends === undefined ? null : short,
      words:
        short || ends === undefined
          ? 'Nobody can keep it for long.'
          : `It ends ${ends - now} seconds from now: let exp be at most ${longest} seconds ahead. A minute will do.`,
    },
    {
      what: 'It has begun',
      passed: begun,
      words: begun
        ? 'nbf is past, or left out.'
        : `nbf is ${told(nbf)}: it must be a number of seconds, and not lie ahead.`,
    },
    {
      what: 'iat is a time',
      passed: aged,
      words:
        aged && ahead
          ? 'iat lies ahead of our clock: that is not refused, but look at yours.'
          : aged
            ? 'iat is a number of seconds, or left out.'
            : `iat is ${told(iat)}: it must be a number of seconds.`,
    },
  ];
}

function expWords(ends: number | undefined, exp: unknown, now: number): string {
  if (ends === undefined)
    return `exp is ${told(exp)}: it must be a whole number of seconds since 1970.`;
  const left = ends - now;
  return left > 0
    ? `It ends in ${left} seconds.`
    : `It ended ${-left} seconds ago: make a new one for each request.`;
}

async function checkJti(
  db: Db,
  { environment }: Pick<Client, 'environment'>,
  { iss, jti }: Claims,
): Promise<Check> {
  const what = 'jti is new';
  if (typeof jti !== 'string' || jti === '') {
    return {
      what,
      passed: false,
      words: `jti is ${told(jti)}: give each assertion a name of its own.`,
    };
  }
  const id = createHash('sha256').update(`${iss}${jti}`).digest('base64url'); // as the library names it
  const used = await findRecord(db, { environment, kind: 'ReplayDetection', key: digest(id) });
  const words = used
    ? 'It was used before: an assertion counts once.'
    : 'It was not used yet, and this look has not used it.';
  return { what, passed: used === undefined, words };
}

/** As it stands in the JWT, cut where it is long. */
const told = (value: unknown): string =>
  value === undefined ? 'left out' : (JSON.stringify(value) ?? 'left out').slice(0, 200);
