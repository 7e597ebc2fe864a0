import type { Reason } from '../usage/reason.ts';
import type { KeptRefusal } from '../usage/report-refusal-store.ts';

/** Where a refused call is mended. `ours`: on a page that a programme may do without. */
export type Mend = { href: string; text: string; ours: boolean };

type Known = Pick<
  KeptRefusal,
  'apiId' | 'productId' | 'subscriptionId' | 'clientId' | 'isApplication'
>;

const guide: Mend = { href: '/guide', text: 'How to get a token', ours: true };

const keys = ({ subscriptionId }: Known): Mend =>
  subscriptionId
    ? { href: `/subscriptions/${subscriptionId}#keys`, text: 'Its keys', ours: false }
    : { href: '/', text: 'Your subscriptions', ours: false };

const subscription = ({ subscriptionId }: Known): Mend =>
  subscriptionId
    ? { href: `/subscriptions/${subscriptionId}`, text: 'The subscription', ours: false }
    : { href: '/', text: 'Your subscriptions', ours: false };

const product = ({ productId }: Known): Mend =>
  productId
    ? { href: `/products/${productId}`, text: 'What this product asks for', ours: false }
    : { href: '/products', text: 'Products', ours: false };

const api = ({ apiId }: Known): Mend =>
  apiId
    ? { href: `/apis/${apiId}`, text: 'The API’s page', ours: true }
    : { href: '/apis', text: 'APIs', ours: true };

const application = ({ clientId, isApplication }: Known): Mend =>
  isApplication
    ? { href: `/applications/${clientId}`, text: 'The application', ours: false }
    : { href: '/applications', text: 'Your applications', ours: false };

const use = ({ subscriptionId }: Known): Mend => ({
  href: subscriptionId
    ? `/use?${new URLSearchParams({ by: 'hour', subscription: subscriptionId })}`
    : '/use',
  text: 'Your calls by the hour',
  ours: false,
});

const nobody = (): null => null;

const mends: Readonly<Record<Reason, (known: Known) => Mend | null>> = {
  key_missing: keys,
  key_malformed: keys,
  key_unknown: keys,
  key_expired: keys,
  subscription_inactive: subscription,
  subscription_other_product: api,
  key_wrong_environment: subscription,
  token_missing: () => guide,
  token_malformed: () => guide,
  token_id_token: () => guide,
  token_expired: () => guide,
  token_forged: () => guide,
  token_wrong_issuer: product,
  token_other_product: product,
  token_revoked: () => guide,
  token_client_stopped: application,
  token_not_of_subscription: application,
  scope_missing: product,
  operation_unknown: api,
  product_unavailable: () => ({ href: '/products', text: 'Products', ours: false }),
  suspended: subscription,
  rate_exceeded: use,
  quota_exceeded: use,
  gateway_unknown: nobody,
  api_unknown: nobody,
  unavailable: nobody,
};

/** The page on which whoever made the call mends it; null: it is not theirs to mend. */
export const mendOf = (refusal: Known & { reason: string }): Mend | null =>
  Object.hasOwn(mends, refusal.reason) ? mends[refusal.reason as Reason](refusal) : null;

/** The pages of what the call named; null: there is none, or it is gone. */
export const linksOf = (refusal: KeptRefusal) => ({
  api: null, // only where there is a catalogue of ours; the mend says so where it helps
  product: refusal.productName === null ? null : `/products/${refusal.productId}`,
  subscription:
    refusal.subscriptionName === null ? null : `/subscriptions/${refusal.subscriptionId}`,
  application: refusal.isApplication ? `/applications/${refusal.clientId}` : null,
  team: refusal.teamName === null ? null : `/teams/${refusal.teamId}`,
});
