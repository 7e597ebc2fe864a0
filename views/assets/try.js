// The start page's own client: authorization code with PKCE in a pop-up, then one call with the token.
import { describeToken, shorten } from './token.js';

const element = (id) => document.getElementById(id);
const settings = element('try').dataset;

/** The token in use; undefined until there is one. */
let token;

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replace(
    /[+/=]/g,
    (sign) => ({ '+': '-', '/': '_' })[sign] ?? '',
  );

const sha256 = async (text) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));

function say(text, tone = '') {
  const progress = element('progress');
  progress.textContent = text;
  progress.className = `notice ${tone}`;
  progress.hidden = text === '';
}

/** Opens the window inside the click, since a browser blocks one that comes later. */
async function authorize() {
  const popup = window.open('about:blank', 'authorize', 'popup,width=400,height=500');
  if (!popup) {
    say(
      'Your browser blocked the window. Allow pop-ups for this site, then press Authorize again.',
      'bad',
    );
    return;
  }
  say('Waiting for the other window. Choose a test user there and press Authorize.');

  const verifier = random();
  const state = random();
  const request = new URL(settings.authorizationEndpoint, location.href);
  request.search = new URLSearchParams({
    response_type: 'code',
    client_id: settings.clientId,
    redirect_uri: settings.redirectUri,
    scope: settings.scope,
    state,
    code_challenge: base64url(await sha256(verifier)),
    code_challenge_method: 'S256',
  });
  const answered = answerFrom(popup);
  popup.location = request.href;

  const answer = await answered;
  if (!answer) return say('The window was closed before you decided. Nothing was shared.', 'warn');
  if (answer.state !== state || (answer.iss && answer.iss !== settings.issuer)) {
    return say(
      'The answer does not belong to this request, so it was thrown away. Try again.',
      'bad',
    );
  }
  if (answer.error) return say(`No token: ${answer.error_description ?? answer.error}`, 'warn');
  await redeem(answer.code, verifier);
}

/** What the callback page says; undefined when the window was closed without a word. */
function answerFrom(popup) {
  return new Promise((resolve) => {
    const done = (answer) => {
      clearInterval(watch);
      window.removeEventListener('message', listen);
      resolve(answer);
    };
    const listen = ({ origin, source, data }) => {
      if (origin === location.origin && source === popup && data?.type === 'authorization-answer') {
        done(data.answer);
      }
    };
    // a closing window's last message may come after it counts as closed
    const watch = setInterval(() => popup.closed && setTimeout(done, 300), 300);
    window.addEventListener('message', listen);
  });
}

async function redeem(code, verifier) {
  say('Exchanging the code for a token…');
  const response = await fetch(settings.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: settings.redirectUri,
      client_id: settings.clientId,
      code_verifier: verifier,
    }),
  });
  const body = await response.json();
  if (!response.ok) {
    say(`The token endpoint refused: ${body.error_description ?? body.error}`, 'bad');
    return;
  }
  show(body);
}

function show(answer) {
  token = answer.access_token;
  const { title, life, header, claims, isTestUser } = describeToken(answer);
  element('token-for').textContent = title;
  element('token-life').textContent = life;
  element('token-kind').hidden = !isTestUser;
  element('header').textContent = header;
  element('claims').textContent = claims;
  element('raw').textContent = token;
  element('token').hidden = false;
  say('');
  element('authorize').textContent = 'Authorize again';
  element('authorize').classList.add('secondary');
  if (element('send')) {
    element('send').disabled = false;
    element('before-send').textContent =
      'Press Send: the token goes along in the Authorization header.';
  }
}

/** The one call, and what a tool on the wire would have seen of it. */
async function send() {
  const url = new URL(settings.sampleUrl, location.href);
  const request = (bearer) =>
    `GET ${url.pathname}${url.search} HTTP/1.1\nhost: ${url.host}\naccept: application/json\nauthorization: Bearer ${bearer}`;
  const began = performance.now();
  element('send-problem').hidden = true;

  const response = await fetch(url, {
    headers: { accept: 'application/json', authorization: `Bearer ${token}` },
  });
  const text = await response.text();

  showRequest(request);
  element('answer-status').textContent = `${response.status} ${response.statusText}`.trim();
  element('answer-status').className = `badge ${response.ok ? 'good' : 'bad'}`;
  element('answer-time').textContent = `${Math.round(performance.now() - began)} ms`;
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  element('answer-type').textContent = response.headers.get('content-type') ?? '';
  element('answer-body').textContent = indented(text);
  element('answer-count').textContent = `${headers.length} headers`;
  element('answer-headers').textContent = headers.join('\n');
  element('exchange').hidden = false;
  element('before-send').hidden = true;
}

/** Shows a short token; what is copied is always the whole. */
function showRequest(request) {
  const reveal = element('reveal');
  const draw = (whole) => {
    reveal.setAttribute('aria-pressed', String(whole));
    element('request').textContent = request(whole ? token : shorten(token));
  };
  reveal.onclick = () => draw(reveal.getAttribute('aria-pressed') !== 'true');
  element('request').dataset.whole = request(token);
  draw(false);
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function copy(button) {
  const source = element(button.dataset.copy);
  await navigator.clipboard.writeText(source.dataset.whole ?? source.textContent);
  button.textContent = 'Copied';
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 1500);
}

const problem = (what) => `${what} did not answer. Check your connection, then try again.`;

element('authorize').disabled = false;
element('authorize').addEventListener('click', () =>
  authorize().catch(() => say(problem('The authorization server'), 'bad')),
);
element('send')?.addEventListener('click', () =>
  send().catch(() => {
    element('send-problem').textContent = problem('The API');
    element('send-problem').hidden = false;
  }),
);
for (const button of document.querySelectorAll('[data-copy]')) {
  // without https a browser lends no clipboard; the text can still be selected
  if (navigator.clipboard) button.addEventListener('click', () => copy(button));
  else button.hidden = true;
}
