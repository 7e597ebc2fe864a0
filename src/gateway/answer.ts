import type { ServerResponse } from 'node:http';
import type { Policy } from '../usage/purse.ts';
import { reasons } from '../usage/reason.ts';
import type { Refused, Verdict } from './verdict.ts';

type About = {
  requestId: string;
  /** As the gateway named it; goes into an answer only where it is an API of ours. */
  apiId: string;
  keyHeader: string;
  /** A gateway that hands on nothing but 401 and 403 (nginx) asks for 403 in place of all else. */
  folded: boolean;
};

type Headers = Record<string, string | number>;

/** Exactly 200 and empty, or a refusal in the form that Azure API Management gives it. */
export function answer(res: ServerResponse, verdict: Verdict, about: About): void {
  if (!verdict.allowed) {
    refuse(res, verdict, about);
    return;
  }
  const { identity, policies } = verdict;
  const headers: Headers = {
    'X-Request-Id': about.requestId,
    'Cache-Control': 'no-store',
    'Content-Length': 0,
    'X-Subscription-Id': identity.subscriptionId,
    'X-Product-Id': identity.productId,
    'X-Developer-Id': identity.teamId,
    'X-Auth-Subject': identity.subject,
    'X-Auth-Client-Id': identity.clientId,
    'X-Auth-Scope': identity.scope,
    'X-Auth-Test-User': identity.testUser,
    'X-Auth-Environment': identity.environment,
  };
  if (policies.length > 0) Object.assign(headers, policyHeaders(policies));
  res.writeHead(200, headers);
  res.end();
}

function refuse(res: ServerResponse, verdict: Refused, about: About): void {
  const status = about.folded && verdict.status !== 401 ? 403 : verdict.status;
  const message = messageOf(verdict);
  const body = JSON.stringify({
    statusCode: verdict.status,
    message,
    reason: verdict.reason,
    requestId: about.requestId,
  });
  const challenge = challengeOf(verdict, about);
  const headers: Headers = {
    'X-Request-Id': about.requestId,
    'Cache-Control': 'no-store',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    ...policyHeaders(verdict.policies),
    // nginx keeps what the headers say of a subrequest's answer, and never its body
    ...(about.folded && {
      'X-Gateway-Status': verdict.status,
      'X-Gateway-Message': ascii(message),
    }),
    ...(verdict.retryAfter > 0 && { 'Retry-After': verdict.retryAfter }),
    ...(challenge && { 'WWW-Authenticate': challenge }),
  };
  res.writeHead(status, headers);
  res.end(body);
}

/** draft-ietf-httpapi-ratelimit-headers */
export function policyHeaders(policies: readonly Policy[]): Headers {
  const left = policies.map(({ name, remaining, reset }) => `"${name}";r=${remaining};t=${reset}`);
  const rules = policies.map(({ name, calls, seconds }) => `"${name}";q=${calls};w=${seconds}`);
  return policies.length === 0
    ? {}
    : { RateLimit: left.join(', '), 'RateLimit-Policy': rules.join(', ') };
}

/** Of a key no more is said than Azure says: what exactly is wrong with it is for its owner to see. */
function messageOf({ reason }: Refused): string {
  if (reason === 'key_missing') {
    return 'Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.';
  }
  if (reason.startsWith('key_') || reason.startsWith('subscription_')) {
    return 'Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.';
  }
  return `${reasons[reason].says} ${reasons[reason].mend}`;
}

/** One challenge, of the check that failed (RFC 9110 section 11.6.1, RFC 6750 section 3). */
function challengeOf(verdict: Refused, { apiId, keyHeader }: About): string | undefined {
  const { reason, status, scopes } = verdict;
  const realm = `realm="${apiId}"`;
  if (reason === 'scope_missing') {
    return `Bearer ${realm}, error="insufficient_scope", scope="${ascii(scopes.join(' '))}"`;
  }
  if (status !== 401) return undefined;
  if (reason === 'gateway_unknown') return 'Gateway realm="gateway", name="X-Gateway-Key"';
  if (reason === 'token_missing') return `Bearer ${realm}`;
  if (reason.startsWith('token_') || reason === 'key_wrong_environment') {
    const says = ascii(reasons[reason].says);
    return `Bearer ${realm}, error="invalid_token", error_description="${says}"`;
  }
  return `AzureApiManagementKey ${realm}, name="${keyHeader}", type="header"`;
}

/** RFC 6750 section 3: neither quotes nor anything beyond ASCII. */
const ascii = (text: string): string =>
  text.replaceAll('’', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '');
