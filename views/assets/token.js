// What a token says, for people. It only reads: whether the signature is right is for the API to check.

const part = (text) => {
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (sign) =>
    sign.charCodeAt(0),
  );
  return JSON.parse(new TextDecoder().decode(bytes));
};

/** The token endpoint's answer as words; an opaque token has neither header nor claims to show. */
export function describeToken({ access_token: token, expires_in: seconds, scope }) {
  const life = `It lives ${lifeOf(seconds)}.${scope ? ` Scope: ${scope}` : ''}`;
  const pieces = token.split('.');
  if (pieces.length !== 3) {
    const opaque = 'This token is opaque: ask introspection what it means.';
    return { title: 'You have a token', life, header: opaque, claims: opaque, isTestUser: false };
  }
  const claims = part(pieces[1]);
  return {
    title: `Token for ${claims.name ?? claims.sub}`,
    life,
    header: JSON.stringify(part(pieces[0]), null, 2),
    claims: JSON.stringify(claims, null, 2),
    isTestUser: claims.test_user === true,
  };
}

const lifeOf = (seconds) => {
  if (!seconds) return 'as long as its claims say';
  return seconds >= 120 ? `${Math.round(seconds / 60)} minutes` : `${seconds} seconds`;
};

/** Enough of a secret to tell it from another. */
export const shorten = (secret) => `${secret.slice(0, 8)}••••••••${secret.slice(-4)}`;
