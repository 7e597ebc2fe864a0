// The console: fields make a request, a token is got by public protocols, and our relay sends the call.
import { sentence } from './answer.js';
import { ask } from './ask.js';
import { faultOfText, faultsOfJson } from './check.js';
import { forgetHistory, remember } from './history.js';
import { requestOf } from './request.js';
import { show, showHistory, showLast } from './sent.js';
import { bearer, startTokens } from './tokens.js';

const element = (id) => document.getElementById(id);
const form = element('console');
const wiring = JSON.parse(form.dataset.console);
const { operation } = wiring;
const fields = [...form.querySelectorAll('[data-parameter]')];

// ---- what is chosen

const choice = () => {
  const option = element('key-choice').selectedOptions[0];
  const [subscription, slot] = option.value.split(' ');
  if (option.value === 'typed')
    return { kind: 'typed', shown: element('typed-key').value ? '••••••••' : '' };
  if (option.value === 'none') return { kind: 'none', shown: '' };
  const { keyMask } = wiring.subscriptions.find(({ id }) => id === subscription);
  return { kind: 'kept', subscription, slot, shown: `${keyMask}${option.dataset.lastFour}` };
};
let last =
  wiring.subscriptions.find(
    ({ keys, id }) => keys.length > 0 && element('key-choice').value.startsWith(`${id} `),
  ) ?? wiring.subscriptions[0];
/** By which tokens are got: that of the key, or the one chosen before. */
function subscription() {
  const { subscription: id } = choice();
  last = wiring.subscriptions.find((one) => one.id === id) ?? last;
  return last;
}

const bases = () => (choice().kind === 'kept' ? subscription().bases : wiring.visible.bases);
function showBases() {
  const known = bases();
  const before = element('base').value;
  element('base').replaceChildren(
    ...known.map(({ name, url }) => new Option(`${name}: ${url}`, name)),
  );
  if (known.some(({ name }) => name === before)) element('base').value = before;
  element('base-field').hidden = known.length < 2;
}

const body = () => element('body')?.value ?? '';
const media = () => operation.bodies[Number(element('body-type')?.value ?? 0)];

// ---- the request as it takes shape

function drawn() {
  const { url } = bases().find(({ name }) => name === element('base').value) ?? bases()[0];
  return requestOf(operation, {
    values: fields.map(({ value }) => value),
    body: body(),
    bodyType: media()?.type,
    typedHeaders: element('headers').value,
    base: url,
    token: bearer(),
    key: choice().shown,
    keyHeader: wiring.keyHeader,
  });
}

function draw() {
  element('typed-key-field').hidden = choice().kind !== 'typed';
  const request = drawn();
  element('request').textContent = request.text;
  element('curl').textContent = request.curl;
  element('send-path').textContent = request.target;
}

function say(field, sentences) {
  const place = element(`${field.id}-error`);
  place.textContent = sentences;
  place.hidden = sentences === '';
  if (sentences === '') field.removeAttribute('aria-invalid');
  else field.setAttribute('aria-invalid', 'true');
}

const faultOfField = (field) =>
  faultOfText(field.value, operation.parameters[Number(field.dataset.parameter)]);
function faultOfBody() {
  if (!element('body')) return '';
  if (body() === '') return operation.bodyRequired ? 'Fill this in.' : '';
  if (!/json/i.test(media().type)) return '';
  return faultsOfJson(body(), media().schema)
    .map(({ at, sentence: words }) => (at ? `${at}: ${words}` : words))
    .join(' ');
}

/** The first field that is not as the document wants it; each says what is wrong. */
function check() {
  for (const field of fields) say(field, faultOfField(field));
  if (element('body')) say(element('body'), faultOfBody());
  return form.querySelector('[aria-invalid="true"]');
}

// ---- sending

function complain(message, link) {
  const place = element('problem');
  place.replaceChildren(...(message ? [sentence(message, link)] : []));
  place.hidden = !message;
}

async function send() {
  complain('');
  const wrong = check();
  if (wrong) {
    complain('One of the fields needs another look.');
    wrong.focus();
    return;
  }
  const { method, path, query, headers } = drawn();
  const { kind, subscription: id, slot } = choice();
  const token = bearer();
  const key = kind === 'typed' ? element('typed-key').value.trim() : '';
  const button = element('send');
  button.setAttribute('aria-busy', 'true');
  button.textContent = 'Sending…';
  try {
    const exchange = await ask('/console/send', {
      api: wiring.api,
      operation: operation.id,
      base: element('base').value,
      method,
      path,
      query,
      headers: headers.map(([name, value]) => `${name}: ${value}`).join('\n'),
      body: body(),
      token,
      ...(kind === 'kept' && { subscription: id, slot }),
      ...(key && { key }),
    });
    const where = {
      keyHeader: wiring.keyHeader,
      ...(kind === 'kept' && { subscription: id, slot }),
    };
    remember({ ...exchange, ...where });
    show(exchange, 'Response', { ...where, token, key });
    element('response').scrollIntoView?.({ block: 'nearest' });
  } catch (error) {
    const lost =
      error instanceof TypeError
        ? 'The call did not reach us. Check your connection, then try again.'
        : error.message;
    complain(lost, error.link);
  } finally {
    button.removeAttribute('aria-busy');
    button.textContent = 'Send';
  }
}

for (const button of document.querySelectorAll('[data-copy]')) {
  // without https a browser lends no clipboard; the text can still be selected
  button.hidden = !navigator.clipboard;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(element(button.dataset.copy).textContent);
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 1500);
  });
}

// ---- wiring

/** Whoever signs in next in this tab finds nothing of who was here before. */
function keepOwnOnly() {
  const place = 'sandgate.console.account';
  if (sessionStorage.getItem(place) === wiring.owner) return;
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith('sandgate.console.')) sessionStorage.removeItem(key);
  }
  sessionStorage.setItem(place, wiring.owner);
}

form.addEventListener('input', ({ target }) => {
  if (target.matches('[data-parameter]') && target.hasAttribute('aria-invalid'))
    say(target, faultOfField(target));
  if (target.id === 'body' && target.hasAttribute('aria-invalid')) say(target, faultOfBody());
  draw();
});
form.addEventListener('change', ({ target }) => {
  if (target.matches('[data-parameter]')) say(target, faultOfField(target));
  if (target.id === 'body') say(target, faultOfBody());
  if (target.id === 'body-type') {
    element('body').value = media().example;
    element('body-hint').textContent =
      `${media().type}${operation.bodyRequired ? ', required' : ''}.`;
  }
  if (target.id === 'key-choice') showBases();
  draw();
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (element('send') && !element('send').hasAttribute('aria-busy')) send();
});
element('forget-history').addEventListener('click', () => {
  forgetHistory();
  showHistory();
  element('send')?.focus();
});

keepOwnOnly();
showBases();
startTokens({ wiring, subscription, changed: draw });
draw();
showLast();
if (element('send')) element('send').disabled = false;
