import { createReadStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);

const packageFile = require.resolve('swagger-ui-dist/package.json');
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
const served = ['swagger-ui-bundle.js', 'swagger-ui.css'] as const;

/** Where a file of Swagger UI is served from: an address that changes when its version does. */
export const swaggerFile = (name: (typeof served)[number]): string =>
  `/swagger-ui/${version}/${name}`;

/** Undefined for all but these files of this version. */
export const openSwaggerFile = (path: string) => {
  const name = served.find((one) => swaggerFile(one) === path);
  return name && { name, stream: createReadStream(join(packageFile, '..', name)) };
};
