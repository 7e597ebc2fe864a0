import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { openingTimes } from '../../src/sandbox/opening-times.ts';

describe('the sample API about clinics', () => {
  const app = new Koa();
  app.use(openingTimes().routes());
  const server = createServer(app.callback());
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const get = async (path: string, method = 'GET') => {
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/sandbox-api/opening-times${path}`;
    const answer = await fetch(url, { method, headers: { connection: 'close' } });
    return { status: answer.status, headers: answer.headers, body: await answer.text() };
  };
  const namesAt = async (time: string): Promise<string[]> => {
    const { body } = await get(`/clinics?${new URLSearchParams({ open_at: time })}`);
    return JSON.parse(body).clinics.map(({ id }: { id: string }) => id);
  };

  test('lists all of them, or those that are open then', async () => {
    expect(JSON.parse((await get('/clinics')).body).clinics).toHaveLength(3);
    expect(await namesAt('wed 12:00')).toEqual(['harbour-street', 'mill-lane', 'quarry-road']);
    expect(await namesAt('sat 12:29')).toEqual(['mill-lane', 'quarry-road']);
    expect(await namesAt('sat 12:30')).toEqual(['mill-lane']);
    expect(await namesAt('sun 22:00')).toEqual([]);
  });

  test('shows one, and says in words what is wrong', async () => {
    expect(JSON.parse((await get('/clinics/mill-lane')).body)).toMatchObject({
      name: 'Mill Lane Walk-in Centre',
    });
    expect(await get('/clinics/nowhere')).toMatchObject({ status: 404 });
    expect(await get('/clinics?open_at=noon')).toMatchObject({
      status: 400,
      body: expect.stringContaining('such as'),
    });
    expect(await get('/doctors')).toMatchObject({ status: 404 });
  });

  test('lets the browsers of all origins ask', async () => {
    const { status, headers } = await get('/clinics', 'OPTIONS');
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  });
});
