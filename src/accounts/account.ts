/** A person who signs in on our hosted pages. */
export type Account = {
  id: string;
  email: string;
  name: string;
  /** Null: may do nothing but verify it. */
  emailVerifiedAt: Date | null;
  /** What the account may do as an administrator; most have none. */
  roles: AdministratorRole[];
  createdAt: Date;
  /** When the password became what it is. */
  passwordChangedAt: Date;
  /** Whether a sign-in asks for more than the password. */
  hasSecondFactor: boolean;
  /** When it was set up; null: there is none. */
  secondFactorSince: Date | null;
};

/** Names what a sign-in was made with: one under another password or second factor counts no more. */
export const credentialsAsOf = ({
  passwordChangedAt,
  secondFactorSince,
}: Pick<Account, 'passwordChangedAt' | 'secondFactorSince'>): string =>
  [passwordChangedAt, secondFactorSince].map((date) => date?.toISOString() ?? 'none').join(' ');

export const administratorRoles = [
  'approver',
  'publisher',
  'support', // reads only
  'auditor',
  'owner',
] as const;
export type AdministratorRole = (typeof administratorRoles)[number];
