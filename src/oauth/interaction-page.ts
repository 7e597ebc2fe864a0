import type { Client, Provider } from 'oidc-provider';
import { withReturn } from '../accounts/registration-return.ts';
import type { Environment } from '../base/environment.ts';
import { scopesOf } from '../base/scopes.ts';
import type { ClientProduct } from '../clients/client.ts';
import { behaviourWords } from '../test-users/behaviour.ts';
import type { TestUser } from '../test-users/test-user.ts';
import { productByAudience, recordOf } from './client-metadata.ts';
import type { Subject } from './subjects.ts';

/** One login or consent prompt of oidc-provider, keyed by `uid`, and what it is about. */
export type Prompt = {
  details: Awaited<ReturnType<Provider['interactionDetails']>>;
  client: Client;
  product: ClientProduct;
  /** Scopes, defaults filled in. */
  asked: string[];
  /** Who has a session with this issuer; null where the prompt asks for a new sign-in. */
  signedIn: Subject | null;
  /** The team whose own test users this browser is shown by name; null: no team's. */
  showsOwnOf: string | null;
};

export async function promptOf(
  details: Prompt['details'],
  provider: Provider,
  findSubject: (sub: string) => Promise<Subject | undefined>,
): Promise<Prompt | undefined> {
  const client = await provider.Client.find(String(details.params.client_id));
  const product = client && productByAudience(recordOf(client), String(details.params.resource));
  if (!client || !product) return undefined;
  const sub = details.prompt.name === 'consent' ? details.session?.accountId : undefined;
  return {
    details,
    client,
    product,
    asked: scopesOf(details.params.scope as string | undefined),
    signedIn: (sub && (await findSubject(sub))) || null,
    showsOwnOf: null,
  };
}

/** What was typed or chosen before, and what was wrong with it. */
export type Earlier = {
  useTestUser?: boolean;
  testUser?: string;
  username?: string;
  error?: string;
};

/** The page object of views/oauth/authorize.ejs. */
export function authorizePage(
  prompt: Prompt,
  place: { environment: Environment; action: string; csrf: string },
  personas: readonly TestUser[],
  choice: { lastUsed: string | undefined; earlier?: Earlier },
): object {
  const { client, product, signedIn } = prompt;
  const { lastUsed, earlier = {} } = choice;
  const record = recordOf(client);
  const withTestUsers = place.environment === 'sandbox' && product.subjects !== 'accounts';
  const first = signedIn?.kind === 'test_user' ? signedIn.sub : lastUsed;
  return {
    ...place,
    application: record.name,
    team: record.teamName,
    product: product.name,
    scopes: inWords(prompt),
    testUsers: withTestUsers
      ? firstOnTop(personas, first).map((one) => shown(one, lastUsed))
      : null,
    useTestUser: earlier.useTestUser ?? (withTestUsers && signedIn?.kind !== 'account'),
    testUser: earlier.testUser ?? first ?? null,
    askPassword: signedIn?.kind !== 'account',
    signedInAs: signedIn?.kind === 'account' ? signedIn.name : null,
    accountsToo: product.subjects !== 'test_users',
    username: earlier.username ?? '',
    error: earlier.error ?? null,
    notice: noticeFor(prompt),
    links: {
      forgotten: withReturn('/forgot', place.action),
      register: withReturn('/register', place.action),
    },
  };
}

/** The page object of views/oauth/authorize-code.ejs. */
export const codePage = (
  { client }: Prompt,
  place: { environment: Environment; action: string; csrf: string },
  { problem = null, byRecovery = false }: { problem?: string | null; byRecovery?: boolean },
): object => ({ ...place, application: recordOf(client).name, problem, byRecovery });

const oidcWords: Readonly<Record<string, string>> = {
  profile: 'See the name and profile',
  email: 'See the email address',
  offline_access: 'Keep this access until it is withdrawn',
};

/** Each sentence once: `user/` and `patient/` scopes often say the same to a person. */
function inWords({ product, asked }: Prompt): string[] {
  const described = new Map(product.scopes.map(({ scope, description }) => [scope, description]));
  const words = asked.map((scope) =>
    scope in oidcWords || scope === 'openid' ? oidcWords[scope] : (described.get(scope) ?? scope),
  );
  const api = asked.some((scope) => !(scope in oidcWords) && scope !== 'openid');
  const known = words.filter((word) => word !== undefined);
  return [...new Set(known.length > 0 || api ? known : ['Know that you signed in'])];
}

/** Said beforehand to whoever may come with less than they expect. */
function noticeFor({ product, signedIn }: Prompt): string | null {
  if (signedIn?.kind === 'account' && signedIn.role === null) {
    return 'You have no role here yet, so this shares your sign-in, name and email only. An administrator of the programme can give you one.';
  }
  return !signedIn && product.subjects === 'accounts'
    ? 'An account without a role here shares its sign-in, name and email only.'
    : null;
}

const shown = (
  { id, name, title, role, about, behaviour }: TestUser,
  lastUsed: string | undefined,
) => ({
  id,
  name,
  role: title || role,
  about: behaviour ? `${behaviourWords[behaviour].name}. ${about}` : about,
  lastUsed: id === lastUsed,
});

const firstOnTop = (personas: readonly TestUser[], id: string | undefined): TestUser[] => [
  ...personas.filter((one) => one.id === id),
  ...personas.filter((one) => one.id !== id),
];

/** Where the answer of this interaction goes in the end. */
export const redirectUriOf = (prompt: Prompt): string => String(prompt.details.params.redirect_uri);
