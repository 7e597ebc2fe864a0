/** A new address that an account asked for and has not proven yet: until then nothing changes. */
export type EmailChange = {
  accountId: string;
  /** New at every request. */
  id: string;
  email: string;
};

/** Hours that link and code are good for. */
export const emailChangeHours = 24;

export { masked } from '../base/masked.ts';
