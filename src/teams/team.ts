/** Owns subscriptions, clients and own test users; every account is born with a team of one. */
export type Team = {
  id: string;
  name: string;
  createdAt: Date;
};

export type MemberRole = 'owner' | 'member';
