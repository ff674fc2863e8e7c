// servers/everything.mjs - @modelcontextprotocol/server-everything over Streamable HTTP, as it is, but on 127.0.0.1 at a
// free port: it takes its port from the environment and listens on every address, so the one call is turned here.
//
//   node servers/everything.mjs      prints "listening http://127.0.0.1:PORT/mcp"
import { Server } from 'node:net';

const listen = Server.prototype.listen;
Server.prototype.listen = function (_port, ...rest) {
  this.keepAliveTimeout = 0; // as in lib/upstream.mjs
  const callback = rest.find((item) => typeof item === 'function');
  return listen.call(this, 0, '127.0.0.1', () => {
    callback?.();
    process.stdout.write(`listening http://127.0.0.1:${this.address().port}/mcp\n`);
  });
};
console.log = () => {}; // It tells of each request.
process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
process.on('SIGTERM', () => process.exit(0));

const entry = import.meta.resolve('@modelcontextprotocol/server-everything/package.json');
await import(new URL('dist/transports/streamableHttp.js', entry));
