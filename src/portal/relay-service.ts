import type pg from 'pg';
import { NotFound } from '../base/errors.ts';
import type { Keyring } from '../base/secrets.ts';
import { findApiDocument } from '../products/api-store.ts';
import { environmentOfKey } from '../subscriptions/key.ts';
import { openKey } from '../subscriptions/key-service.ts';
import { operationOf } from './console-operation.ts';
import { findKeyToSend, listOpenings, type Opening } from './console-store.ts';
import { refusalAdvice } from './refusal-advice.ts';
import { type Advice, adviceOn } from './relay-advice.ts';
import { CallFailed, type CallRules, call } from './relay-call.ts';
import { refuseUndocumented } from './relay-check.ts';
import { answerShown, type Exchange, requestShown } from './relay-exchange.ts';
import { Refused } from './relay-refusal.ts';
import { relayRequest, type Wanted } from './relay-request.ts';

export type RelayParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  rules: CallRules;
};

export type Sending = Wanted & {
  /** The account. */
  viewer: string;
  apiId: string;
  /** By its name in the API. */
  baseUrl: string;
  /** What of the document it is: by that it is checked, and advice is given. */
  operation: string;
  /** A key of a team of theirs, by where it is, or as it was typed; null: none. */
  key: { subscriptionId: string; slot: string } | { typed: string } | null;
  /** Without "Bearer"; empty: none. */
  token: string;
};

/**
 * Makes one call for somebody, to an address that a sandbox product opens to them, or a live one that
 * opted in and that they have.
 * @throws {NotFound} for an API that they do not see; {Refused} for what the relay does not send.
 */
export async function send(
  parts: RelayParts,
  sending: Sending,
): Promise<Exchange & { advice: Advice[] }> {
  const { pool, rules } = parts;
  const { key, opening } = await keyAndOpening(parts, sending);
  const document = await findApiDocument(pool, { apiId: sending.apiId, version: opening.version });
  const { token } = sending;
  if (!/^[A-Za-z0-9._~+/=-]{0,16384}$/.test(token)) {
    throw new Refused(
      'token',
      'A token has letters, digits and - . _ ~ + / = only. Get one, or paste it whole.',
    );
  }
  const secrets = [
    ...(token ? [{ header: 'authorization', secret: token }] : []),
    ...(key ? [{ header: opening.keyHeader.toLowerCase(), secret: key }] : []),
  ];
  const request = relayRequest(
    opening.url,
    sending,
    secrets.map(({ header, secret }) => [
      header,
      header === 'authorization' ? `Bearer ${secret}` : secret,
    ]),
  );

  const operation = document && operationOf(document, sending.operation)?.operation;
  refuseUndocumented(operation, sending);

  const at = new Date().toISOString();
  const began = performance.now();
  const shown = { at, request: requestShown(request, secrets) };
  const took = (): number => Math.round(performance.now() - began);
  try {
    const answer = await call(request, rules);
    const lasted = took();
    const told = await refusalAdvice(pool, { viewer: sending.viewer, answer });
    const advice =
      told ??
      adviceOn(answer.status, {
        operation,
        key,
        token,
        audience: opening.audience,
        issuer: `${parts.baseUrl}/${opening.environment}`,
        productId: opening.productId,
      });
    const covered = answerShown(
      answer,
      secrets.map(({ secret }) => secret),
    );
    return { ...shown, took: lasted, answer: covered, failure: null, advice };
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    const failure = { error: error.code, error_description: error.message };
    return { ...shown, took: took(), answer: null, failure, advice: [] };
  }
}

/** The key goes nowhere but where its product leads. */
async function keyAndOpening(
  { pool, keyring }: RelayParts,
  { viewer, apiId, baseUrl, key }: Sending,
): Promise<{ key: string | null; opening: Opening }> {
  const openings = (await listOpenings(pool, { viewer, apiId })).filter(
    (one) => one.baseUrl === baseUrl,
  );
  const first = openings.find(({ environment }) => environment === 'sandbox');
  if (key === null || 'typed' in key) {
    if (!first) throw new NotFound('no_api', 'There is no such API in the sandbox.');
    const typed = key?.typed.trim() ?? '';
    if (/[^!-~]/.test(typed) || typed.length > 200) {
      throw new Refused('key', 'A key has no spaces or line breaks in it. Paste it again.');
    }
    if (typed !== '' && environmentOfKey(typed) === 'live') {
      throw new Refused(
        'wrong_environment',
        'This is a key of the live environment, and the console calls the sandbox.',
      );
    }
    return { key: typed === '' ? null : typed, opening: first };
  }
  const found = await findKeyToSend(pool, { viewer, ...key });
  if (!found) throw new NotFound('no_key', 'There is no such key.');
  const place = { href: `/subscriptions/${key.subscriptionId}`, text: 'The subscription' };
  const opening = openings.find(({ productId }) => productId === found.productId);
  if (found.environment === 'live' && !opening && found.state === 'active') {
    throw new Refused(
      'wrong_environment',
      'This subscription is live, and its product does not take calls from here.',
      place,
    );
  }
  if (found.state !== 'active') {
    throw new Refused(
      'not_active',
      `This subscription is ${found.state}, so its keys do not work.`,
      place,
    );
  }
  if (found.stopped)
    throw new Refused('key_stopped', 'This key has stopped. Choose another.', place);
  if (!opening) {
    const product = { href: `/products/${found.productId}`, text: found.productName };
    throw new Refused('not_opened', 'The product of this key does not open this API.', product);
  }
  return { key: openKey(keyring, found), opening };
}
