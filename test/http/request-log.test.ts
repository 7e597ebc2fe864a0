import Koa from 'koa';
import request from 'supertest';
import { requestLog } from '../../src/http/request-log.ts';

const token = 'kq3VwPz8n0yTq7s1u4Xb2c5d6e7f8g9h0i1j2k3l4m5';

test.each(['', '.', ')', '%20', ';x', '>', '/more', '.html'])(
  'a one-time link with "%s" behind it is cut in the log',
  async (end) => {
    const lines: object[] = [];
    const app = new Koa();
    const write = (line: object) => void lines.push(line);
    app.use(requestLog({ log: { info: write, debug: write } as never }));
    app.use((ctx) => {
      ctx.body = 'ok';
    });
    await request(app.callback()).get(`/verify/${token}${end}?code=${token}`);
    await new Promise((resolve) => setTimeout(resolve, 20)); // written once the answer is out
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).toContain('/verify/kq3VwP');
    expect(JSON.stringify(lines)).not.toContain(token.slice(0, 12));
  },
);
