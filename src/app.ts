import Koa, { type Context } from 'koa';
import type pg from 'pg';
import { deleteEmailChange } from './accounts/email-change-store.ts';
import { createPasswordRules } from './accounts/password-rules.ts';
import { registrationRoutes } from './accounts/registration-routes.ts';
import { resetRoutes } from './accounts/reset-routes.ts';
import { createSessions, sessionOf } from './accounts/session-cookie.ts';
import { showSignIn, signInRoutes } from './accounts/sign-in-routes.ts';
import { recordAct } from './audit/store.ts';
import { environments } from './base/environment.ts';
import type { Logger } from './base/log.ts';
import type { Passwords } from './base/passwords.ts';
import type { Keyring } from './base/secrets.ts';
import { createThrottle, type Limit } from './db/throttle.ts';
import { createAssets } from './http/assets.ts';
import { csrf } from './http/csrf.ts';
import { errorHandler } from './http/error-handler.ts';
import { health } from './http/health.ts';
import { hostGuard, refuseAbsoluteForm } from './http/host-guard.ts';
import { renderer } from './http/render.ts';
import { requestId } from './http/request-id.ts';
import { requestLog } from './http/request-log.ts';
import { sameOrigin } from './http/same-origin.ts';
import { securityHeaders } from './http/security-headers.ts';
import { mailboxRoutes } from './mail/routes.ts';
import { endAccess } from './oauth/consents.ts';
import { createIssuer } from './oauth/issuers.ts';
import { profileClosingRoutes } from './portal/profile-closing-routes.ts';
import { profileEmailRoutes } from './portal/profile-email-routes.ts';
import { profilePasswordRoutes } from './portal/profile-password-routes.ts';
import { profileRoutes } from './portal/profile-routes.ts';
import { portalRoutes } from './portal/routes.ts';
import { shellOf } from './portal/shell.ts';
import { listAudiencesOf } from './products/api-store.ts';
import { metadataUrlOf, resourceMetadata } from './sandbox/resource-metadata.ts';
import { defaultPrefix, sandboxApi } from './sandbox/routes.ts';
import { foundTeam } from './teams/service.ts';

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
  /** The console's client that the start page tries; null: none. */
  consoleClientId: string | null;
  /** False only for black-box checks, which come from one address. */
  limitAddresses: boolean;
  /** Whether letters stay here and everyone may read them: in development without a mail server. */
  mailbox?: boolean;
};

/** Failures of one name, and of one network address, within five minutes. */
const perName = { points: 20, seconds: 300 };
const perAddress = { points: 100, seconds: 300 };

/** Letters that a stranger can have sent to one recipient, and from one network address, in an hour. */
const lettersPerName = { points: 5, seconds: 3600 };
const lettersPerAddress = { points: 50, seconds: 3600 };
/** Codes typed for one recipient, over all registrations, in a day: a million codes take more than a century. */
const codesPerName = { points: 20, seconds: 86_400 };
const codesPerAddress = { points: 100, seconds: 3600 };

/** The whole server, wired in one place and listening nowhere: commands/start.ts listens, tests do not. */
export async function createApp(parts: AppParts): Promise<Koa> {
  const { pool, keyring, baseUrl, log } = parts;
  const onError = (error: unknown, ctx?: Context) =>
    log.error({ err: error, requestId: ctx?.state.requestId }, 'a request failed');
  const app = new Koa({ keys: [...keyring.cookieKeys], proxy: parts.trustProxy, maxIpsCount: 1 });
  app.on('error', (error, ctx?: Context) => onError(error, ctx));
  const assets = createAssets({ watch: parts.watch });

  app.use(refuseAbsoluteForm());
  app.use(requestId());
  app.use(requestLog({ log }));
  const https = baseUrl.startsWith('https:');
  app.use(securityHeaders({ https }));
  app.use(
    renderer({
      brand: () => parts.brand,
      asset: assets.url,
      cache: !parts.watch,
      shell: shellOf,
    }),
  );
  app.use(errorHandler({ log: onError, showSignIn }));
  app.use(hostGuard({ origin: baseUrl }));
  app.use(health({ ready: async () => (await pool.query('select 1')).rowCount === 1 }));
  app.use(assets.middleware);

  const throttle = createThrottle(pool, {
    purpose: 'sign-in',
    fingerprint: keyring.fingerprint,
    perName,
    perAddress: parts.limitAddresses ? perAddress : null,
  });
  for (const environment of environments) {
    const issuer = await createIssuer(
      { ...parts, throttle, onServerError: onError, record: (act) => recordAct(pool, act) },
      environment,
    );
    for (const middleware of issuer.middleware) app.use(middleware);
  }

  const issuer = `${baseUrl}/sandbox`;
  const sample = { issuer, baseUrl, prefix: defaultPrefix };
  const metadata = metadataUrlOf(sample);
  app.use(resourceMetadata(sample).routes());
  app.use(
    sandboxApi({
      ...sample,
      jwksUri: `${issuer}/jwks`,
      audiences: () => listAudiencesOf(pool, { apiId: 'patient-record', environment: 'sandbox' }),
    }).routes(),
  );
  const sessions = createSessions({ pool, https });
  app.use(sameOrigin({ origin: baseUrl }));
  app.use(sessions.middleware);
  app.use(csrf({ keyring, https, boundTo: (ctx) => sessionOf(ctx)?.id ?? null }));
  app.use(signInRoutes({ ...parts, throttle, sessions, https }).routes());
  const rules = createPasswordRules({ words: [parts.brand] });
  const limited = (purpose: string, perName: Limit, perAddress: Limit) =>
    createThrottle(pool, {
      purpose,
      fingerprint: keyring.fingerprint,
      perName,
      perAddress: parts.limitAddresses ? perAddress : null,
    });
  const throttles = {
    register: limited('register', lettersPerName, lettersPerAddress),
    resend: limited('resend', lettersPerName, lettersPerAddress),
    code: limited('code', codesPerName, codesPerAddress),
  };
  app.use(registrationRoutes({ ...parts, rules, sessions, throttles, foundTeam }).routes());
  app.use(
    resetRoutes({
      ...parts,
      rules,
      throttle: limited('reset', lettersPerName, lettersPerAddress),
      onPasswordChanged: async (tx, accountId) => {
        await sessions.endAll(tx, accountId);
        await deleteEmailChange(tx, accountId);
        await endAccess(tx, accountId);
      },
    }).routes(),
  );
  app.use(profileRoutes({ pool }).routes());
  app.use(
    profilePasswordRoutes({
      ...parts,
      rules,
      sessions,
      throttle: limited('new-password', perName, perAddress),
    }).routes(),
  );
  app.use(
    profileEmailRoutes({
      ...parts,
      throttles: {
        letter: limited('new-email', lettersPerName, lettersPerAddress),
        code: limited('new-email-code', codesPerName, codesPerAddress),
      },
    }).routes(),
  );
  app.use(profileClosingRoutes({ pool, sessions }).routes());
  if (parts.mailbox) app.use(mailboxRoutes(parts).routes());
  const url = `${baseUrl}${defaultPrefix}`;
  app.use(portalRoutes({ ...parts, sampleApi: { url, metadata } }).routes());
  return app;
}
