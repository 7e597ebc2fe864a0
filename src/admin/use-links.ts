import type { KeptRefusal } from '../usage/report-refusal-store.ts';

/** The desk's pages of what a refused call named; null: there is none, or it is gone. */
export const linksOf = (refusal: KeptRefusal) => ({
  api: refusal.apiName === null ? null : `/admin/apis/${refusal.apiId}`,
  product: refusal.productName === null ? null : `/admin/products/${refusal.productId}`,
  subscription:
    refusal.subscriptionName === null ? null : `/admin/approvals/${refusal.subscriptionId}`,
  application: refusal.clientName === null ? null : `/admin/clients/${refusal.clientId}`,
  team: refusal.teamName === null ? null : `/admin/teams/${refusal.teamId}`,
});
