import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa, { type Context } from 'koa';
import { createAssets } from '../src/http/assets.ts';
import { errorHandler } from '../src/http/error-handler.ts';
import { renderer } from '../src/http/render.ts';
import { requestId } from '../src/http/request-id.ts';
import {
  allowFormActionTo,
  keepOpener,
  keepPopups,
  securityHeaders,
} from '../src/http/security-headers.ts';

const testUsers = [
  ['gp', 'Dr Asha Menon', 'GP', 'Sees every patient of her surgery and may prescribe.'],
  [
    'nurse',
    'Tomasz Lind',
    'Ward nurse',
    'Reads all patients of Ward 4 and records their observations.',
  ],
  ['pharmacist', 'Grace Obi', 'Pharmacist', 'Reads medicines and allergies, and nothing else.'],
  [
    'receptionist',
    'Kit Harrow',
    'Receptionist',
    'Names and addresses only. Good for trying refusals.',
  ],
  ['patient', 'Margaret Vale', 'Patient', 'Sees her own record, NM-0007.'],
  ['carer', 'Owen Vale', 'Carer', 'Acts for Margaret Vale and sees her record, NM-0007.'],
].map(([id, name, role, about], index) => ({ id, name, role, about, lastUsed: index === 0 }));

const popup = {
  action: '#done',
  csrf: 'a-token',
  environment: 'sandbox',
  application: 'Ward Round Helper',
  team: 'Larkfield Software',
  product: 'Read Records',
  scopes: [
    'Read names, addresses and dates of birth',
    'Read observations and test results',
    'Read medicines and allergies',
  ],
  testUsers,
  useTestUser: true,
  testUser: 'gp',
  askPassword: true,
  signedInAs: null,
  accountsToo: true,
  username: '',
  error: null,
  notice: null,
  links: { forgotten: '#forgotten', register: '#register' },
};

const more = [
  ...popup.scopes,
  ...['letters', 'referrals', 'care plans', 'appointments'].map((x) => `Read ${x}`),
];
const live = { environment: 'live', testUsers: null, useTestUser: false };

/** Every state of the pop-up worth a look, as what differs from the plain one. */
const popups: Readonly<Record<string, object>> = {
  'test-user': {},
  'test-user-first-party': { team: null, testUser: 'carer' },
  'test-user-error': { error: 'This test user is no longer there. Choose another.' },
  'test-user-more': {
    scopes: more,
    testUsers: [...testUsers, ...testUsers.map((x) => ({ ...x, id: `${x.id}2` }))],
  },
  'test-user-none': { testUsers: [], useTestUser: false, accountsToo: false },
  credentials: { useTestUser: false, username: 'priya.nair@larkfield.example' },
  'credentials-error': {
    useTestUser: false,
    username: 'priya.nair@larkfield.example',
    error: 'Username or password is wrong.',
  },
  live,
  'live-consent': { ...live, askPassword: false, signedInAs: 'priya.nair@larkfield.example' },
  'live-notice': {
    ...live,
    askPassword: false,
    signedInAs: 'priya.nair@larkfield.example',
    scopes: ['Know who you are', 'See your email address'],
    notice:
      'Your account has no role in this programme yet, so the application only learns who you are.',
  },
  'long-words': {
    application:
      'Zusammenarbeitsverwaltungsanwendungsentwicklungsumgebung for hospitals and surgeries',
    team: 'The Larkfield Software Cooperative of Northmoor and the Western Dales Limited',
  },
};

const home = (origin: string) => ({
  issuers: { sandbox: `${origin}/sandbox`, live: `${origin}/live` },
  console: {
    clientId: 'console_sub_82Lw',
    authorizationEndpoint: '/sandbox/auth',
    tokenEndpoint: '/sandbox/token',
    redirectUri: `${origin}/callback`,
    scope: 'openid profile user/Patient.rs',
  },
  sample: {
    url: `${origin}/sample/fhir/Patient/NM-0007`,
    metadata: `${origin}/.well-known/oauth-protected-resource/sample/fhir`,
  },
});

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = {
  sub: 'tu_gp_menon',
  name: 'Dr Asha Menon',
  scope: 'user/Patient.rs',
  client_id: 'console_sub_82Lw',
  env: 'sandbox',
  test_user: true,
};
const accessToken = `${segment({ alg: 'RS256', typ: 'at+jwt', kid: 'k1' })}.${segment(claims)}.${'s'.repeat(86)}`;

type Handler = (ctx: Context, origin: string) => Promise<void> | void;

const onPurpose = new Error('on purpose');
const inPopup = { layout: 'popup-layout' } as const;
const logoutForm = '<form id="op.logoutForm" method="post" action="#done"></form>';

/** What stands where; the pop-up's states and the sample API lie beside it. */
const pages: Readonly<Record<string, Handler>> = {
  '/': (ctx, origin) => {
    keepPopups(ctx);
    return ctx.render('start/home', home(origin));
  },
  '/empty': (ctx, origin) =>
    ctx.render('start/home', { ...home(origin), console: null, sample: null }),
  '/callback': (ctx) => {
    keepOpener(ctx);
    return ctx.render('start/callback', {}, inPopup);
  },
  '/sandbox/auth': (ctx) => {
    allowFormActionTo(ctx, String(ctx.query.redirect_uri));
    return ctx.render(
      'oauth/authorize',
      { ...popup, action: `/sandbox/decide${ctx.search}` },
      inPopup,
    );
  },
  '/sandbox/decide': (ctx) => {
    const answer = new URLSearchParams({ code: 'c0de', state: String(ctx.query.state) });
    ctx.status = 303;
    ctx.redirect(`${ctx.query.redirect_uri}?${answer}`);
  },
  '/sandbox/token': (ctx) => {
    const { scope } = claims;
    ctx.body = { access_token: accessToken, token_type: 'Bearer', expires_in: 600, scope };
  },
  '/sample/fhir/Patient/NM-0007': (ctx) => {
    const name = [{ family: 'Vale', given: ['Margaret', 'Rose'] }];
    ctx.body = { resourceType: 'Patient', id: 'NM-0007', name, birthDate: '1951-05-28' };
  },
  '/sandbox/logout': (ctx) =>
    ctx.render(
      'oauth/logout',
      { form: logoutForm, application: popup.application, environment: 'sandbox' },
      inPopup,
    ),
  '/sandbox/logged-out': (ctx) =>
    ctx.render(
      'oauth/logged-out',
      { application: popup.application, environment: 'sandbox' },
      inPopup,
    ),
  '/sandbox/refused': (ctx) =>
    ctx.render(
      'error',
      {
        status: 400,
        error: 'invalid_redirect_uri',
        error_description:
          'The application asked us to return you to an address that it has not registered. To keep you safe we stopped here. Nothing was shared.',
      },
      inPopup,
    ),
  '/broken': () => {
    throw onPurpose;
  },
};

/** The views with invented data, behind the real middleware. Listens on a free port of this machine. */
export async function startSamplePages(): Promise<{ origin: string; close(): void }> {
  const app = new Koa();
  const assets = createAssets({ watch: true });
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  app.use(requestId());
  app.use(securityHeaders({ https: false }));
  app.use(
    renderer({
      brand: () => 'Northmoor Shared Care Record',
      asset: assets.url,
      cache: false,
      shell: () => ({ foot: [{ href: '/#help', text: 'Help' }] }),
    }),
  );
  app.use(errorHandler({ log: (error) => error !== onPurpose && console.error(error) }));
  app.use(assets.middleware);
  app.use(async (ctx, next) => {
    const state = popups[ctx.path.replace('/sandbox/popup/', '')];
    if (state) await ctx.render('oauth/authorize', { ...popup, ...state }, inPopup);
    else await (pages[ctx.path] ?? next)(ctx, origin);
  });
  server.on('request', app.callback());

  return { origin, close: () => server.close() };
}

export const popupStates = Object.keys(popups);
