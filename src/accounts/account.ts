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
};

export const administratorRoles = [
  'approver',
  'publisher',
  'support', // reads only
  'auditor',
  'owner',
] as const;
export type AdministratorRole = (typeof administratorRoles)[number];
