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
};

export type OpenApi = Record<string, unknown>;
export type ApiVersion = { version: string; document: OpenApi };
export type BaseUrl = { name: string; url: string };

/** All of them, the current one first. */
export const versionsOf = ({ version, document, otherVersions }: Api): ApiVersion[] => [
  { version, document },
  ...otherVersions,
];
