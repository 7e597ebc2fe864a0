import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';
import {
  isNative,
  originFault,
  redirectPresets,
  redirectUriFault,
  redirectUriFaults,
  redirectUriWarnings,
} from '../../src/clients/redirect-uri.ts';

const good = [
  'https://app.example.com/callback',
  'https://app.example.com',
  'https://app.example.com/',
  'https://app.example.com:8443/callback',
  'https://app.example.com/callback?tenant=7',
  'https://app.example.com?tenant=7',
  'https://app.example.com/Callback/Mixed',
  'https://app.example.com/@me/back',
  'https://app.example.com/a%20b',
  'https://app.example.com/.well-known/back',
  'https://app.example.com/v1.2/back..html',
  'https://xn--bcher-kva.example/back',
  'https://intranet/back',
  'https://192.0.2.7/back',
  'https://localhost/back',
  'http://localhost/back',
  'http://localhost:8080/callback',
  'http://127.0.0.1/callback',
  'http://127.0.0.1:51004/callback',
  'http://[::1]:51004/callback',
  'http://portal.localhost:3000/oauth2-redirect.html',
  'https://portal.azure.example/signin-oauth/code/callback/server',
  'com.example.app:/oauth2redirect',
  'com.example.app://callback',
  'com.example.app:/a/b?c=d',
  'bruno://app/oauth2/callback',
  'https://oauth.pstmn.io/v1/callback',
  'https://oauth.pstmn.io/v1/browser-callback',
  'https://app.insomnia.rest/oauth/redirect',
];

const bad = [
  '',
  ' ',
  'app.example.com/callback',
  '/callback',
  '//app.example.com/callback',
  'https:',
  'https://',
  'https:///callback',
  'https:app.example.com/callback',
  'https:/app.example.com/callback',
  'http://app.example.com/callback',
  'http://127.0.0.2/callback',
  'http://127.0.0.1.example.com/callback',
  'http://localhost.example.com/callback',
  'http://localhost@evil.example/callback',
  'http://10.0.0.1/callback',
  'https://app.example.com/callback#',
  'https://app.example.com/callback#fragment',
  'https://*.example.com/callback',
  'https://app.example.com/*',
  'com.example.app:/*',
  'https://user@app.example.com/callback',
  'https://user:word@app.example.com/callback',
  'https://app.example.com@evil.example/callback',
  'https://app.example.com%25@evil.example/callback',
  'https://app.example.com%40evil.example/callback',
  'https://@app.example.com/callback',
  'com.example.app://user@host/callback',
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  'javascript://app.example.com/%0aalert(1)',
  'data:text/html,hello',
  'vbscript:msgbox(1)',
  'file:///etc/passwd',
  'blob:https://app.example.com/1',
  'about:blank',
  'java\tscript:alert(1)',
  'https://app.example.com/call back',
  'https://app.example.com/call\nback',
  'https://app.example.com/call\u0000back',
  'https://app.example.com/\u202eback',
  'https://bücher.example/callback',
  'https://app.example.com/straße',
  'https://app.example.com\\@evil.example/callback',
  'https://app.example.com\\callback',
  'https://app.example.com/"onload="',
  'https://app.example.com/<script>',
  'https://app.example.com/a/../b',
  'https://app.example.com/..',
  'https://app.example.com/./b',
  'https://app.example.com/%2e%2e/b',
  'https://app.example.com/%2E%2E/b',
  'https://app.example.com/a%2fb',
  'https://app.example.com/a%5cb',
  'https://app.example.com/a%00b',
  'https://app.example.com/a%0d%0aSet-Cookie:x',
  'https://app.example.com/a%zzb',
  'https://app.example.com/a%2',
  'com.example.app:/../callback',
  'https://App.Example.com/callback',
  'HTTPS://app.example.com/callback',
  'https://app.example.com:443/callback',
  'http://localhost:80/callback',
  'https://app.example.com:99999/callback',
  'https://0x7f.1/callback',
  'https://2130706433/callback',
  'https://app..example.com/callback',
  'https://app.example.com./callback',
  'https://-app.example.com/callback',
  'https://app_one.example.com/callback',
  'https://app.example.com/callback?code=1',
  'https://app.example.com/callback?a=b&state=1',
  'https://app.example.com/callback?iss=1',
  'https://app.example.com/callback?error=1',
  'myapp://callback',
  'myapp:/callback',
  'com.example.app:',
  'com.example.app:/',
  'com.example.app://',
  'Com.Example.App:/callback',
  '1com.example:/callback',
  'bruno://app/oauth2/other',
  'insomnia://oauth/redirect',
  'ftp://app.example.com/callback',
  'ws://app.example.com/callback',
  'mailto:someone@example.com',
  'urn:ietf:wg:oauth:2.0:oob',
  `https://app.example.com/${'a'.repeat(1000)}`,
];

/** What its own schema says of a client with these, in the words of our metadata. */
async function libraryTakes(
  provider: Provider,
  uris: readonly string[],
  authMethod: string,
): Promise<boolean> {
  const validate = (
    provider.Client as unknown as { validate(metadata: object): Promise<void> }
  ).validate({
    client_id: 'x',
    token_endpoint_auth_method: 'none',
    application_type: isNative({ authMethod, redirectUris: uris }) ? 'native' : 'web',
    redirect_uris: uris,
  });
  return validate.then(
    () => true,
    () => false,
  );
}

describe('redirect URIs', () => {
  test.each(good)('%s is good', (uri) => {
    expect(redirectUriFault(uri)).toBeUndefined();
  });

  test.each(bad)('%j is refused, with a sentence', (uri) => {
    expect(redirectUriFault(uri)).toMatch(/^[A-Z].*[a-z0-9./]$/);
  });

  test('what we take oidc-provider takes too, alone and in any pair', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const signing = { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' };
    const provider = new Provider('https://issuer.example', {
      clientAuthMethods: ['none'],
      jwks: { keys: [signing as never] },
      features: { devInteractions: { enabled: false } },
    });
    for (const authMethod of ['none', 'client_secret_basic']) {
      for (const one of good) {
        for (const other of good) {
          const uris = [...new Set([one, other])];
          if (redirectUriFaults(uris, authMethod).length > 0) continue;
          expect([uris, await libraryTakes(provider, uris, authMethod)]).toEqual([uris, true]);
        }
      }
    }
  }, 30_000);

  test('each printable character, in each place, leaves an address that is read in one way', () => {
    const places = [
      'https://app.exa~mple.com/back',
      'https://app.example.com/ba~ck',
      'h~ttps://x.example/',
    ];
    for (const place of places) {
      for (let code = 0; code < 0x180; code += 1) {
        const uri = place.replace('~', String.fromCharCode(code));
        if (redirectUriFault(uri)) continue;
        const url = new URL(uri);
        expect([url.href, url.href.replace('/?', '?')]).toContain(uri);
        expect(url.username + url.password + url.hash).toBe('');
      }
    }
  });

  test('the faults of a list name their places', () => {
    const uris = ['https://a.example/', 'http://a.example/', 'https://a.example/'];
    expect(redirectUriFaults(uris, 'none').map(({ at }) => at)).toEqual([1, 2]);
  });

  test('an app on a device cannot have https on its own machine too', () => {
    const uris = [
      'com.example.app:/back',
      'https://localhost/back',
      'http://portal.localhost/back',
    ];
    expect(redirectUriFaults(uris, 'none').map(({ at }) => at)).toEqual([1, 2]);
    expect(redirectUriFaults(uris.slice(1), 'none')).toEqual([]);
  });

  test('capitals that Azure API Management takes away are warned of, and not refused', () => {
    const uri = 'https://developer.example.com/signin-oauth/code-pkce/callback/Server1';
    expect(redirectUriFault(uri)).toBeUndefined();
    expect(redirectUriWarnings([uri], 'sandbox').join()).toContain('small letters');
    expect(redirectUriWarnings([uri.toLowerCase()], 'sandbox')).toEqual([]);
    expect(redirectUriWarnings(['https://a.example/Other'], 'sandbox')).toEqual([]);
  });

  test('an address of one’s own machine is warned of in live only', () => {
    const uris = ['http://localhost:8080/callback'];
    expect(redirectUriWarnings(uris, 'live').join()).toContain('your own machine');
    expect(redirectUriWarnings(uris, 'sandbox')).toEqual([]);
  });

  test('what the presets name can be had', () => {
    const whole = redirectPresets.flatMap(({ uris }) => uris).filter((uri) => !uri.includes('{'));
    expect(redirectUriFaults(whole, 'none')).toEqual([]);
    expect(whole).toHaveLength(4);
  });
});

describe('allowed origins', () => {
  test.each([
    'https://app.example.com',
    'https://app.example.com:8443',
    'http://localhost:3000',
    'http://[::1]:3000',
  ])('%s is good', (origin) => expect(originFault(origin)).toBeUndefined());

  test.each([
    '',
    'null',
    '*',
    'https://*.example.com',
    'https://app.example.com/',
    'https://app.example.com/path',
    'https://app.example.com?x=y',
    'https://App.example.com',
    'https://app.example.com:443',
    'http://app.example.com',
    'https://user@app.example.com',
    'com.example.app://host',
    'javascript:alert(1)',
    'app.example.com',
  ])('%j is refused', (origin) => {
    expect(originFault(origin)).toMatch(/^[A-Z]/);
  });
});
