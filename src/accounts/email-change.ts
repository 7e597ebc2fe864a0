/** A new address that an account asked for and has not proven yet: until then nothing changes. */
export type EmailChange = {
  accountId: string;
  /** New at every request. */
  id: string;
  email: string;
};

/** Hours that link and code are good for. */
export const emailChangeHours = 24;

/** `priya.nair@larkfield.example` → `p…@larkfield.example`: enough to be known again, and no more. */
export function masked(email: string): string {
  const at = email.lastIndexOf('@');
  return `${[...email][0] ?? ''}…${email.slice(at)}`;
}
