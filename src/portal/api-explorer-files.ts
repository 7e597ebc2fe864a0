import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

const require = createRequire(import.meta.url);

/**
 * What browsers load of each tool. Scalar's bundle is the one of `@scalar/api-reference`, from the
 * package that brings it alone, without the hundreds that it is made of.
 */
const tools = {
  'swagger-ui': filesOf('swagger-ui-dist', ['swagger-ui-bundle.js', 'swagger-ui.css']),
  scalar: filesOf('@scalar/fastify-api-reference', ['dist/js/standalone.js']),
};
export type Tool = keyof typeof tools;

/** Where each file of a tool is served from: an address that changes when its version does. */
export const addressesOf = (tool: Tool): string[] =>
  tools[tool].map(({ version, path }) => `/${tool}/${version}/${basename(path)}`);

/** Undefined for all but these files of these versions. */
export function openToolFile(address: string) {
  const [, tool] = address.split('/');
  if (tool !== 'swagger-ui' && tool !== 'scalar') return undefined;
  const file = tools[tool][addressesOf(tool).indexOf(address)];
  return file && { name: basename(file.path), stream: createReadStream(file.path) };
}

function filesOf(name: string, paths: string[]): { version: string; path: string }[] {
  const folder = folderOf(name);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    version: string; // npm asks every package for one
  };
  return paths.map((path) => ({ version, path: join(folder, path) }));
}

/** By looking for it: not every package lets itself be asked for its own package.json. */
function folderOf(name: string): string {
  const places = (require.resolve.paths(name) ?? []).map((place) => join(place, name));
  const found = places.find((place) => existsSync(join(place, 'package.json')));
  if (!found) throw new Error(`The package ${name} is not installed.`);
  return found;
}
