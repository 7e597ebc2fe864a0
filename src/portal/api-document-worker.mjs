// Validates and dereferences one OpenAPI document in a thread of its own: a large one takes seconds,
// in which the server would answer nobody. Plain JavaScript, because a worker has no loader for more.
import { parentPort, workerData } from 'node:worker_threads';
import { dereference, validate } from '@readme/openapi-parser';

const maxFaults = 20;
/** Nothing outside the document is ever fetched or read. */
const alone = { resolve: { external: false, file: false } };

const document = JSON.parse(workerData);
const faults = [...new Set(withoutDeadEnds(document))];
const whole = faults.length;
faults.push(...(await faultsOf(document)));

parentPort.postMessage({ document: await dereferenced(), faults: shortened(faults) });

function shortened(all) {
  const more = all.length - maxFaults;
  return more > 0 ? [...all.slice(0, maxFaults), `And ${more} more.`] : all;
}

/** As it is where the library gives up: whoever reads it follows references too. */
async function dereferenced() {
  const options = { ...alone, dereference: { circular: 'ignore' } };
  try {
    return await dereference(structuredClone(document), options);
  } catch (error) {
    if (faults.length === whole) faults.push(firstLineOf(error.message));
    return document;
  }
}

async function faultsOf(given) {
  try {
    const result = await validate(structuredClone(given), alone);
    if (result.valid) return [];
    const lines = JSON.stringify(given, null, 2).split('\n');
    const named = result.errors.map(({ message }) => inOneLine(message, lines));
    return result.additionalErrors > 0
      ? [...named, `And ${result.additionalErrors} more like these.`]
      : named;
  } catch (error) {
    return [firstLineOf(error.message)];
  }
}

function firstLineOf(message) {
  return String(message).split('\n')[0].slice(0, 300);
}

/** `paths./b.get.parameters.0: must have required property 'required'` */
function inOneLine(message, lines) {
  const words = firstLineOf(message).replace(/^[A-Z][A-Z_ ]+ (?=[a-z'"])/, '');
  const marked = /^>\s*(\d+) \| ?(.*)$/m.exec(message);
  const number = Number(marked?.[1]);
  const same = marked && lines[number - 1]?.trim() === marked[2].trim();
  return same ? `${placeOf(lines, number)}: ${words}` : words;
}

/** The path to a line of a document that is printed with two spaces a level. */
function placeOf(lines, number) {
  const path = [];
  for (const line of lines.slice(0, number)) {
    const depth = (line.length - line.trimStart().length) / 2;
    if (/^\s*[}\]]/.test(line)) continue;
    const key = /^\s*"((?:[^"\\]|\\.)*)":/.exec(line)?.[1];
    const before = path[depth];
    path.length = depth;
    path[depth] = key ?? (typeof before === 'number' ? before + 1 : 0);
  }
  return path.slice(1).join('.');
}

/**
 * Takes references out that lead nowhere or outside, so that the rest can be shown; a loop of
 * nothing but references is one too. Gives a sentence for each.
 */
function withoutDeadEnds(root) {
  const named = [];
  const visit = (value) => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      const reference = child?.$ref;
      const wrong = typeof reference === 'string' && wrongIn(root, reference);
      if (wrong) {
        named.push(`"${reference}" ${wrong}`);
        value[key] = { description: `Not shown: "${reference}" ${wrong}`, 'x-missing': reference };
      } else visit(child);
    }
    if (Array.isArray(value.parameters)) {
      value.parameters = value.parameters.filter((one) => !one?.['x-missing']);
    }
  };
  visit(root);
  return named;
}

function wrongIn(root, reference) {
  const seen = new Set();
  for (let at = reference; typeof at === 'string'; ) {
    if (seen.has(at)) return 'leads in a circle.';
    seen.add(at);
    if (!at.startsWith('#')) return 'points outside the document, and is not followed.';
    const target = targetOf(root, at);
    if (target === undefined) return 'points to nothing.';
    at = target?.$ref;
  }
  return undefined;
}

function targetOf(root, pointer) {
  let node = root;
  for (const part of pointer.slice(1).split('/').slice(1)) {
    node = node?.[decoded(part).replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return node;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
