/** What all letters about a subscription say. `environment`: "in the sandbox" or "live". */
export type AboutSubscription = {
  name: string;
  product: string;
  team: string;
  environment: string;
  link: string;
};

/** A letter to one person: which one it is, and what its words need. Its views: views/mail/. */
export type Letter =
  | {
      template: 'verify-email';
      /** `hours`: how long the link and the code hold. */
      data: { name: string; link: string; code: string; hours: number };
    }
  | {
      template: 'already-registered';
      data: { name: string; signInLink: string; resetLink: string };
    }
  | { template: 'reset-password'; data: { name: string; link: string; minutes: number } }
  | { template: 'reset-without-account'; data: { registerLink: string } }
  | { template: 'confirm-new-email'; data: { name: string; link: string; code: string } }
  | { template: 'email-changed'; data: { name: string; newEmailMasked: string } }
  | { template: 'password-changed'; data: { name: string } }
  | {
      template: 'second-factor-changed';
      /** `what`: a whole sentence, such as "An authenticator app was added." */
      data: { name: string; what: string };
    }
  | { template: 'second-factor-tried'; data: { name: string } }
  | {
      template: 'new-device';
      /** `when`: as people read it, in UTC; `where`: a network address or a place. */
      data: { name: string; when: string; where: string; browser: string; sessionsLink: string };
    }
  | { template: 'account-deleted'; data: { name: string } }
  | {
      template: 'approval-requested';
      data: AboutSubscription & { asker: string };
    }
  | {
      template: 'subscription-approved' | 'subscription-end-changed';
      /** `until` and `may` are empty where there is no end, and nothing was left out. */
      data: AboutSubscription & { by: string; reason: string; until: string; may: string };
    }
  | {
      template: 'subscription-rejected' | 'subscription-suspended' | 'subscription-resumed';
      data: AboutSubscription & { by: string; reason: string };
    }
  | { template: 'subscription-cancelled'; data: AboutSubscription & { by: string } }
  | {
      template: 'subscription-expires-soon' | 'subscription-expired';
      /** `on`: the last day. */
      data: AboutSubscription & { on: string };
    }
  | {
      template: 'key-regenerated';
      /** `slot`: of its two keys; `oldKey`: "has stopped", or "stops:" and when. */
      data: AboutSubscription & { by: string; slot: string; oldKey: string };
    }
  | {
      template: 'team-invitation';
      /** To somebody who may have no account. `role`: "an owner" or "a member". */
      data: { by: string; team: string; role: string; link: string; days: number };
    }
  | { template: 'team-removed' | 'team-deleted'; data: { name: string; by: string; team: string } }
  | { template: 'team-owner'; data: { name: string; by: string; team: string; link: string } }
  | {
      template: 'access-suspended' | 'access-restored';
      /** `what`: such as "the application Night Batch". `reason`: the administrator's. */
      data: { name: string; what: string; reason: string; link: string };
    }
  | {
      template: 'product-deprecated';
      /** `stops`: its last day, as people say it. `notice`: the publisher's. */
      data: AboutSubscription & { stops: string; notice: string };
    }
  | {
      template: 'application-changed';
      /** `deed`: what `who` has done, before the application's name; `next`: a sentence on what follows. */
      data: {
        name: string;
        who: string;
        deed: string;
        application: string;
        team: string;
        next: string;
        link: string;
      };
    };

export type Template = Letter['template'];

/** The subject, and the first heading: the same words. The programme's name is the sender's. */
const subjects: Readonly<Record<Template, string>> = {
  'verify-email': 'Verify your email address',
  'already-registered': 'You already have an account',
  'reset-password': 'Choose a new password',
  'reset-without-account': 'There is no account with this address',
  'confirm-new-email': 'Confirm your new email address',
  'email-changed': 'Your email address was changed',
  'password-changed': 'Your password was changed',
  'second-factor-changed': 'How you sign in was changed',
  'second-factor-tried': 'Somebody may know your password',
  'new-device': 'New sign-in to your account',
  'account-deleted': 'Your account was deleted',
  'approval-requested': 'A request waits for approval',
  'subscription-approved': 'Your request is approved',
  'subscription-rejected': 'Your request is rejected',
  'subscription-suspended': 'Your subscription is suspended',
  'subscription-resumed': 'Your subscription is active again',
  'subscription-end-changed': 'Your subscription has another end',
  'subscription-cancelled': 'A subscription of your team is cancelled',
  'subscription-expires-soon': 'Your subscription expires soon',
  'subscription-expired': 'Your subscription has expired',
  'key-regenerated': 'A new subscription key was made',
  'team-invitation': 'You are invited to a team',
  'team-removed': 'You were removed from a team',
  'team-deleted': 'A team of yours was deleted',
  'team-owner': 'You are an owner of your team now',
  'access-suspended': 'Your access is suspended',
  'access-restored': 'Your access is back',
  'product-deprecated': 'An API that you use will end',
  'application-changed': 'An application of your team was changed',
};

const secrets: Partial<Record<Template, readonly string[]>> = {
  'verify-email': ['link', 'code'],
  'reset-password': ['link'],
  'confirm-new-email': ['link', 'code'],
  'team-invitation': ['link'],
};

export const subjectOf = ({ template }: { template: Template }): string => subjects[template];

/** The data fields that carry a token or a code, which nobody needs to keep once it is sent. */
export const secretsOf = ({ template }: { template: Template }): readonly string[] =>
  secrets[template] ?? [];

/** What mail programs turn into a link, and nobody is called. */
const linkLike = /:\/\/|@|\bwww\.|[\p{L}\p{N}]\.\p{L}{2}/iu;

/**
 * How a letter begins. Whoever registers chooses the name, and may give somebody else's address:
 * a name that is an advertisement is left out.
 */
export const greetingOf = (name: string | undefined): string =>
  !name || name.length > 80 || linkLike.test(name) ? 'Hello,' : `Hello ${name},`;

/** A name that others chose, in the middle of a letter; `instead` for one that is an advertisement. */
export const quotable = (name: string, instead: string): string =>
  name.length > 80 || linkLike.test(name) ? instead : name;
