/**
 * Why a call was refused, for the one whose call it was: which check failed, and how to mend it.
 * Where there is a detail, it says what exactly (a state, names of scopes).
 */
export const reasons = {
  key_missing: {
    says: 'The call had no subscription key.',
    mend: 'Send your subscription key in the header that the API’s page names.',
  },
  key_malformed: {
    says: 'What came as the subscription key is none: it is cut short or changed.',
    mend: 'Copy the whole key again from the page of your subscription.',
  },
  key_unknown: {
    says: 'Nobody has this subscription key, or its subscription is gone.',
    mend: 'Copy the key again from the page of your subscription.',
  },
  key_expired: {
    says: 'This subscription key was replaced or stopped.',
    mend: 'Use the key that your subscription’s page shows now.',
  },
  subscription_inactive: {
    says: 'The subscription of this key is not active.',
    mend: 'See on its page what it waits for, or subscribe again.',
  },
  subscription_other_product: {
    says: 'The subscription of this key is for a product that does not hold this API.',
    mend: 'Use the key of a subscription to a product with this API, or subscribe to one.',
  },
  key_wrong_environment: {
    says: 'The key and the token are of two environments: one of sandbox, one of live.',
    mend: 'Use key and token of the same environment.',
  },
  token_missing: {
    says: 'The call had no access token, and this product asks for one.',
    mend: 'Get an access token and send it as “Authorization: Bearer …”.',
  },
  token_malformed: {
    says: 'What came as the access token cannot be read.',
    mend: 'Send the access token as it was issued, whole and without quotes.',
  },
  token_id_token: {
    says: 'The call came with an ID token. It says who signed in and opens no API.',
    mend: 'Send the access_token of the same answer instead of its id_token.',
  },
  token_expired: {
    says: 'The access token has expired.',
    mend: 'Get a new one, with the refresh token where you have one.',
  },
  token_forged: {
    says: 'The access token’s signature does not fit: we did not sign it as it is.',
    mend: 'Get an access token from this server and send it unchanged.',
  },
  token_wrong_issuer: {
    says: 'The access token is of another issuer than the one of this product’s environment.',
    mend: 'Get it from the issuer that the product’s page names.',
  },
  token_other_product: {
    says: 'The access token is for another product: its audience is not this one.',
    mend: 'Ask for a scope of this product, or name its audience as the resource.',
  },
  token_revoked: {
    says: 'The access token was revoked, or the sign-in that it came from has ended.',
    mend: 'Sign in again and get a new token.',
  },
  token_client_stopped: {
    says: 'The application that got the token is gone, suspended or may no longer call this product.',
    mend: 'See on the application’s page what it is tied to, and get a new token.',
  },
  token_not_of_subscription: {
    says: 'The token is of an application that is not tied to the subscription of the key.',
    mend: 'Tie the application to this subscription, or use the key of the one it is tied to.',
  },
  scope_missing: {
    says: 'The access token lacks a scope that this operation needs.',
    mend: 'Ask for the scope when you get the token; the subscription must allow it.',
  },
  operation_unknown: {
    says: 'The API’s document names no operation for this method and path.',
    mend: 'Compare method and path with the API’s page.',
  },
  product_unavailable: {
    says: 'The product is not in use: it is a draft or has retired.',
    mend: 'Look in the catalogue for the product that follows it.',
  },
  suspended: {
    says: 'An administrator has stopped what this call goes through.',
    mend: 'Ask the programme why, and when it will be back.',
  },
  rate_exceeded: {
    says: 'There were more calls than the product allows in this short time.',
    mend: 'Wait as long as Retry-After says, and spread your calls.',
  },
  quota_exceeded: {
    says: 'The calls that the product allows in this period are used up.',
    mend: 'Wait for the next period, which Retry-After names, or ask for more.',
  },
  gateway_unknown: {
    says: 'The gateway that asked us is not known.',
    mend: 'Whoever runs the gateway must give it a credential of the programme.',
  },
  api_unknown: {
    says: 'The gateway asked about an API that is not in the catalogue.',
    mend: 'Whoever runs the gateway must correct the API’s name in its address.',
  },
  unavailable: {
    says: 'We could not decide: a part of this server was away.',
    mend: 'Try again in a moment.',
  },
} as const satisfies Record<string, { says: string; mend: string }>;

export type Reason = keyof typeof reasons;
