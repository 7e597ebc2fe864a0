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
  /** What is called, the first one by default; what a call shows is said of the first one. */
  offers: readonly [Offer, ...Offer[]];
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  client: ExplorerClient;
};

/**
 * A document as tools such as Swagger UI need it to work with this server: our authorization server
 * and the products' base URLs in the place of whatever it names, and of key and token what the product
 * asks for.
 */
export function explorerDocument(document: OpenApi, given: Given): OpenApi {
  const components = nodeOf(document.components);
  const schemes = nodeOf(components.securitySchemes);
  const [{ credentials, keyHeader }] = given.offers;
  const tokens = Object.keys(schemes).filter((name) => speaksOfTokens(nodeOf(schemes[name])));
  const keys = Object.keys(schemes).filter((name) => isKey(nodeOf(schemes[name]), keyHeader));
  const shown = (one: Node): Node => ({
    ...Object.fromEntries(
      Object.entries(one).flatMap(([name, scopes]) => {
        if (keys.includes(name)) return [];
        if (!tokens.includes(name)) return [[name, scopes]];
        return credentials === 'key' ? [] : [[ours, scopes]];
      }),
    ),
    ...(credentials !== 'token' && { [key]: [] }),
  });
  const asWeAsk = (security: unknown, otherwise: Node[]): Node[] =>
    (Array.isArray(security) ? security.map(nodeOf) : otherwise).map(shown);
  const theirs = Object.entries(schemes).filter(
    ([name]) => !tokens.includes(name) && !keys.includes(name),
  );
  return {
    ...document,
    servers: given.offers.map(({ baseUrl, productName }) => ({
      url: baseUrl,
      description: productName,
    })),
    security: asWeAsk(document.security, [credentials === 'key' ? {} : { [ours]: [] }]),
    paths: Object.fromEntries(
      Object.entries(nodeOf(document.paths)).map(([path, item]) => [
        path,
        Object.fromEntries(
          Object.entries(withoutServers(item)).map(([name, operation]) => {
            if (!isNode(operation)) return [name, operation];
            const own = withoutServers(operation);
            const asks = Array.isArray(own.security);
            return [name, asks ? { ...own, security: asWeAsk(own.security, []) } : own];
          }),
        ),
      ]),
    ),
    components: {
      ...components,
      securitySchemes: {
        ...Object.fromEntries(theirs),
        ...(credentials !== 'key' && { [ours]: tokenScheme(given) }),
        ...(credentials !== 'token' && {
          [key]: { type: 'apiKey', in: 'header', name: keyHeader },
        }),
      },
    },
  };
}

/** Of a path or an operation: key and token go to the products' base URLs, and nowhere else. */
const withoutServers = (given: unknown): Node => {
  const { servers: _elsewhere, ...rest } = nodeOf(given);
  return rest;
};

const speaksOfTokens = ({ type, scheme }: Node): boolean =>
  type === 'oauth2' || type === 'openIdConnect' || (type === 'http' && scheme === 'bearer');

const isKey = ({ type, in: place, name }: Node, keyHeader: string): boolean =>
  type === 'apiKey' && place === 'header' && String(name).toLowerCase() === keyHeader.toLowerCase();

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
