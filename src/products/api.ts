/** One OpenAPI document and its base URLs, one for each customer environment. */
export type Api = {
  id: string;
  name: string;
  version: string;
  description: string;
  document: Record<string, unknown>;
  baseUrls: BaseUrl[];
};

export type BaseUrl = { name: string; url: string };
