import { jwksUriFault, readKeySet } from '../clients/keys.ts';
import { originFault, redirectUriFault, redirectUriFaults } from '../clients/redirect-uri.ts';
import { type Fault, unknown } from './faults.ts';
import type { Development, Programme } from './programme.ts';
import type { DevelopmentClient, FirstPartyClient } from './programme-clients.ts';

type Products = Programme['products'];

export function clientFaults(
  client: DevelopmentClient,
  { subscriptions }: Development,
  products: Products,
): Fault[] {
  const tied = subscriptions.filter(({ id }) => client.subscriptions.includes(id));
  const named = [...client.products, ...tied.map(({ product }) => product)];
  const faults = [
    ...client.subscriptions.flatMap((id, at) => unknown(['subscriptions', at], id, subscriptions)),
    ...ownFaults(client, named, products),
  ];
  if (client.subscriptions.length > 0 === client.products.length > 0) {
    faults.push({
      path: ['subscriptions'],
      message: 'either subscriptions or, for a first-party client, products',
    });
  }
  if (new Set(tied.map(({ team }) => team)).size > 1) {
    faults.push({ path: ['subscriptions'], message: 'not all of one team' });
  }
  if (client.secret && !client.authMethod.startsWith('client_secret')) {
    faults.push({ path: ['secret'], message: `${client.authMethod} has no secret` });
  }
  return faults;
}

export const firstPartyFaults = (client: FirstPartyClient, products: Products): Fault[] =>
  ownFaults({ ...client, subscriptions: [] }, client.products, products);

/** `named`: the products that it reaches. */
function ownFaults(
  client: Omit<DevelopmentClient, 'secret'>,
  named: readonly string[],
  products: Products,
): Fault[] {
  const faults: Fault[] = client.products.flatMap((id, at) =>
    unknown(['products', at], id, products),
  );
  const fault = (field: string, message: string) => faults.push({ path: [field], message });
  const environments = products.filter(({ id }) => named.includes(id)).map((p) => p.environment);
  if (new Set(environments).size > 1) {
    fault(client.products.length > 0 ? 'products' : 'subscriptions', 'not all in one environment');
  }
  if (client.defaultProduct && !named.includes(client.defaultProduct)) {
    fault('defaultProduct', `"${client.defaultProduct}" is none of its products`);
  }
  const keys = [client.jwks, client.jwksUri].filter((one) => one !== null).length;
  if (keys !== (client.authMethod === 'private_key_jwt' ? 1 : 0)) {
    fault('jwks', 'private_key_jwt needs jwks or jwksUri, and nothing else has them');
  }
  if (client.grantTypes.includes('authorization_code') && client.redirectUris.length === 0) {
    fault('redirectUris', 'authorization_code needs at least one');
  }
  if (client.authMethod === 'none' && client.grantTypes.includes('client_credentials')) {
    fault(
      'grantTypes',
      'client_credentials is for clients that authenticate (RFC 6749 section 4.4)',
    );
  }
  const read = client.jwks && readKeySet(JSON.stringify(client.jwks));
  if (read && 'fault' in read) fault('jwks', read.fault);
  const elsewhere = client.jwksUri ? jwksUriFault(client.jwksUri, { loopback: true }) : undefined;
  if (elsewhere) fault('jwksUri', elsewhere);
  return [...faults, ...addressFaults(client)];
}

function addressFaults(client: Omit<DevelopmentClient, 'secret'>): Fault[] {
  const each = (
    field: string,
    list: readonly string[],
    faultOf: (one: string) => string | undefined,
  ) =>
    list.flatMap((one, at) => {
      const message = faultOf(one);
      return message ? [{ path: [field, at], message }] : [];
    });
  return [
    ...redirectUriFaults(client.redirectUris, client.authMethod).map(({ at, message }) => ({
      path: ['redirectUris', at],
      message,
    })),
    ...each('postLogoutRedirectUris', client.postLogoutRedirectUris, redirectUriFault),
    ...each('allowedOrigins', client.allowedOrigins, originFault),
  ];
}
