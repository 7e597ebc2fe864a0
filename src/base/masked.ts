/** `priya.nair@larkfield.example` → `p…@larkfield.example`: enough to be known again, and no more. */
export function masked(email: string): string {
  const at = email.lastIndexOf('@');
  return `${[...email][0] ?? ''}…${email.slice(at)}`;
}
