// The card that gets tokens: the three grants, every end of them in words, and the token's life.
import { ask } from './ask.js';
import { askTokenEndpoint, authorize, prepare } from './authorize.js';
import { textOf } from './request.js';
import {
  claimsOf,
  claimTab,
  forgetRefreshToken,
  forgetToken,
  keepToken,
  lifeInWords,
  refreshTokenOf,
  tokenOf,
} from './token.js';

const element = (id) => document.getElementById(id);
/** Milliseconds before its end at which a token is renewed by itself. */
const early = 30_000;

let parts;
let prepared;
let busy = false;

const grant = () => element('grant')?.value ?? 'pasted';
const held = () => parts.subscription() && tokenOf(parts.subscription().id);

/** What goes along with a call: of the way that is chosen, and of no other. */
export function bearer() {
  if (grant() === 'none') return '';
  if (grant() === 'pasted')
    return element('pasted-token')
      .value.trim()
      .replace(/^Bearer\s+/i, '');
  return held()?.token ?? '';
}

const ends = {
  blocked: [
    'Your browser blocked the window. Allow pop-ups for this site, then press Authorize again.',
    'bad',
  ],
  closed: [
    'The window was closed before you decided. Nothing was shared. Press Authorize to open it again.',
    'warn',
  ],
  cancelled: [
    'You cancelled. Nothing was shared. Press Authorize if you want to try again.',
    'warn',
  ],
  'timed out': [
    'The window was open for ten minutes without an answer, so we stopped waiting. Press Authorize again.',
    'warn',
  ],
};

function say(text, tone = '') {
  const place = element('progress');
  place.textContent = text;
  place.className = `notice ${tone}`;
  place.hidden = text === '';
}

const chosenScopes = () => {
  const { id } = parts.subscription();
  const ticks = document.querySelectorAll(
    `[data-scopes][data-of="${id}"] :not([hidden]) > input:checked`,
  );
  return [...ticks].map(({ value }) => value).join(' ');
};

/** A machine has no user and no patient, and a person is no system (SMART on FHIR). */
const ofOthers = () => (grant() === 'client_credentials' ? /^(user|patient)\// : /^system\//);

/** In the click itself, with nothing before it: a browser blocks a window that comes later. */
function press() {
  if (chosenScopes() === '')
    return say('Tick at least one scope: without any, a token opens nothing.', 'warn');
  if (grant() === 'authorization_code') return onBehalfOfUser();
  return fromServer(howFromFields());
}

async function onBehalfOfUser() {
  const { wiring } = parts;
  const { id, clientId } = parts.subscription();
  const waits = authorize({ wiring, clientId, scope: chosenScopes(), prepared });
  renewPreparation();
  say('Waiting for the other window. Choose a test user there and press Authorize.');
  const answer = await waits;
  if (answer.end === 'replaced') return;
  if (answer.end === 'failed')
    return say(`It failed: ${answer.words} Press Authorize to try again.`, 'bad');
  if (answer.end !== 'code') return say(...ends[answer.end]);
  say('Exchanging the code for a token…');
  await redeem(id, {
    grant_type: 'authorization_code',
    code: answer.code,
    redirect_uri: wiring.redirectUri,
    client_id: clientId,
    code_verifier: answer.verifier,
  });
}

async function redeem(id, fields) {
  const told = await askTokenEndpoint(parts.wiring, fields);
  showTokenRequest(`${told.at.slice(11, 19)} UTC, by your browser`, told.shown);
  if (!told.ok) return failed(told.body);
  keepToken(id, told.body, { grant: 'authorization_code' });
  say('');
  show();
}

const failed = ({ error, error_description: words }) =>
  say(`It failed: ${words ?? error} Change what is wrong, and press Authorize again.`, 'bad');

/** How a token was asked for, so that it can be asked for again; what was typed stays in its fields. */
const howFromFields = () => ({
  grant: grant(),
  scope: chosenScopes(),
  client: element('use-test-application').checked ? 'test' : 'own',
  user: element('use-test-user-here').checked ? 'test' : 'own',
  test_user:
    document.querySelector(`[data-users][data-of="${parts.subscription().id}"] select`)?.value ??
    '',
});

async function fromServer(how) {
  const { id } = parts.subscription();
  return busyWhile(async () => {
    say('Asking for a token…');
    const typed = {
      client_id: element('client-id').value.trim(),
      client_secret: element('client-secret').value,
      username: element('username').value,
      password: element('password').value,
    };
    const told = await ask('/console/token', { subscription: id, ...how, ...typed });
    showTokenRequest(`${told.at.slice(11, 19)} UTC`, textOf(told.request).replaceAll('&', '\n&'));
    if (!told.token) return failed(errorIn(told));
    keepToken(id, told.token, how);
    say('');
    show();
  });
}

function errorIn({ answer, failure }) {
  if (failure) return failure;
  try {
    return JSON.parse(answer.text);
  } catch {
    return { error: `The token endpoint answered ${answer.status}.` };
  }
}

async function busyWhile(deed) {
  if (busy) return;
  busy = true;
  try {
    await deed();
  } catch (error) {
    say(
      error instanceof TypeError
        ? 'We could not be reached. Check your connection, then try again.'
        : error.message,
      'bad',
    );
  } finally {
    busy = false;
  }
}

function showTokenRequest(at, text) {
  element('token-request-tab').hidden = false;
  element('token-request-at').textContent = at;
  element('token-request').textContent = text;
}

// ---- renewing

const canRenew = ({ how }) =>
  how.grant === 'authorization_code'
    ? Boolean(refreshTokenOf(parts.subscription().id))
    : (how.client === 'test' || element('client-secret').value !== '') &&
      (how.grant !== 'password' || how.user === 'test' || element('password').value !== '');

function renew() {
  const { how } = held();
  if (how.grant !== 'authorization_code') return fromServer(how);
  const { id, clientId } = parts.subscription();
  const refreshToken = refreshTokenOf(id);
  forgetRefreshToken(id); // it can be used once
  return busyWhile(() =>
    redeem(id, { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId }),
  );
}

// ---- the panel

function show() {
  const kept = held();
  const chosen = grant();
  for (const part of document.querySelectorAll('[data-grant]'))
    part.hidden = part.dataset.grant !== chosen;
  if (!element('grant')) return parts.changed();
  element('own-client').hidden = element('use-test-application').checked;
  element('own-user').hidden = element('use-test-user-here').checked;
  const { id, grants, testApplication } = parts.subscription();
  element('test-application').textContent = testApplication;
  for (const part of document.querySelectorAll('[data-of]')) {
    part.hidden =
      part.dataset.of !== id ||
      (part.matches('[data-users]') && !element('use-test-user-here').checked);
  }
  for (const tick of document.querySelectorAll('[data-scopes] input')) {
    tick.parentElement.hidden = ofOthers().test(tick.value);
  }
  const wants = chosen !== 'none' && chosen !== 'pasted';
  const missing = wants && !grants.includes(chosen);
  element('with-token').hidden = !wants || missing;
  element('grant-missing').hidden = !missing;
  element('token').hidden = !kept;
  element('forget').hidden = !kept;
  if (kept) showToken(kept);
  else element('renew').hidden = true;
  const alive = kept && kept.expires > Date.now();
  element('authorize').textContent = kept ? 'Authorize again' : 'Authorize';
  element('authorize').classList.toggle('secondary', Boolean(alive));
  tick();
  parts.changed();
}

function showToken({ token, scope }) {
  const claims = claimsOf(token);
  const whose =
    claims?.sub === claims?.client_id ? 'the application itself' : (claims?.name ?? claims?.sub);
  element('token-for').textContent = claims ? `Token for ${whose}` : 'You have a token';
  element('token-kind').hidden = claims?.test_user !== true;
  element('token-scopes').textContent = scope || claims?.scope || 'none';
  element('token-claims').textContent = claims
    ? JSON.stringify(claims, null, 2)
    : 'It says nothing that can be read.';
}

/** Every second; only words change, so that nobody is told each time. */
function tick() {
  const kept = held();
  if (!kept || !element('grant')) return;
  const left = kept.expires - Date.now();
  const dead = left <= 0;
  const renewable = canRenew(kept);
  element('token-left').textContent = dead ? 'It has expired. Get a new one.' : lifeInWords(left);
  element('token-level').setAttribute(
    'width',
    String(Math.max(0, Math.min(100, (left / kept.life / 1000) * 100))),
  );
  element('token-notice').className = `notice ${dead ? 'bad' : 'good'}`;
  element('renew').hidden = !renewable || dead;
  element('renew-field').hidden = !renewable;
  element('forget').hidden = dead;
  if (dead) element('authorize').classList.remove('secondary'); // the one thing to press
  const due = left < Math.min(early, (kept.life * 1000) / 2) && left > -early;
  if (due && renewable && element('renew-itself').checked && !busy) renew();
}

const renewPreparation = async () => {
  prepared = await prepare();
};

export async function startTokens(given) {
  parts = given;
  if (!element('grant')) {
    show();
    return;
  }
  const remembered = held()?.how.grant;
  if (remembered) element('grant').value = remembered;
  for (const id of ['grant', 'key-choice', 'use-test-application', 'use-test-user-here']) {
    element(id).addEventListener('change', show);
  }
  element('grant').addEventListener('change', () => say(''));
  element('authorize').addEventListener('click', press);
  element('renew').addEventListener('click', renew);
  element('forget').addEventListener('click', () => {
    forgetToken(parts.subscription().id);
    say('The token is forgotten.');
    show();
    element('authorize').focus();
  });
  element('copy-token').hidden = !navigator.clipboard;
  element('copy-token').addEventListener('click', () =>
    navigator.clipboard.writeText(held().token),
  );
  show();
  setInterval(tick, 1000);
  await Promise.all([renewPreparation(), claimTab().catch(() => {})]);
  element('authorize').disabled = false;
  show();
}
