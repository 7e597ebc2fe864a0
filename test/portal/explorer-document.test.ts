import type { Offer } from '../../src/portal/api-access.ts';
import { explorerDocument } from '../../src/portal/api-explorer.ts';

const offer: Offer = {
  productId: 'read',
  productName: 'Read',
  environment: 'sandbox',
  baseUrl: 'https://api.example/v1',
  grantTypes: ['authorization_code'],
  credentials: 'key_and_token',
  keyHeader: 'X-Key',
  needsApproval: false,
  open: true,
  scopes: ['read'],
  rights: [],
};

test('no part of a document names another server: key and token would go there', () => {
  const servers = [{ url: 'https://elsewhere.example' }];
  const document = explorerDocument(
    {
      openapi: '3.1.0',
      servers,
      paths: {
        '/a': {
          servers,
          summary: 'Things',
          parameters: [],
          get: { operationId: 'a', servers },
          post: { operationId: 'b', servers, security: [{ oauth2: ['read'] }] },
        },
      },
      components: { securitySchemes: { oauth2: { type: 'oauth2', flows: {} } } },
    },
    {
      offers: [offer],
      baseUrl: 'https://portal.example',
      client: { id: '', redirectUri: 'https://portal.example/callback' },
    },
  );
  expect(JSON.stringify(document)).not.toContain('elsewhere');
  expect(document.paths).toEqual({
    '/a': {
      summary: 'Things',
      parameters: [],
      get: { operationId: 'a' },
      post: { operationId: 'b', security: [{ sandgate: ['read'], subscription_key: [] }] },
    },
  });
});

describe('the document asks for what the product asks for', () => {
  const written = {
    openapi: '3.1.0',
    security: [{ oauth2: ['read'], itsKey: [] }],
    paths: { '/open': { get: { operationId: 'a', security: [] } } },
    components: {
      securitySchemes: {
        oauth2: { type: 'oauth2', flows: {} },
        itsKey: { type: 'apiKey', in: 'header', name: 'x-key' },
        other: { type: 'apiKey', in: 'query', name: 'tenant' },
      },
    },
  };
  const documentOf = (credentials: Offer['credentials']) =>
    explorerDocument(written, {
      offers: [{ ...offer, credentials }],
      baseUrl: 'https://portal.example',
      client: { id: '', redirectUri: 'https://portal.example/callback' },
    });

  test.each([
    ['key_and_token', { sandgate: ['read'], subscription_key: [] }],
    ['key', { subscription_key: [] }],
    ['token', { sandgate: ['read'] }],
  ] as const)('%s', (credentials, security) => {
    const document = documentOf(credentials);
    expect(document.security).toEqual([security]);
    const { securitySchemes } = document.components as { securitySchemes: object };
    expect(Object.keys(securitySchemes)).toEqual(['other', ...Object.keys(security)]);
    expect(document.paths).toMatchObject({ '/open': { get: { security: [] } } });
  });

  test('a key stands in the header where calls are to show it', () => {
    expect(documentOf('key').components).toMatchObject({
      securitySchemes: { subscription_key: { type: 'apiKey', in: 'header', name: 'X-Key' } },
    });
  });
});
