import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Serving, serve } from '../../src/commands/serve.ts';

/** Answers after 200 ms. */
const slow = async (port: number, agent?: Agent): Promise<string> => {
  const [response] = (await once(get({ port, agent }), 'response')) as [IncomingMessage];
  return (await response.toArray()).join('');
};

let serving: Serving;
beforeEach(async () => {
  serving = await serve({
    callback: async (_, response) => {
      await sleep(200);
      response.end('done');
    },
    host: '127.0.0.1',
    port: 0,
  });
});
afterEach(() => serving.close(0));

test('closing lets a request under way finish and takes no new one', async () => {
  const agent = new Agent({ keepAlive: true });
  const answer = slow(serving.port, agent);
  await sleep(50);

  const began = Date.now();
  const closed = serving.close();
  await expect(slow(serving.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect(await answer).toBe('done');
  await closed;
  expect(Date.now() - began).toBeLessThan(1_000);
  agent.destroy();
});

test('connections that only wait do not hold it up', async () => {
  const agent = new Agent({ keepAlive: true });
  await slow(serving.port, agent);
  const silent = connect(serving.port, '127.0.0.1');
  await once(silent, 'connect');

  const began = Date.now();
  await serving.close();
  expect(Date.now() - began).toBeLessThan(1_000);
  silent.destroy();
  agent.destroy();
});

test('a request that never ends is broken off', async () => {
  const answer = slow(serving.port);
  await sleep(50);
  await Promise.all([expect(answer).rejects.toThrow('socket hang up'), serving.close(50)]);
});

test('a port that is taken is told in a sentence', async () => {
  const { port } = serving;
  await expect(serve({ callback: () => {}, host: '127.0.0.1', port })).rejects.toThrow(
    `Port ${port} is in use. Stop what uses it or set PORT.`,
  );
});
