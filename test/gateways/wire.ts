import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';

export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  /** As they came, name and value in turn: two of one name are two. */
  rawHeaders: string[];
  body: string;
};

/** One request as it is written here: no path is tidied up, no header is kept back, as `fetch` would. */
export const exchange = (options: RequestOptions, body?: string | Buffer): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request(options, async (answer) => {
      let text = '';
      for await (const part of answer) text += part;
      const { statusCode = 0, headers, rawHeaders } = answer;
      resolve({ status: statusCode, headers, rawHeaders, body: text });
    });
    asked.once('error', reject);
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.end(body);
  });
