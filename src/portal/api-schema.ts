import type { OpenApi } from '../products/api.ts';
import {
  isNode,
  listOf,
  type Node,
  nameOfReference,
  nodeOf,
  resolved,
  wordsOf,
} from './api-node.ts';

/** One field of a body, however deep it lies: `entry[].resource.name`. */
export type Row = {
  /** Empty for the body itself. */
  name: string;
  type: string;
  required: boolean;
  /** Markdown. */
  words: string;
  /** Short sentences about what it may be: `one of final, amended`. */
  facts: string[];
};

export type Rows = { rows: Row[] /** Whether there is more than is listed. */; cut: boolean };

const maxRows = 400;
const maxDepth = 12;
/** Schemas that are looked into, whether or not they have a row. */
const maxLooked = 2000;

type Place = {
  name: string;
  required: boolean;
  depth: number;
  /** The schemas that this one lies in: one that is here again is named and not followed. */
  within: readonly Node[];
};

/** Every field of a schema, flat, in the order of the document. */
export function rowsOf(document: OpenApi, schema: unknown): Rows {
  const rows: Row[] = [];
  const names = namesOf(document);
  let cut = false;
  let looked = 0;

  const walk = (value: unknown, place: Place): void => {
    if (rows.length >= maxRows) {
      cut = true;
      return;
    }
    const node = resolved(document, value);
    const type = typeOf(document, value, names);
    const own = { name: place.name, required: place.required, words: wordsOf(node.description) };
    if (place.within.includes(node)) {
      rows.push({ ...own, type, facts: ['nested like the one it lies in'] });
      return;
    }
    if (place.name !== '' || !hasFields(document, node)) {
      rows.push({ ...own, type, facts: factsOf(node) });
    }
    if (place.depth >= maxDepth) {
      cut ||= hasFields(document, node);
      return;
    }
    inside(node, { ...place, depth: place.depth + 1, within: [...place.within, node] });
  };

  const inside = (node: Node, place: Place): void => {
    looked += 1;
    if (looked > maxLooked) {
      cut = true;
      return;
    }
    const under = (name: string): string => (place.name ? `${place.name}.${name}` : name);
    const { properties, required, variants } = merged(document, node);
    for (const [key, property] of properties) {
      walk(property, { ...place, name: under(key), required: required.includes(key) });
    }
    if (isNode(node.items)) {
      within(node.items, { ...place, name: `${place.name}[]`, required: false });
    }
    if (isNode(node.additionalProperties) && Object.keys(node.additionalProperties).length > 0) {
      walk(node.additionalProperties, { ...place, name: under('(any name)'), required: false });
    }
    for (const [at, variant] of variants.entries()) {
      const name = nameOf(variant, names) || `choice ${at + 1}`;
      within(variant, { ...place, name: `${place.name}‹${name}›`, required: false });
    }
  };

  /** The items of a list and the variants of a choice have no row of their own where they have fields. */
  const within = (value: unknown, place: Place): void => {
    const node = resolved(document, value);
    if (place.within.includes(node) || !hasFields(document, node)) {
      if (!place.name.endsWith('[]') || place.within.includes(node)) walk(value, place);
      return;
    }
    if (place.depth >= maxDepth) {
      cut = true;
      return;
    }
    inside(node, { ...place, depth: place.depth + 1, within: [...place.within, node] });
  };

  walk(schema, { name: '', required: false, depth: 0, within: [] });
  return { rows, cut };
}

/** `Patient`, `list of string`, `number or null`. */
export function typeOf(
  document: OpenApi,
  value: unknown,
  names: ReadonlyMap<Node, string> = namesOf(document),
): string {
  const node = resolved(document, value);
  const name = nameOf(value, names) || nameOf(node, names);
  const types = listOf(node.type).length > 0 ? listOf(node.type) : [node.type];
  if (types.includes('array') || isNode(node.items)) {
    const items = nameOf(node.items, names) || plainTypeOf(resolved(document, node.items));
    return `list of ${items}`;
  }
  if (name && hasFields(document, node)) return name;
  return plainTypeOf(node);
}

function plainTypeOf(node: Node): string {
  const types = Array.isArray(node.type) ? node.type.map(wordsOf) : [wordsOf(node.type)];
  const named = types.filter(Boolean);
  if (node.nullable === true) named.push('null');
  if (named.length === 0) {
    if (isNode(node.properties) || node.allOf) named.push('object');
    else named.push(node.oneOf || node.anyOf ? 'one of several' : 'anything');
  }
  const format = wordsOf(node.format);
  return `${named.join(' or ')}${format ? ` (${format})` : ''}`;
}

/** What a schema may be, in short sentences. */
export function factsOf(node: Node): string[] {
  const given = (key: string): string => wordsOf(node[key]);
  const all = listOf(node.enum);
  const values = all.slice(0, 12).map((one) => JSON.stringify(one)?.replace(/^"|"$/g, '') ?? '');
  const shown = values.join(', ') + (all.length > 12 ? ', …' : '');
  return [
    values.length > 1 ? `one of ${shown}` : values.length === 1 ? `always ${shown}` : '',
    node.const === undefined ? '' : `always ${wordsOf(node.const) || JSON.stringify(node.const)}`,
    node.default === undefined ? '' : `${JSON.stringify(node.default)} if left out`,
    given('minimum') && `${given('minimum')} or more`,
    given('maximum') && `${given('maximum')} or less`,
    given('minLength') && `${given('minLength')} characters or more`,
    given('maxLength') && `${given('maxLength')} characters or fewer`,
    given('minItems') && `${given('minItems')} or more of them`,
    given('maxItems') && `${given('maxItems')} of them at most`,
    given('pattern') && `matches ${given('pattern')}`,
    node.readOnly === true ? 'only in answers' : '',
    node.writeOnly === true ? 'only in requests' : '',
    node.deprecated === true ? 'going away' : '',
  ].filter(Boolean);
}

/** With what `allOf` adds. */
function merged(
  document: OpenApi,
  node: Node,
  seen = new Set<Node>([node]),
): { properties: Map<string, unknown>; required: unknown[]; variants: unknown[] } {
  const properties = new Map(Object.entries(nodeOf(node.properties)));
  const required = [...listOf(node.required)];
  const variants = [...listOf(node.oneOf), ...listOf(node.anyOf)];
  for (const part of listOf(node.allOf)) {
    const member = resolved(document, part);
    if (seen.has(member)) continue;
    const more = merged(document, member, seen.add(member));
    for (const [key, property] of more.properties) properties.set(key, property);
    required.push(...more.required);
    variants.push(...more.variants);
  }
  return { properties, required, variants };
}

const hasFields = (document: OpenApi, node: Node): boolean => {
  const { properties, variants } = merged(document, node);
  return (
    properties.size > 0 ||
    variants.length > 0 ||
    isNode(node.items) ||
    (isNode(node.additionalProperties) && Object.keys(node.additionalProperties).length > 0)
  );
};

/** A reference that was followed is the very object it led to. */
const namesOf = (document: OpenApi): Map<Node, string> =>
  new Map(
    Object.entries(nodeOf(nodeOf(document.components).schemas)).flatMap(([name, schema]) =>
      isNode(schema) ? [[schema, name] as const] : [],
    ),
  );

const nameOf = (value: unknown, names: ReadonlyMap<Node, string>): string => {
  const node = nodeOf(value);
  if (typeof node.$ref === 'string') return nameOfReference(node.$ref);
  return names.get(node) ?? wordsOf(node.title);
};
