/** Each is an issuer of its own, with its own signing keys and sessions; nothing crosses over. */
export const environments = ['sandbox', 'live'] as const;
export type Environment = (typeof environments)[number];
