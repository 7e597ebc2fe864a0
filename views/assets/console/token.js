// Tokens of this tab: one for each subscription, in its sessionStorage, and nowhere else.

const place = 'sandgate.console.tokens';
const refreshPlace = 'sandgate.console.refresh';
const tabPlace = 'sandgate.console.tab';
const ownersPlace = 'sandgate.console.owners';

const read = (key) => {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? {};
  } catch {
    return {};
  }
};
const write = (key, value) => {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // full, or not allowed: it lasts as long as the page
  }
};

/** Whoever duplicates a tab copies what it stores; a refresh token that two use ends both their tokens. */
let refreshTokens = {};
let mine = false;

/**
 * Whether this tab is the one that its refresh tokens were given to: that holds a lock for as long
 * as it shows one of these pages. A copy finds the lock taken, or that another came since it was
 * made, and forgets what it copied.
 */
export async function claimTab() {
  const { id, turn } = read(tabPlace);
  if (id && navigator.locks && (await hold(id)) && owners()[id] === turn) {
    refreshTokens = { ...read(refreshPlace), ...refreshTokens };
    mine = true;
    return takeTurn(id);
  }
  sessionStorage.removeItem(refreshPlace);
  const fresh = crypto.randomUUID();
  mine = Boolean(navigator.locks) && (await hold(fresh));
  if (!mine) return;
  takeTurn(fresh);
  write(refreshPlace, refreshTokens);
}

/** Whose turn it is, for all tabs to see: numbers without meaning, the last few of them. */
const owners = () => {
  try {
    return JSON.parse(localStorage.getItem(ownersPlace)) ?? {};
  } catch {
    return {};
  }
};

function takeTurn(id) {
  const turn = crypto.randomUUID();
  write(tabPlace, { id, turn });
  const { [id]: _before, ...others } = owners();
  const kept = [...Object.entries(others).slice(-50), [id, turn]];
  localStorage.setItem(ownersPlace, JSON.stringify(Object.fromEntries(kept)));
}

/** A page that is left lets go a moment after the next one has begun. */
const hold = (id) =>
  new Promise((resolve) => {
    const options = { signal: AbortSignal.timeout(600) };
    const kept = () => {
      resolve(true);
      return new Promise(() => {});
    };
    navigator.locks.request(`sandgate-console-${id}`, options, kept).catch(() => resolve(false));
  });

const keepRefresh = () => mine && write(refreshPlace, refreshTokens);

export const tokenOf = (subscription) => read(place)[subscription];
export const refreshTokenOf = (subscription) => refreshTokens[subscription];

export function keepToken(subscription, { access_token, expires_in, scope, refresh_token }, how) {
  const expires = Date.now() + (expires_in ?? 600) * 1000;
  const life = expires_in ?? 600;
  write(place, {
    ...read(place),
    [subscription]: { token: access_token, expires, life, scope, how },
  });
  if (refresh_token) refreshTokens[subscription] = refresh_token;
  else delete refreshTokens[subscription];
  keepRefresh();
}

export function forgetRefreshToken(subscription) {
  delete refreshTokens[subscription];
  keepRefresh();
}

export function forgetToken(subscription) {
  const { [subscription]: _gone, ...rest } = read(place);
  write(place, rest);
  forgetRefreshToken(subscription);
}

/** What it says of itself; undefined where it says nothing to us. */
export function claimsOf(token) {
  try {
    const text = atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(text, (sign) => sign.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

export function lifeInWords(milliseconds) {
  if (milliseconds <= 0) return 'Expired';
  const seconds = Math.ceil(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes} min ${seconds % 60} s left` : `${seconds} s left`;
}
