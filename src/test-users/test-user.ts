import type { Profile } from '../accounts/profile.ts';
import type { Behaviour } from './behaviour.ts';

/** A subject that exists only in the sandbox: a persona, shared by all or a team's own; with its sandbox profile. */
export type TestUser = Profile & {
  id: string;
  /** Null: shared by all. */
  teamId: string | null;
  username: string;
  name: string;
  /** What people read beside the name, such as "Ward nurse"; may be empty. */
  title: string;
  /** A line for people who choose one, such as "Reads all patients of Ward 4". */
  about: string;
  /** Published data, kept encrypted all the same: `openTestUserPassword`. */
  sealedPassword: Buffer;
  /** Null: as a person would; of shared ones always. */
  behaviour: Behaviour | null;
};
