/** Where a request came from, as far as the trail, a throttle or a letter has to know. */
export type Caller = {
  /** The network address. */
  address: string;
  /** Names the request in the log and in the trail. */
  requestId: string;
  /** As the browser calls itself; cut to 300 characters. */
  userAgent: string;
};
