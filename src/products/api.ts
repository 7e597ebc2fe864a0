/** Something to be called: OpenAPI documents, one a version, and its base URLs, one for each customer environment. */
export type Api = {
  id: string;
  /** As the current version's document says, like the description. */
  name: string;
  description: string;
  /** The current one. */
  version: string;
  document: OpenApi;
  /** Older ones that still hold, and newer ones to try. */
  otherVersions: ApiVersion[];
  baseUrls: BaseUrl[];
  /** The header in which a call brings its key. */
  keyHeader: string;
  /** The query's parameter in which it may bring it instead. */
  keyParameter: string;
  /** Whether a browser may ask first (CORS): such a question shows no key. */
  cors: boolean;
};

/** Where nobody says otherwise. */
export const usualCalls = {
  keyHeader: 'Ocp-Apim-Subscription-Key',
  keyParameter: 'subscription-key',
  cors: true,
} as const;

export type OpenApi = Record<string, unknown>;
export type ApiVersion = { version: string; document: OpenApi };
export type BaseUrl = { name: string; url: string };

/** All of them, the current one first. */
export const versionsOf = ({ version, document, otherVersions }: Api): ApiVersion[] => [
  { version, document },
  ...otherVersions,
];
