/** Each is an issuer of its own, with its own signing keys and sessions; nothing crosses over. */
export type Environment = 'sandbox' | 'live';
