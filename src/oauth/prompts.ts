import { type Configuration, errors, interactionPolicy } from 'oidc-provider';
import type { Environment } from '../base/environment.ts';
import { isConsole, productByAudience, recordOf } from './client-metadata.ts';
import { audiencesOf, passwordOf } from './library-seams.ts';
import { type SubjectAccount, takes } from './subjects.ts';

/** Seconds that a prompt is kept: past its deadline, so that lateness is told to the client. */
export const interactionTtl = 3600;

/** When a person is asked: the library's reasons and some of our own. */
export function prompts(): interactionPolicy.DefaultPolicy {
  const { Check, base } = interactionPolicy;
  const all = base();
  const login = all.get('login');
  login?.checks.add(
    new Check(
      'console_asks_each_time',
      'A console asks who is trying each time.',
      'login_required',
      (ctx) => isConsole(ctx.oidc.client) && !ctx.oidc.result?.login,
    ),
  );
  login?.checks.add(
    new Check('subject_gone', 'Whoever was signed in is here no more.', 'login_required', (ctx) =>
      Boolean(ctx.oidc.session?.accountId && !ctx.oidc.account),
    ),
  );
  login?.checks.add(
    new Check(
      'password_changed',
      'The password or the second factor was changed since the sign-in.',
      'login_required',
      (ctx) => {
        const subject = (ctx.oidc.account as SubjectAccount | undefined)?.subject;
        return subject !== undefined && passwordOf(ctx) !== subject.passwordAsOf;
      },
    ),
  );
  login?.checks.add(
    new Check(
      'subject_not_taken',
      'This product does not take whoever is signed in.',
      'login_required', // what OpenID Connect has a client expect where a sign-in would help
      (ctx) => {
        const { client, account, params } = ctx.oidc;
        const product = client && productByAudience(recordOf(client), String(params?.resource));
        return Boolean(account && product && !takes(product, (account as SubjectAccount).subject));
      },
    ),
  );
  all.get('consent')?.checks.add(
    new Check(
      'resource_not_consented',
      'Nobody was asked about this resource yet.',
      'consent_required',
      (ctx) => {
        const { grant, result, params } = ctx.oidc;
        return !result?.consent && !audiencesOf(grant).includes(String(params?.resource));
      },
    ),
  );
  return all;
}

/** A console has one page: what would need a second one is told to it as an error. */
export function interactionUrl(
  environment: Environment,
  ctx: Parameters<NonNullable<NonNullable<Configuration['interactions']>['url']>>[0],
  uid: string,
): string {
  if (isConsole(ctx.oidc.client) && ctx.oidc.route === 'resume') {
    throw new errors.LoginRequired('This authorization cannot be completed as asked. Start again.');
  }
  return `/${environment}/interaction/${uid}`;
}
