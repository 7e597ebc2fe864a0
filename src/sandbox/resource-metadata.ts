import { Router } from '@koa/router';
import { searchParameters } from './search-parameters.ts';

export type ResourceLocation = {
  issuer: string;
  /** Scheme, host and port, without a slash at the end. */
  baseUrl: string;
  /** Where the API is mounted: a slash first, none last. */
  prefix: string;
};

/** RFC 9728 §3.1: the well-known part stands between the host and the path of the resource. */
const metadataPath = (prefix: string): string => `/.well-known/oauth-protected-resource${prefix}`;

export const metadataUrlOf = ({ baseUrl, prefix }: ResourceLocation): string =>
  `${baseUrl}${metadataPath(prefix)}`;

/** Tells clients where tokens for the sample API come from (RFC 9728); open to all origins. */
export function resourceMetadata(location: ResourceLocation): Router {
  const types = Object.keys(searchParameters);
  const router = new Router();
  router.get(metadataPath(location.prefix), (ctx) => {
    ctx.set('Access-Control-Allow-Origin', '*');
    ctx.set('Cache-Control', 'public, max-age=300');
    ctx.body = {
      resource: `${location.baseUrl}${location.prefix}`,
      resource_name: 'Patient record (sample API)',
      authorization_servers: [location.issuer],
      bearer_methods_supported: ['header'],
      scopes_supported: ['user', 'patient', 'system'].flatMap((context) =>
        [...types.map((type) => `${type}.rs`), 'Observation.c'].map((rest) => `${context}/${rest}`),
      ),
    };
  });
  return router;
}
