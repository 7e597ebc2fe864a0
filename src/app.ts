import type { RequestListener } from 'node:http';
import Koa, { type Context } from 'koa';
import type pg from 'pg';
import { deleteEmailChange } from './accounts/email-change-store.ts';
import { createPasswordRules } from './accounts/password-rules.ts';
import { popUpCookie } from './accounts/pop-up-cookie.ts';
import { registrationRoutes } from './accounts/registration-routes.ts';
import { resetRoutes } from './accounts/reset-routes.ts';
import { createSessions, sessionOf } from './accounts/session-cookie.ts';
import { secondStepRoutes } from './accounts/sign-in-code-routes.ts';
import { forgetTries } from './accounts/sign-in-device.ts';
import { showSignIn, signInRoutes } from './accounts/sign-in-routes.ts';
import { desk } from './admin/desk.ts';
import type { Act } from './audit/act.ts';
import { recordAct } from './audit/store.ts';
import { environments } from './base/environment.ts';
import type { Logger } from './base/log.ts';
import type { Passwords } from './base/passwords.ts';
import type { Keyring } from './base/secrets.ts';
import { createKeysAt, type KeysAt } from './clients/remote-keys.ts';
import type { Db } from './db/pool.ts';
import type { Throttle } from './db/throttle.ts';
import { type Limited, throttlesOf } from './db/throttles.ts';
import { createFront } from './gateway/front.ts';
import { type BrandFiles, createAssets } from './http/assets.ts';
import { csrf } from './http/csrf.ts';
import { errorHandler } from './http/error-handler.ts';
import { health } from './http/health.ts';
import { hostGuard, refuseAbsoluteForm } from './http/host-guard.ts';
import { createKeptAnswers, type KeptAnswers } from './http/kept-answers.ts';
import { renderer } from './http/render.ts';
import { requestId } from './http/request-id.ts';
import { requestLog } from './http/request-log.ts';
import { sameOrigin } from './http/same-origin.ts';
import { securityHeaders } from './http/security-headers.ts';
import { mailboxRoutes } from './mail/routes.ts';
import { tellProblem } from './management/problem.ts';
import { managementApi, underManagement } from './management/routes.ts';
import { endAccess } from './oauth/consents.ts';
import { createIssuer } from './oauth/issuers.ts';
import type { TokenCheck } from './oauth/token-check.ts';
import { announcements } from './portal/announcements.ts';
import { portalPages } from './portal/pages.ts';
import { profileClosingRoutes } from './portal/profile-closing-routes.ts';
import { profileEmailRoutes } from './portal/profile-email-routes.ts';
import { profilePasswordRoutes } from './portal/profile-password-routes.ts';
import { profileRoutes } from './portal/profile-routes.ts';
import { profileSecondFactorRoutes } from './portal/profile-second-factor-routes.ts';
import { portalRoutes } from './portal/routes.ts';
import { shellWith } from './portal/shell.ts';
import { listAudiencesOf } from './products/api-store.ts';
import { openingTimes } from './sandbox/opening-times.ts';
import { metadataUrlOf, resourceMetadata } from './sandbox/resource-metadata.ts';
import { defaultPrefix, sandboxApi } from './sandbox/routes.ts';
import { foundTeam } from './teams/service.ts';
import { findMember } from './teams/store.ts';

export type AppParts = {
  pool: pg.Pool;
  keyring: Keyring;
  passwords: Passwords;
  log: Logger;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  /** Whether X-Forwarded-* come from a proxy of ours. */
  trustProxy: boolean;
  /** Pages and assets are read anew for each request. */
  watch: boolean;
  /** What the programme calls itself. */
  brand: string;
  /** Files of the operator that take the place of ours. */
  brandFiles?: BrandFiles;
  /** False where an organisation has a portal of its own: no catalogue, no console, no guide. */
  portal?: boolean;
  /** The console's client that the start page tries; null: none. */
  consoleClientId: string | null;
  /** Hosts and networks inside that the console may call; left out: none. */
  relayAllow?: readonly string[];
  /** False only for black-box checks, which come from one address. */
  limitAddresses: boolean;
  /** Whether letters stay here and everyone may read them: in development without a mail server. */
  mailbox?: boolean;
  /** Whether administrators must have a second factor before they may administer. */
  administratorsNeedSecondFactor?: boolean;
  /** Whether a gateway that asks must show who it is. */
  gatewaysShowCredential?: boolean;
};

/** What the rooms share beside the parts. */
type Wired = AppParts & {
  https: boolean;
  throttle: Throttle;
  secondFactorThrottle: Throttle;
  /** Where clients keep their keys; http to this machine will do while we ourselves are there. */
  keysAt: KeysAt;
  kept: KeptAnswers;
  limited: Limited;
  onError: (error: unknown, ctx?: Context) => void;
};

export type App = {
  pages: Koa;
  callback(): RequestListener;
  /** Call it after the last request: writes down what is still to be counted. */
  close(): Promise<void>;
};

/** The whole server, wired in one place and listening nowhere: commands/start.ts listens, tests do not. */
export async function createApp(parts: AppParts): Promise<App> {
  const { keyring, log } = parts;
  const limited = throttlesOf({ ...parts, fingerprint: keyring.fingerprint });
  const wired: Wired = {
    ...parts,
    https: parts.baseUrl.startsWith('https:'),
    keysAt: createKeysAt({ loopback: parts.baseUrl.startsWith('http:') }),
    kept: createKeptAnswers(parts),
    limited,
    throttle: limited('sign-in', 'passwords'), // of the pop-up, the password grant and our own page together
    secondFactorThrottle: limited('second-factor', 'secondFactors'),
    onError: (error, ctx) =>
      log.error({ err: error, requestId: ctx?.state.requestId }, 'a request failed'),
  };
  const app = new Koa({ keys: [...keyring.cookieKeys], proxy: parts.trustProxy, maxIpsCount: 1 });
  app.on('error', wired.onError);

  frame(app, wired);
  const checks = await issuers(app, wired);
  sampleApi(app, wired);
  const management = managementApi({ ...wired, checks });
  app.use(management.router.routes());
  people(app, wired);
  if (parts.mailbox) app.use(mailboxRoutes(parts).routes());
  const url = `${parts.baseUrl}${defaultPrefix}`;
  const metadata = metadataUrlOf(sampleAt(parts));
  app.use(portalRoutes({ ...parts, sampleApi: { url, metadata } }).routes());

  const gateways = await createFront({ ...parts, checks });
  return {
    pages: app,
    callback() {
      const others = app.callback(); // with what was added to the pages by now
      return (req, res) =>
        gateways.answers(req, res) || wired.kept.answers(req, res) || void others(req, res);
    },
    close: () => management.close().then(gateways.close),
  };
}

/** What every request passes, outermost first. */
function frame(app: Koa, { pool, baseUrl, brand, https, log, onError, ...look }: Wired): void {
  const assets = createAssets(look);
  app.use(refuseAbsoluteForm());
  app.use(requestId());
  app.use(requestLog({ log }));
  app.use(securityHeaders({ https }));
  app.use(renderer({ brand: () => brand, assets, cache: !look.watch, shell: shellWith(look) }));
  const api = { owns: underManagement, tell: tellProblem };
  app.use(errorHandler({ log: onError, showSignIn, api }));
  app.use(hostGuard({ origin: baseUrl }));
  app.use(health({ ready: async () => (await pool.query('select 1')).rowCount === 1 }));
  app.use(assets.middleware);
}

/**
 * The protocol, twice. It sees no session of our own pages, but that the sandbox's pop-up shows a
 * team's own test users by name where a member of the team looks.
 */
async function issuers(app: Koa, wired: Wired): Promise<TokenCheck[]> {
  const record = (act: Act) => recordAct(wired.pool, act);
  const sessions = createSessions(wired);
  const isMemberHere = async (ctx: Context, teamId: string): Promise<boolean> => {
    const accountId = await sessions.accountIdHere(ctx);
    return accountId !== null && Boolean(await findMember(wired.pool, { teamId, accountId }));
  };
  const checks: TokenCheck[] = [];
  for (const environment of environments) {
    const parts = { ...wired, onServerError: wired.onError, record, isMemberHere };
    const { middleware, tokens } = await createIssuer(parts, environment);
    for (const one of middleware) app.use(one);
    checks.push(tokens);
  }
  return checks;
}

const sampleAt = ({ baseUrl }: AppParts) => ({
  issuer: `${baseUrl}/sandbox`,
  baseUrl,
  prefix: defaultPrefix,
});

/** A resource server like any other: it knows our issuer by its address only. */
function sampleApi(app: Koa, wired: Wired): void {
  const at = sampleAt(wired);
  const ofSample = { apiId: 'patient-record', environment: 'sandbox' } as const;
  app.use(openingTimes().routes());
  app.use(resourceMetadata(at).routes());
  app.use(
    sandboxApi({
      ...at,
      jwksUri: `${at.issuer}/jwks`,
      audiences: () => listAudiencesOf(wired.pool, ofSample),
    }).routes(),
  );
}

/** Our own pages: from here on forms come from ourselves, and a request knows who is signed in. */
function people(app: Koa, wired: Wired): void {
  const { pool, keyring, https, limited, throttle } = wired;
  const sessions = createSessions({ pool, https });
  const rules = createPasswordRules({ words: [wired.brand] });
  app.use(sameOrigin({ origin: wired.baseUrl }));
  app.use(sessions.middleware);
  app.use(popUpCookie(https).middleware);
  app.use(announcements({ pool }));
  app.use(csrf({ keyring, https, boundTo: (ctx) => sessionOf(ctx)?.id ?? null }));

  app.use(signInRoutes({ ...wired, throttle, sessions }).routes());
  app.use(secondStepRoutes({ ...wired, sessions }).routes());
  const throttles = {
    register: limited('register', 'letters'),
    resend: limited('resend', 'letters'),
    code: limited('code', 'codes'),
  };
  app.use(registrationRoutes({ ...wired, rules, sessions, throttles, foundTeam }).routes());
  const onPasswordChanged = async (tx: Db, accountId: string) => {
    await sessions.endAll(tx, accountId);
    await deleteEmailChange(tx, accountId);
    await endAccess(tx, accountId);
  };
  const reset = limited('reset', 'letters');
  const letIn = ({ accountId, email }: { accountId: string; email: string }) =>
    forgetTries(pool, throttle, { accountId, name: email });
  app.use(resetRoutes({ ...wired, rules, throttle: reset, letIn, onPasswordChanged }).routes());

  app.use(profileRoutes({ pool }).routes());
  const renewal = limited('new-password', 'passwords');
  app.use(profilePasswordRoutes({ ...wired, rules, sessions, letIn, throttle: renewal }).routes());
  app.use(profileSecondFactorRoutes({ ...wired, sessions }).routes());
  const newEmail = {
    account: limited('new-email', 'ownLetters'),
    letter: limited('new-email-to', 'letters'),
    code: limited('new-email-code', 'codes'),
  };
  app.use(profileEmailRoutes({ ...wired, throttles: newEmail }).routes());
  app.use(profileClosingRoutes({ pool, sessions }).routes());

  app.use(portalPages({ ...wired, sessions }).routes());
  app.use(desk({ ...wired, secondFactorRequired: wired.administratorsNeedSecondFactor }).routes());
}
