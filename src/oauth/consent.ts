import type { Grant, KoaContextWithOIDC, Provider } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { scopesOf } from '../base/scopes.ts';
import type { ClientProduct } from '../clients/client.ts';
import { denial, deniesConsent } from './behaviours.ts';
import { isConsole, productByAudience, recordOf } from './client-metadata.ts';
import { addAudience } from './library-seams.ts';
import { apiScopes, isOidcScope, scopesForRole } from './resources.ts';
import { type Subject, type SubjectAccount, takes } from './subjects.ts';
import { actorOf, note } from './trail.ts';

/** What one subject's consent to one request comes to. */
export type Decision = {
  oidc: string[];
  api: string[];
  /** Asked for, but not for this subject's role: kept on the grant, so that nobody is asked again. */
  refused: string[];
};

/** A token's scope = asked ∩ product ∩ what the subject's role allows; the product was checked before. */
export function decide(
  product: ClientProduct,
  subject: Pick<Subject, 'role'>,
  asked: readonly string[],
): Decision {
  const api = scopesForRole(product, subject.role, asked);
  return {
    oidc: asked.filter(isOidcScope),
    api,
    refused: apiScopes(asked).filter((scope) => !api.includes(scope)),
  };
}

/** Writes the decision onto a grant, over any earlier one about the same scopes. */
export function applyDecision(grant: Grant, resource: string, decision: Decision): void {
  delete grant.rejected;
  addAudience(grant, resource);
  if (decision.oidc.length > 0) grant.addOIDCScope(decision.oidc.join(' '));
  if (decision.api.length > 0) grant.addResourceScope(resource, decision.api.join(' '));
  if (decision.refused.length > 0) grant.rejectResourceScope(resource, decision.refused.join(' '));
}

/**
 * oidc-provider's `loadExistingGrant`. A console's grant is always a new one; any other client keeps
 * one grant per session, so that signing out ends all that was issued in it.
 */
export async function loadGrant(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { client, result, provider } = ctx.oidc;
  const { subject } = ctx.oidc.account as SubjectAccount; // asked for only with a subject at hand
  if (!client) return undefined;
  if (deniesConsent(subject)) throw new errors.AccessDenied(denial);

  const known = isConsole(client) ? undefined : await grantOfSession(ctx, provider, subject);
  if (!result?.consent) return known;

  const resource = String(ctx.oidc.params?.resource);
  const product = productByAudience(recordOf(client), resource);
  if (!product || !takes(product, subject)) {
    throw new errors.AccessDenied('This product does not take such a subject.');
  }
  const grant = known ?? new provider.Grant({ clientId: client.clientId, accountId: subject.sub });
  const asked = scopesOf(ctx.oidc.params?.scope as string | undefined);
  const decision = decide(product, subject, asked);
  applyDecision(grant, resource, decision);
  await grant.save();
  note(ctx, {
    actor: actorOf(subject.sub),
    action: 'consent.given',
    subject: { kind: 'client', id: client.clientId },
    detail: { product: product.id, scopes: [...decision.oidc, ...decision.api] },
  });
  return grant;
}

async function grantOfSession(ctx: KoaContextWithOIDC, provider: Provider, subject: Subject) {
  const id = ctx.oidc.session?.grantIdFor(ctx.oidc.client?.clientId ?? '');
  const grant = id ? await provider.Grant.find(id) : undefined;
  return grant?.accountId === subject.sub ? grant : undefined;
}
