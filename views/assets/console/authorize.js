// Authorization code with PKCE in a pop-up, as any client in a browser would: by the public protocol alone.

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replace(
    /[+/=]/g,
    (sign) => ({ '+': '-', '/': '_' })[sign] ?? '',
  );
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** Milliseconds: how long a pop-up may stay open, how often we look, and how long a last word may take. */
const patience = 10 * 60_000;
const look = 250;
const grace = 400;

/** Made before the click, so that nothing stands between it and the window. */
export async function prepare() {
  const verifier = random();
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  return { verifier, challenge: base64url(new Uint8Array(bytes)), state: random() };
}

let open;

/**
 * Opens the window and waits for its end: `blocked`, `closed`, `cancelled`, `failed`, `timed out`,
 * `replaced` by another, or `code`.
 */
export function authorize({ wiring, clientId, scope, prepared }) {
  open?.replace();
  const { verifier, challenge, state } = prepared;
  const address = new URL(wiring.authorizationEndpoint);
  address.search = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: wiring.redirectUri,
    scope,
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  const popup = window.open(address.href, '_blank', 'popup,width=400,height=500');
  if (!popup) return Promise.resolve({ end: 'blocked' });

  return new Promise((resolve) => {
    const done = (answer) => {
      clearInterval(watch);
      clearTimeout(limit);
      window.removeEventListener('message', listen);
      open = undefined;
      resolve(answer);
    };
    /** Of this window, our own callback page and this request alone; all else is not for us. */
    const listen = ({ origin, source, data }) => {
      if (origin !== location.origin || source !== popup) return;
      const answer = data?.type === 'authorization-answer' ? data.answer : undefined;
      if (answer?.state !== state || (answer.iss && answer.iss !== wiring.issuer)) return;
      if (answer.code) return done({ end: 'code', code: answer.code, verifier });
      const end = answer.error === 'access_denied' ? 'cancelled' : 'failed';
      done({ end, words: answer.error_description ?? answer.error ?? '' });
    };
    // a closing window's last message may come after it counts as closed
    const watch = setInterval(() => {
      if (!popup.closed) return;
      clearInterval(watch);
      setTimeout(() => done({ end: 'closed' }), grace);
    }, look);
    const limit = setTimeout(() => {
      done({ end: 'timed out' });
      popup.close();
    }, patience);
    open = {
      replace: () => {
        done({ end: 'replaced' });
        popup.close();
      },
    };
    window.addEventListener('message', listen);
  });
}

/** One call of the token endpoint from this browser, with what a page may show of it. */
export async function askTokenEndpoint(wiring, fields) {
  const at = new Date().toISOString();
  const secrets = ['code', 'code_verifier', 'refresh_token'];
  const body = Object.entries(fields)
    .map(
      ([name, value]) => `${name}=${secrets.includes(name) ? '••••' : encodeURIComponent(value)}`,
    )
    .join('\n&');
  const url = new URL(wiring.tokenEndpoint);
  const shown = `POST ${url.pathname} HTTP/1.1\nhost: ${url.host}\ncontent-type: application/x-www-form-urlencoded\n\n${body}`;
  try {
    const answer = await fetch(wiring.tokenEndpoint, {
      method: 'POST',
      body: new URLSearchParams(fields),
      credentials: 'omit',
      signal: AbortSignal.timeout(15_000),
    });
    return { ok: answer.ok, body: await answer.json(), at, shown };
  } catch {
    const sentence = 'The token endpoint did not answer. Check your connection, then try again.';
    return { ok: false, body: { error: 'no_answer', error_description: sentence }, at, shown };
  }
}
