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
