import type { Account } from '../accounts/account.ts';
import type { Environment } from '../base/environment.ts';
import { Busy, TooMany } from '../base/errors.ts';
import { failsToSignIn } from './behaviours.ts';
import { recordOf } from './client-metadata.ts';
import { decide } from './consent.ts';
import type { Prompt } from './interaction-page.ts';
import type { SignIn } from './sign-in.ts';
import { type FindSubject, type Subject, takes } from './subjects.ts';

/** What the page sent. */
export type Given = {
  use_test_user?: 'yes' | undefined;
  test_user?: string | undefined;
  username: string;
  password: string;
  /** The network address it came from. */
  address: string;
  /** As in Credentials. */
  device: Buffer | null;
};

/** Who it is about, and how they showed it: `pwd` alone, or with a second factor. */
export type Chosen = { subject: Subject; by: 'persona' | 'pwd' | 'second factor' | 'session' };
/** The password is right, and nobody is in before the second factor. */
type Waits = { waits: Account };
/**
 * What is wrong, in a sentence; `retryAfter` in seconds where waiting helps; `failed` where somebody
 * tried a password, in the trail's words, and the account that it was aimed at.
 */
export type Problem = {
  problem: string;
  status: number;
  retryAfter?: number;
  failed?: string;
  aimedAt?: string | undefined;
};

/** Whom the form names, where the product takes them and they may share any of what is asked. */
export async function choose(
  parts: { environment: Environment; findSubject: FindSubject; signIn: SignIn },
  prompt: Prompt,
  given: Given,
): Promise<Chosen | Waits | Problem> {
  try {
    const chosen = await named(parts, prompt, given);
    return 'subject' in chosen ? allowed(parts.environment, prompt, chosen) : chosen;
  } catch (error) {
    if (!(error instanceof TooMany || error instanceof Busy)) throw error;
    const { message, retryAfter } = error; // waiting is the one thing to do; what was typed stays
    if (error instanceof Busy) return { problem: message, status: 503, retryAfter };
    const refused = { problem: message, status: 429, retryAfter };
    if (!error.first) return refused; // the trail has one line of it
    const aimedAt = await parts.signIn.aimedAt(given.username, prompt.product);
    return { ...refused, failed: 'too many attempts', aimedAt };
  }
}

const wrong = (problem: string): Problem => ({ problem, status: 422 });

async function named(
  { environment, findSubject, signIn }: Parameters<typeof choose>[0],
  { product, client, signedIn, showsOwnOf }: Prompt,
  given: Given,
): Promise<Chosen | Waits | Problem> {
  if (given.use_test_user && environment === 'sandbox') {
    const personas = await signIn.listPersonas(product, showsOwnOf);
    const persona = personas.find(({ id }) => id === given.test_user);
    const subject = persona && (await findSubject(persona.id));
    if (!subject) return wrong('Choose one of the test users.');
    if (failsToSignIn(subject)) return wrongSignIn(environment, product);
    return { subject, by: subject.sub === signedIn?.sub ? 'session' : 'persona' };
  }
  if (signedIn?.kind === 'account' && given.username === '') {
    return { subject: signedIn, by: 'session' };
  }
  if (given.username === '' || given.password === '') return wrong('Fill in both fields.');
  const opened = await signIn.byPassword(given, recordOf(client), product);
  if (opened?.waits) return { waits: opened.waits };
  const subject = opened && (await findSubject(opened.sub));
  if (subject) return { subject: { ...subject, passwordAsOf: opened.passwordAsOf }, by: 'pwd' };
  const aimedAt = await signIn.aimedAt(given.username, product);
  return { ...wrongSignIn(environment, product), aimedAt };
}

const wrongSignIn = (environment: Environment, product: Prompt['product']): Problem => ({
  ...wrong(wrongPassword(environment, product)),
  failed: 'wrong username or password',
});

/** Refused means no code, not even for `openid`. */
export function allowed(
  environment: Environment,
  { product, asked, client }: Prompt,
  chosen: Chosen,
): Chosen | Problem {
  const { subject } = chosen;
  if (!takes(product, subject)) return wrong(wrongPassword(environment, product));
  const { oidc, api } = decide(product, subject, asked);
  if (oidc.length + api.length > 0) return chosen;
  return wrong(
    subject.role
      ? `${subject.name} cannot do this: the role ${subject.role} allows none of what ${recordOf(client).name} asks for.`
      : `${subject.name} has no role here, and without one none of what is asked for can be shared.`,
  );
}

/** In the sandbox one may have come with the wrong kind; in live there is one kind. */
function wrongPassword(environment: Environment, { subjects }: Prompt['product']): string {
  const sentence = 'Username or password is wrong.';
  if (subjects === 'both' || environment === 'live') return sentence;
  const taken = subjects === 'test_users' ? 'test users' : 'accounts';
  return `${sentence} This product takes ${taken} only.`;
}
