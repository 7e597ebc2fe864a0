// What is wrong with a value, by the schema of the API's document. The API decides; this only spares a call.
// Our relay checks with this same file (src/portal/relay-check.ts), so nothing here may need a browser.

/** After so many looks at a schema, what is left unchecked is left to the API. */
const enough = () => ({ left: 20_000 });

const kinds = {
  string: (value) => typeof value === 'string',
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  array: (value) => Array.isArray(value),
  object: (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
  null: (value) => value === null,
};
const kindsOf = ({ type, nullable }) => [type ?? [], nullable ? 'null' : []].flat();

/** A sentence, or nothing: of a parameter, which is text however it is typed. */
export function faultOfText(text, { schema, required }, steps = enough()) {
  if (text === '') return required ? 'Fill this in.' : '';
  if (!schema) return '';
  const types = kindsOf(schema);
  if (types.length === 0 || types.includes('array') || types.includes('object')) return '';
  const numeric = types.includes('integer') || types.includes('number');
  if (numeric && !types.includes('string')) {
    const value = Number(text);
    if (Number.isNaN(value) || (types.includes('integer') && !Number.isInteger(value))) {
      return types.includes('integer') ? 'Write a whole number.' : 'Write a number.';
    }
    return faultsOf(schema, value, steps)[0]?.sentence ?? '';
  }
  if (types.includes('boolean') && !types.includes('string')) {
    return ['true', 'false'].includes(text) ? '' : 'Write true or false.';
  }
  return faultsOf(schema, text, steps)[0]?.sentence ?? '';
}

/** Of a body in JSON: `{ at, sentence }` for the first few things. */
export function faultsOfJson(text, schema, steps = enough()) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return [{ at: '', sentence: `This is not JSON: ${error.message}.` }];
  }
  return schema ? faultsOf(schema, value, steps).slice(0, 3) : [];
}

function faultsOf(schema, value, steps, at = '', depth = 0) {
  if (!schema || typeof schema !== 'object' || depth > 12) return [];
  steps.left -= 1 + (schema.enum?.length ?? 0);
  if (steps.left < 0) return [];
  const types = kindsOf(schema);
  if (types.length > 0 && !types.some((type) => kinds[type]?.(value))) {
    return [{ at, sentence: `This should be ${types.join(' or ')}.` }];
  }
  const faults = [];
  const wrong = (sentence) => faults.push({ at, sentence });
  const same = (one) => JSON.stringify(one) === JSON.stringify(value);
  if (Array.isArray(schema.enum) && !schema.enum.some(same)) {
    wrong(`Use one of these: ${schema.enum.join(', ')}.`);
  }
  if ('const' in schema && !same(schema.const))
    wrong(`This has to be ${JSON.stringify(schema.const)}.`);
  if (typeof value === 'string') {
    if (value.length < schema.minLength) wrong(`Use at least ${schema.minLength} characters.`);
    if (value.length > schema.maxLength) wrong(`Use at most ${schema.maxLength} characters.`);
    if (!fits(schema.pattern, value)) wrong(`This has to fit ${schema.pattern}.`);
  }
  if (typeof value === 'number') {
    if (value < schema.minimum) wrong(`The least is ${schema.minimum}.`);
    if (value > schema.maximum) wrong(`The most is ${schema.maximum}.`);
  }
  if (Array.isArray(value)) {
    if (value.length < schema.minItems) wrong(`Give at least ${schema.minItems}.`);
    if (value.length > schema.maxItems) wrong(`Give at most ${schema.maxItems}.`);
    for (const [nth, one] of value.entries()) {
      faults.push(...faultsOf(schema.items, one, steps, `${at}[${nth}]`, depth + 1));
    }
  }
  if (kinds.object(value)) {
    for (const name of schema.required ?? []) if (!(name in value)) wrong(`"${name}" is missing.`);
    for (const [name, one] of Object.entries(value)) {
      const inside = at ? `${at}.${name}` : name;
      const known = Object.hasOwn(schema.properties ?? {}, name);
      if (known) faults.push(...faultsOf(schema.properties[name], one, steps, inside, depth + 1));
      else if (schema.additionalProperties === false) wrong(`"${name}" is not known here.`);
    }
  }
  for (const part of schema.allOf ?? [])
    faults.push(...faultsOf(part, value, steps, at, depth + 1));
  for (const choices of [schema.anyOf, schema.oneOf]) {
    if (
      choices?.length &&
      choices.every((one) => faultsOf(one, value, steps, at, depth + 1).length > 0)
    ) {
      wrong('This fits none of the forms that it may have.');
    }
  }
  return faults;
}

function fits(pattern, value) {
  if (typeof pattern !== 'string') return true;
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true; // a pattern that this browser cannot read
  }
}
