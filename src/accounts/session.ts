/** One browser in which a person is signed in on our hosted pages. No subject's session of an issuer. */
export type AccountSession = {
  /** SHA-256 of the cookie's value: tells sessions apart, and opens nothing. */
  id: string;
  accountId: string;
  createdAt: Date;
  /** To the minute. */
  seenAt: Date;
  /** When the password was last given. */
  authenticatedAt: Date;
  /** Whether that is so recent that the email, the password or a second factor may be changed. */
  fresh: boolean;
  userAgent: string;
  address: string;
  /** What a person would call it, such as "Firefox on Linux". */
  label: string;
};

/** Seconds. Whichever comes first ends a session. */
export const sessionEnds = { idle: 2 * 3600, absolute: 12 * 3600 } as const;

/** Seconds after the password was given. */
export const freshness = 10 * 60;

/** Seconds between two notes of when a session was last seen. */
export const seenEvery = 60;

/** In this order: each browser also claims to be those below it. */
const browsers: readonly [RegExp, string][] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\b(OPR|Opera)\//, 'Opera'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS|Chromium|HeadlessChrome)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const systems: readonly [RegExp, string][] = [
  [/\bWindows\b/, 'Windows'],
  [/\b(iPhone|iPod)\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X|Macintosh\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/** Without versions, so that an update does not make it another device. */
export function labelOf(userAgent: string): string {
  const named = (table: readonly [RegExp, string][]) =>
    table.find(([pattern]) => pattern.test(userAgent))?.[1];
  const browser = named(browsers) ?? 'A browser';
  const system = named(systems);
  return system ? `${browser} on ${system}` : browser;
}
