// servers/modern.mjs - an MCP server of both eras on one URL: 2026-07-28 by createMcpHandler, the revisions before it
// by sessions with an event store, so that streams can be resumed. Bound to 127.0.0.1 at the port given, or at a free one.
//
//   node servers/modern.mjs [PORT]      prints "listening http://127.0.0.1:PORT/mcp"
//
// Beside /mcp: GET /seen gives the counts of fixtures.mjs and of open sessions as JSON.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import { NodeStreamableHTTPServerTransport, localhostHostValidation, localhostOriginValidation, toNodeHandler,
         toWebRequest } from '@modelcontextprotocol/node';
import { makeServer, seen } from './fixtures.mjs';

/** Keeps the events of every stream of one session in memory, in order. */
class Events {
  #events = [];
  async storeEvent(streamId, message) {
    this.#events.push({ streamId, message });
    return `${streamId}/${this.#events.length - 1}`;
  }
  async getStreamIdForEventId(eventId) {
    return this.#events[this.#index(eventId)]?.streamId;
  }
  async replayEventsAfter(lastEventId, { send }) {
    const last = this.#index(lastEventId);
    const { streamId } = this.#events[last];
    for (let i = last + 1; i < this.#events.length; ++i)
      // A priming event is stored as an empty message; it is no message to replay.
      if (this.#events[i].streamId === streamId && this.#events[i].message.jsonrpc)
        await send(`${streamId}/${i}`, this.#events[i].message);
    return streamId;
  }
  #index(eventId) { return Number(eventId.slice(eventId.lastIndexOf('/') + 1)); }
}

/** Starts the server; resolves to `{ url, port, seen, close }`. */
export async function startModern(port = 0) {
  const sessions = new Map();
  const modern = createMcpHandler(() => makeServer((list) => list === 'tools' ? modern.notify.toolsChanged() : modern.notify.promptsChanged()),
                                  { legacy: 'reject' });
  const modernNode = toNodeHandler(modern);
  const hostAllowed = localhostHostValidation();
  const originAllowed = localhostOriginValidation();

  async function openSession() {
    const server = makeServer((list) => list === 'tools' ? server.server.sendToolListChanged() : server.server.sendPromptListChanged());
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID, eventStore: new Events(), retryInterval: 500,
      onsessioninitialized: (id) => { sessions.set(id, { server, transport }); },
      onsessionclosed: (id) => { sessions.delete(id); },
    });
    await server.connect(transport);
    return transport;
  }

  async function legacy(req, res, body) {
    const id = req.headers['mcp-session-id'];
    const session = id === undefined ? undefined : sessions.get(id);
    if (id !== undefined && session === undefined) {
      res.writeHead(404, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: body?.id ?? null }));
      return;
    }
    const transport = session?.transport ?? await openSession();
    await transport.handleRequest(req, res, body);
  }

  const http = createServer(async (req, res) => {
    if (req.url === '/seen') {
      res.writeHead(200, { 'content-type': 'application/json' });
      return res.end(JSON.stringify({ ...seen, sessions: sessions.size }));
    }
    if (!hostAllowed(req, res) || !originAllowed(req, res)) return undefined;
    if (req.method !== 'POST') return legacy(req, res);
    const request = await toWebRequest(req);
    const raw = await request.clone().text();
    let body;
    try { body = JSON.parse(raw); } catch { body = undefined; }
    for (const message of [body].flat())
      if (message?.method !== undefined) seen.calls[message.method] = (seen.calls[message.method] ?? 0) + 1;
    if (body === undefined) {
      res.writeHead(400, { 'content-type': 'application/json' });
      return res.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32700, message: 'Parse error' }, id: null }));
    }
    return await isLegacyRequest(request) ? legacy(req, res, body) : modernNode(req, res, body);
  });
  http.keepAliveTimeout = 0; // as in lib/upstream.mjs
  await new Promise((resolve) => { http.listen(port, '127.0.0.1', resolve); });
  const at = http.address().port;
  return {
    port: at, url: `http://127.0.0.1:${at}/mcp`, seen,
    async close() {
      await modern.close();
      http.closeAllConnections();
      await new Promise((resolve) => { http.close(resolve); });
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startModern(Number(process.argv[2] ?? 0));
  console.log(`listening ${url}`);
  // The parent holds our standard input: when it goes, so do we.
  process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
}
