/** What a subject is in one environment: an account has one only where it was given one. */
export type Profile = {
  role: string;
  /** Standard claims (OpenID Connect Core section 5.1), ready for an ID token or userinfo. */
  claims: Record<string, unknown>;
  /** Id of the patient that the subject is, or acts for. */
  patient: string | null;
};
