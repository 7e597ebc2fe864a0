// An exchange on the page: what came back, and the request as it was sent.
import { textOf } from './request.js';

const element = (id) => document.getElementById(id);
/** Characters of a body that are laid out. */
const most = 300_000;
const pictures = /^image\/(png|jpeg|gif|webp)\b/i;

export const typeOf = ({ headers }) =>
  headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';

export function showExchange(exchange, { title }) {
  const { answer, failure, took, request, at } = exchange;
  element('response').hidden = false;
  const status = element('answer-status');
  status.textContent = answer ? `${answer.status} ${answer.statusText}`.trim() : 'No answer';
  status.className = `badge ${answer && answer.status < 400 ? 'good' : 'bad'}`;
  element('answer-facts').textContent = answer
    ? `${took} ms · ${sizeInWords(answer.size)}${answer.cut ? ', cut there' : ''}`
    : `after ${took} ms`;
  element('answer-type').textContent = answer ? typeOf(answer) : '';
  element('answer-body').textContent = answer ? bodyInWords(answer) : failure.error_description;
  showPicture(answer);
  const headers = answer?.headers ?? [];
  element('answer-count').textContent =
    headers.length === 1 ? '1 header' : `${headers.length} headers`;
  element('answer-headers').textContent = answer
    ? `HTTP/${answer.version} ${answer.status} ${answer.statusText}\n${headers.map(([name, value]) => `${name}: ${value}`).join('\n')}`
    : '';
  element('sent').textContent = textOf(request);
  element('sent-at').textContent = `${at.slice(11, 19)} UTC`;
  element('response-title').textContent = title;
  showAdvice(exchange.advice ?? []);
}

export function sizeInWords(bytes) {
  if (bytes < 1024) return bytes === 1 ? '1 byte' : `${bytes} bytes`;
  return bytes < 1024 * 1024
    ? `${(bytes / 1024).toFixed(1)} kB`
    : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function bodyInWords(answer) {
  const { text, base64, size } = answer;
  if (size === 0) return 'There is no body.';
  if (text === null) {
    return pictures.test(typeOf(answer))
      ? 'A picture: see below.'
      : `${sizeInWords(size)} that are no text:\n\n${base64.slice(0, 2000)}`;
  }
  const whole = text.length > most ? text : laidOut(text, typeOf(answer));
  return whole.length > most ? `${whole.slice(0, most)}\n… and more, which is not shown.` : whole;
}

function laidOut(text, type) {
  if (/xml|html/i.test(type) || text.startsWith('<?xml')) return indentedXml(text);
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** An element a line, two spaces a level; text stays with its element. */
function indentedXml(text) {
  let depth = 0;
  return text
    .replace(/>\s*</g, '>\n<')
    .split('\n')
    .map((line) => {
      if (/^<\//.test(line)) depth = Math.max(0, depth - 1);
      const indented = `${'  '.repeat(depth)}${line}`;
      if (/^<[^!?/]/.test(line) && !/\/>$/.test(line) && !/<\/[^>]+>$/.test(line)) depth += 1;
      return indented;
    })
    .join('\n');
}

function showPicture(answer) {
  const place = element('answer-image');
  const isPicture = answer?.base64 && pictures.test(typeOf(answer));
  place.hidden = !isPicture;
  place.replaceChildren();
  if (!isPicture) return;
  const picture = new Image();
  picture.alt = 'The picture that came back';
  picture.src = `data:${typeOf(answer).split(';')[0]};base64,${answer.base64}`;
  place.append(picture);
}

/** Why the API may have refused: each check that failed, and what mends it. */
function showAdvice(advice) {
  const place = element('advice');
  place.hidden = advice.length === 0;
  place.replaceChildren(...advice.map(({ message, link }) => sentence(message, link)));
}

export function sentence(message, link) {
  const line = document.createElement('p');
  line.append(`${message} `);
  if (link) {
    const anchor = document.createElement('a');
    anchor.href = link.href;
    anchor.textContent = link.text;
    line.append(anchor);
  }
  return line;
}
