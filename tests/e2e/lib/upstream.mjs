// lib/upstream.mjs - an MCP server inside the test process whose every move the test decides: it shows what reached it
// octet by octet, holds answers until told, and answers with whatever a test gives it. It speaks both eras as far as
// the tests need and checks nothing: that is weir's work, and what gets through must be seen.
import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

/**
 * Starts one, at the port `wanted` or at any; gives
 *   url, port
 *   requests          what arrived, in order: `{ method, url, headers, rawHeaders, text, body }`
 *   tools             more definitions for tools/list
 *   answer(fn)        from now on `fn(request, res)` is asked first; true when it has answered
 *   reached(key), release(key), aborted(key), outcome(key)   of a call of tool `hold`
 *   stop()
 */
export async function startUpstream(wanted = 0, tls = undefined) {
  const requests = [];
  const holds = new Map();
  const tools = [];
  let sessionsOpened = 0;
  let custom;

  const hold = (key) => {
    if (!holds.has(key)) {
      const one = { aborted: false };
      one.reached = new Promise((resolve) => { one.reach = resolve; });
      one.released = new Promise((resolve) => { one.release = resolve; });
      one.outcome = new Promise((resolve) => { one.settle = resolve; });
      holds.set(key, one);
    }
    return holds.get(key);
  };

  const json = (res, status, value, headers = {}) => {
    res.writeHead(status, { 'content-type': 'application/json', ...headers });
    res.end(JSON.stringify(value));
  };
  const result = (id, value) => ({ jsonrpc: '2.0', id, result: value });

  async function serve(request, res) {
    const { body } = request;
    if (await custom?.(request, res)) return;
    if (request.method === 'GET') return stream(res).write(': open\n\n');
    if (request.method === 'DELETE') { res.writeHead(200); return res.end(); }
    const isModern = body?.params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined;
    const complete = isModern ? { resultType: 'complete' } : {};
    if (body === undefined) return json(res, 400, { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } });
    if (Array.isArray(body))
      return json(res, 200, body.filter((message) => message.id !== undefined).map((message) => result(message.id, {})));
    if (body.id === undefined || body.method === undefined) { res.writeHead(202); return res.end(); }
    switch (body.method) {
      case 'initialize':
        return json(res, 200, result(body.id, { protocolVersion: body.params.protocolVersion, serverInfo: { name: 'own', version: '1' },
          capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, prompts: {}, logging: {}, completions: {} } }),
          { 'mcp-session-id': `upstream-session-${++sessionsOpened}` });
      case 'server/discover':
        return json(res, 200, result(body.id, { ...complete, supportedVersions: ['2026-07-28', '2099-01-01'], capabilities: { tools: {} },
          ttlMs: 600_000, cacheScope: 'public' }));
      case 'tools/list':
        return json(res, 200, result(body.id, { ...complete, ...(isModern && { ttlMs: 600_000, cacheScope: 'public' }), tools: [
          { name: 'echo', description: 'gives back', inputSchema: { type: 'object' } },
          { name: 'hold', description: 'waits', inputSchema: { type: 'object' } },
          { name: 'secret_delete', description: 'to be hidden', inputSchema: { type: 'object' } }, ...tools] }));
      case 'tools/call': return call(body, res, complete);
      default: return json(res, 200, result(body.id, complete));
    }
  }

  function stream(res) {
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    return res;
  }

  const drained = (res) => new Promise((resolve) => {
    const done = () => { res.off('drain', done).off('close', done); resolve(); };
    res.on('drain', done).on('close', done);
  });

  async function call(body, res, complete) {
    const { name, arguments: args = {} } = body.params;
    const done = (text) => result(body.id, { ...complete, content: [{ type: 'text', text }] });
    const event = (message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`;
    const progress = (number) => ({ jsonrpc: '2.0', method: 'notifications/progress',
                                    params: { progressToken: body.params._meta?.progressToken ?? 'p', progress: number } });
    switch (name) {
      case 'stream': {
        stream(res);
        for (let i = 1; i <= args.count; ++i)
          if (!res.write(event(progress(i))) && !res.destroyed) await drained(res);
        return res.end(event(done(`sent ${args.count}`)));
      }
      case 'hold': {
        const one = hold(args.key);
        res.on('close', () => { if (!res.writableEnded) { one.aborted = true; one.settle('aborted'); one.release(); } });
        if (args.begin) stream(res).write(event(progress(1)));
        one.reach();
        await one.released;
        if (one.aborted) return undefined;
        one.settle('finished');
        return args.begin ? res.end(event(done('held'))) : json(res, 200, done('held'));
      }
      case 'break_off':
        stream(res).write(event(progress(1)), () => res.destroy());
        return undefined;
      default:
        return json(res, 200, done(JSON.stringify(args)));
    }
  }

  const listener = (req, res) => {
    const pieces = [];
    req.on('data', (piece) => pieces.push(piece));
    req.on('error', () => {});
    req.on('end', () => {
      const text = Buffer.concat(pieces).toString('utf8');
      let body;
      try { body = JSON.parse(text); } catch { body = undefined; }
      const request = { method: req.method, url: req.url, headers: req.headers, rawHeaders: req.rawHeaders, text, body, req };
      requests.push(request);
      serve(request, res).catch((error) => res.destroy(error));
    });
  };
  const http = tls ? createTlsServer(tls, listener) : createServer(listener);
  http.keepAliveTimeout = 0; // weir ends what it does not use: two who do it cross each other.
  await new Promise((resolve) => { http.listen(wanted, '127.0.0.1', resolve); });
  const { port } = http.address();
  return {
    port, url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/mcp`, requests, tools,
    answer: (fn) => { custom = fn; },
    reached: (key) => hold(key).reached,
    release: (key) => hold(key).release(),
    aborted: (key) => hold(key).aborted,
    outcome: (key) => hold(key).outcome,
    async stop() {
      http.closeAllConnections();
      await new Promise((resolve) => { http.close(resolve); });
    },
  };
}

/**
 * A TCP server that plays `octets(request)` (latin-1 text or a Buffer) once a whole request has come; then ends the
 * connection when `ends` says so. `{ url, port, requests, connections, stop }`; requests are latin-1 text.
 */
export async function startPlayer(octets, { ends = () => false, onConnect } = {}) {
  const requests = [];
  const sockets = new Set();
  const counters = { connections: 0 };
  const server = createTcpServer((socket) => {
    ++counters.connections;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    onConnect?.(socket, counters.connections);
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', async (piece) => {
      text += piece;
      for (;;) {
        const head = text.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
        if (text.length < head + 4 + length) return;
        const request = text.slice(0, head + 4 + length);
        text = text.slice(request.length);
        requests.push(request);
        await octets(request, socket);
        if (ends(request)) socket.end();
      }
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address();
  return {
    port, url: `http://127.0.0.1:${port}/mcp`, requests, counters,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => { server.close(resolve); });
    },
  };
}
