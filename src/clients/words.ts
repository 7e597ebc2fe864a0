import { dayInWords, listed } from '../base/in-words.ts';
import type { GrantType } from '../products/product.ts';
import type { AuthMethod, ClientKind } from './client.ts';

/** How a client gets tokens with these grant types, the protocol's names left out. */
export function tokensInWords(grantTypes: readonly GrantType[]): string {
  const ways = [
    grantTypes.includes('authorization_code') && 'on behalf of a user',
    grantTypes.includes('password') && 'with a test user’s password',
    grantTypes.includes('client_credentials') && 'as a system',
  ];
  return listed(ways.filter((way) => way !== false)) || 'none';
}

/** `today`, or `on 18 November 2026`. */
export const onDay = (time: Date, now: Date = new Date()): string => {
  const day = dayInWords(time, now);
  return day === 'Today' ? 'today' : `on ${day}`;
};

/** Of a client: how it shows who it is, and until when. */
export function secretInWords(client: {
  kind: ClientKind;
  authMethod: AuthMethod;
  secrets: number;
  /** Of its secrets the one that lives longest; null: for ever, or there is none. */
  secretEnds: Date | null;
}): string {
  if (client.kind === 'test_application') return 'kept by the console';
  if (client.authMethod === 'none') return 'none: public, with PKCE';
  if (client.authMethod === 'private_key_jwt') return 'none: it signs with a key of its own';
  if (client.secrets === 0) return 'none that works';
  return client.secretEnds ? `ends ${onDay(client.secretEnds)}` : 'has no end';
}
