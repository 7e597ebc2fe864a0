// What came back, the request as it was sent with its secrets covered, and the earlier ones of this tab.
import { sentence, showExchange } from './answer.js';
import { ask } from './ask.js';
import { harOf, history } from './history.js';
import { textOf } from './request.js';

const element = (id) => document.getElementById(id);

/** What the exchange on the screen was sent with, so that it can be revealed; gone with the page. */
let sentWith;

/** `given`: the token, the typed key, or where a kept key is; and which header carries a key. */
export function show(exchange, title, given) {
  sentWith = given;
  showExchange(exchange, { title });
  element('reveal').setAttribute('aria-pressed', 'false');
  element('reveal').textContent = 'Reveal secrets';
  element('reveal-problem').hidden = true;
  element('reveal').onclick = () => reveal(exchange).catch(showRevealProblem);
  showHistory();
}

/** The token is this tab's own; a key that we keep is revealed by our server, which writes that down. */
async function reveal(exchange) {
  const button = element('reveal');
  const covered = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(covered));
  button.textContent = covered ? 'Cover secrets' : 'Reveal secrets';
  element('sent').textContent = textOf(exchange.request);
  if (!covered) return;
  const { token, key, keyHeader, subscription: id, slot } = sentWith;
  const values = { authorization: token && `Bearer ${token}`, [keyHeader]: key };
  const reveals = () =>
    exchange.request.headers.map(([name, value]) => [name, values[name] || value]);
  element('sent').textContent = textOf({ ...exchange.request, headers: reveals() });
  if (id) values[keyHeader] = (await ask('/console/reveal', { subscription: id, slot })).key;
  element('sent').textContent = textOf({ ...exchange.request, headers: reveals() });
}

function showRevealProblem({ message, code }) {
  const place = element('reveal-problem');
  const link = code === 'sign_in_again' && {
    href: `/subscriptions/${sentWith.subscription}#keys`,
    text: 'Reveal it on the subscription’s page',
  };
  place.replaceChildren(sentence(message, link));
  place.hidden = false;
}

const showEntry = (entry) => show(entry, `Response of ${entry.at.slice(11, 19)} UTC`, entry);

/** What this tab did last, after a reload or on the way to another operation. */
export function showLast() {
  const [entry] = history();
  if (entry) showEntry(entry);
}

export function showHistory() {
  const entries = history();
  element('history').hidden = entries.length < 2;
  element('history-title').textContent = `${entries.length} requests of this tab`;
  element('history-list').replaceChildren(...entries.map(lineOf));
  const file = new Blob([JSON.stringify(harOf(entries), null, 2)], { type: 'application/json' });
  URL.revokeObjectURL(element('har').href);
  element('har').href = URL.createObjectURL(file);
}

function lineOf(entry) {
  const line = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'secondary small';
  button.textContent = 'Show';
  const words = `${entry.request.method} ${entry.request.target}`;
  button.setAttribute('aria-label', `Show ${words} of ${entry.at.slice(11, 19)}`);
  button.addEventListener('click', () => {
    showEntry(entry);
  });
  const code = document.createElement('code');
  code.textContent = words;
  line.className = 'row apart';
  const status = entry.answer ? entry.answer.status : 'no answer';
  const text = document.createElement('span');
  text.append(`${entry.at.slice(11, 19)} `, code, ` ${status}`);
  line.append(text, button);
  return line;
}
