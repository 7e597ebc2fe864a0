// What Node's HTTP server itself costs: an empty 200 to whatever is asked.
import { createServer } from 'node:http';

createServer((_request, response) => {
  response.writeHead(200, ['content-length', '0']);
  response.end();
}).listen(process.env.PORT, '127.0.0.1');
