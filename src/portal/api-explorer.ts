import type { OpenApi } from '../products/api.ts';
import type { Offer } from './api-access.ts';
import { isNode, type Node, nodeOf } from './api-node.ts';

const ours = 'sandgate';
const key = 'subscription_key';

/** The public client that such a tool is to be. */
export type ExplorerClient = {
  /** Empty: the viewer has none. */
  id: string;
  redirectUri: string;
};

type Given = {
  /** What is called, the first one by default; each scope and grant is of the first one. */
  offers: readonly [Offer, ...Offer[]];
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  keyHeader: string;
  client: ExplorerClient;
};

/**
 * A document as tools such as Swagger UI need it to work with this server: our authorization server
 * and the products' base URLs in the place of whatever it names, and the key beside each token.
 */
export function explorerDocument(document: OpenApi, given: Given): OpenApi {
  const components = nodeOf(document.components);
  const schemes = nodeOf(components.securitySchemes);
  const tokens = Object.keys(schemes).filter((name) => speaksOfTokens(nodeOf(schemes[name])));
  const withKey = (security: unknown, fallback: Node[]): Node[] =>
    (Array.isArray(security) ? security.map(nodeOf) : fallback).map((one) => ({
      ...Object.fromEntries(
        Object.entries(one).map(([name, scopes]) => [tokens.includes(name) ? ours : name, scopes]),
      ),
      [key]: [],
    }));
  return {
    ...document,
    servers: given.offers.map(({ baseUrl, productName }) => ({
      url: baseUrl,
      description: productName,
    })),
    security: withKey(document.security, [{ [ours]: [] }]),
    paths: Object.fromEntries(
      Object.entries(nodeOf(document.paths)).map(([path, item]) => [
        path,
        Object.fromEntries(
          Object.entries(nodeOf(item)).map(([name, operation]) =>
            isNode(operation) && Array.isArray(operation.security)
              ? [name, { ...operation, security: withKey(operation.security, []) }]
              : [name, operation],
          ),
        ),
      ]),
    ),
    components: {
      ...components,
      securitySchemes: {
        ...Object.fromEntries(Object.entries(schemes).filter(([name]) => !tokens.includes(name))),
        [ours]: tokenScheme(given),
        [key]: { type: 'apiKey', in: 'header', name: given.keyHeader },
      },
    },
  };
}

const speaksOfTokens = ({ type, scheme }: Node): boolean =>
  type === 'oauth2' || type === 'openIdConnect' || (type === 'http' && scheme === 'bearer');

function tokenScheme({ offers: [offer], baseUrl, client }: Given): object {
  const issuer = `${baseUrl}/${offer.environment}`;
  const scopes = Object.fromEntries(offer.scopes.map((scope) => [scope, '']));
  const flow = { tokenUrl: `${issuer}/token`, scopes };
  const has = (grant: Offer['grantTypes'][number]): boolean => offer.grantTypes.includes(grant);
  return {
    type: 'oauth2',
    flows: {
      ...(has('authorization_code') && {
        authorizationCode: { ...flow, authorizationUrl: `${issuer}/auth`, ...forScalar(client) },
      }),
      ...(has('client_credentials') && { clientCredentials: flow }),
      ...(has('password') && { password: flow }),
    },
  };
}

/**
 * What Scalar reads in the document itself. Its versions of 2025 would send a public client's id with
 * an empty secret by HTTP Basic, which is no public client's way, unless told to use the body.
 */
const forScalar = ({ id, redirectUri }: ExplorerClient): object => ({
  'x-usePkce': 'SHA-256',
  'x-scalar-credentials-location': 'body',
  'x-scalar-redirect-uri': redirectUri,
  ...(id && { 'x-scalar-client-id': id }),
});
