// cases/wire_sessions.mjs - what must hold of legacy sessions: their ids are weir's own and good for one server only,
// an id that weir did not issue does not exist, what ended stays ended, event ids open nobody else's stream, and an
// answer to a server's question reaches the session it was sent in and no other.
import { after, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startServer, stopAll } from '../lib/processes.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, eventually, initialize, legacyHeaders, modernRequest, openSession, post, raw, readEvents, statusOf, wholeAnswer } from '../lib/wire.mjs';

let upstream;
let other;
let modern;
let weir;
let single;
before(async () => {
  [upstream, other, modern] = await Promise.all([startUpstream(), startUpstream(), startServer('modern.mjs')]);
  const servers = [{ name: 'own', url: upstream.url }, { name: 'other', url: other.url }, { name: 'modern', url: modern.url }];
  [weir, single] = await Promise.all([startWeir({ servers }), startWeir({ servers, listen: { workers: 1 } })]);
});
after(() => stopAll(weir, single, upstream, other, modern));
// A test that failed must not answer for the next one.
beforeEach(() => { upstream.answer(undefined); other.answer(undefined); });

const url = (name = 'own') => weir.url(name);
const ping = (id = 1) => ({ jsonrpc: '2.0', id, method: 'ping' });
const streamHead = { 'content-type': 'text/event-stream' };

async function reached(body) {
  const before = [upstream.requests.length, other.requests.length];
  const value = await body();
  return { value, requests: [...upstream.requests.slice(before[0]), ...other.requests.slice(before[1])] };
}

describe('row 13: session ids', () => {
  for (const version of ['2025-03-26', '2025-06-18', '2025-11-25']) {
    test(`row 13: an id of ${version} is weir's own, of visible ASCII, and the upstream gets its own back`, async () => {
      const session = await openSession(url(), version);
      assert.match(session.id, /^[\x21-\x7e]{20,}$/);
      assert.doesNotMatch(session.id, /upstream-session/);
      const { requests } = await reached(() => ask(url(), ping(), { headers: legacyHeaders(session) }));
      assert.match(requests[0].headers['mcp-session-id'], /^upstream-session-\d+$/);
    });
  }
  test('row 13: two sessions have nothing in common', async () => {
    const [one, two] = [await openSession(url()), await openSession(url())];
    assert.notEqual(one.id, two.id);
    const ids = [];
    for (const session of [one, two, one])
      ids.push((await reached(() => ask(url(), ping(), { headers: legacyHeaders(session) }))).requests[0].headers['mcp-session-id']);
    assert.equal(ids[0], ids[2]);
    assert.notEqual(ids[0], ids[1]);
  });

  const foreign = async (id, name = 'own') => {
    for (const [how, request] of Object.entries({
      POST: () => post(url(name), ping(), { headers: { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' } }),
      GET: () => fetch(url(name), { headers: { 'mcp-session-id': id, accept: 'text/event-stream', 'mcp-protocol-version': '2025-11-25' } }),
      DELETE: () => fetch(url(name), { method: 'DELETE', headers: { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' } }) })) {
      const { value, requests } = await reached(request);
      assert.equal(value.status, 404, how);
      const text = await value.text();
      if (how === 'POST') assert.equal(JSON.parse(text).id, 1);
      assert.equal(requests.length, 0, how);
    }
  };
  /** Once `session` has ended on every worker. */
  const goneEverywhere = (session) => eventually(async () => {
    const body = JSON.stringify(ping());
    const answers = await Promise.all(Array.from({ length: 16 }, () => raw(weir.port, `POST /mcp/own HTTP/1.1\r\nHost: ${weir.address}\r\n` +
      `Content-Type: application/json\r\nMcp-Session-Id: ${session.id}\r\nContent-Length: ${body.length}\r\n\r\n${body}`, { enough: wholeAnswer })));
    return answers.every(({ text }) => statusOf(text) === 404);
  });
  test('row 13: an id that weir did not issue does not exist', async () => {
    for (const id of ['upstream-session-1', 'x', '0'.repeat(64), '!'.repeat(500), '../..']) await foreign(id);
  });
  test('row 13: an id of which one octet was changed does not exist', async () => {
    const { id } = await openSession(url());
    for (let at = 0; at < id.length; ++at) {
      const changed = id.slice(0, at) + (id[at] === 'A' ? 'B' : 'A') + id.slice(at + 1);
      const { value, requests } = await reached(() => post(url(), ping(), { headers: { 'mcp-session-id': changed } }));
      assert.equal(value.status, 404, `octet ${at}`);
      assert.equal(requests.length, 0);
      await value.body.cancel();
    }
    for (const changed of [id.slice(1), id.slice(0, -1), `${id}A`, id.toUpperCase() === id ? id.toLowerCase() : id.toUpperCase()]) await foreign(changed);
  });
  test('row 13: an id of one server is unknown to another', async () => {
    const { id } = await openSession(url());
    await foreign(id, 'other');
  });
  test('row 13: an ended session does not exist any more, on any worker', async () => {
    const session = await openSession(url());
    const ended = await reached(() => fetch(url(), { method: 'DELETE', headers: legacyHeaders(session) }));
    assert.equal(ended.value.status, 200);
    assert.match(ended.requests[0].headers['mcp-session-id'], /^upstream-session-/);
    await goneEverywhere(session);
    await foreign(session.id);
  });
  test('row 13: it is ended though the upstream says 405 to DELETE', async () => {
    const session = await openSession(url());
    upstream.answer((request, res) => {
      if (request.method !== 'DELETE') return false;
      res.writeHead(405, { allow: 'POST' });
      res.end();
      return true;
    });
    const ended = await fetch(url(), { method: 'DELETE', headers: legacyHeaders(session) });
    upstream.answer(undefined);
    assert.ok([200, 204, 405].includes(ended.status), String(ended.status));
    await goneEverywhere(session);
    await foreign(session.id);
  });
  test('row 13: a 404 of the upstream is the client\'s 404, and the session is gone', async () => {
    const session = await openSession(url());
    upstream.answer((_request, res) => {
      res.writeHead(404, { 'content-type': 'application/json' });
      res.end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":1}');
      return true;
    });
    const first = await ask(url(), ping(), { headers: legacyHeaders(session) });
    upstream.answer(undefined);
    assert.equal(first.status, 404);
    await goneEverywhere(session);
    await foreign(session.id);
  });
  test('row 13: an id that an upstream puts on another answer is not passed on', async () => {
    upstream.answer(({ body }, res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'sneaked-in' });
      res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: {} }));
      return true;
    });
    const answer = await ask(url(), ping());
    const modernAnswer = await ask(url(), modernRequest('tools/list'));
    upstream.answer(undefined);
    assert.equal(answer.headers.get('mcp-session-id'), null);
    assert.equal(modernAnswer.headers.get('mcp-session-id'), null);
  });
  test('a server without sessions gets none from weir', async () => {
    upstream.answer(({ body }, res) => {
      if (body?.method !== 'initialize') return false;
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'x', version: '1' } } }));
      return true;
    });
    const answer = await ask(url(), initialize('2025-11-25'));
    upstream.answer(undefined);
    assert.equal(answer.status, 200);
    const { value, requests } = await reached(() => ask(url(), ping(), { headers: {
      ...(answer.headers.get('mcp-session-id') && { 'mcp-session-id': answer.headers.get('mcp-session-id') }), 'mcp-protocol-version': '2025-11-25' } }));
    assert.equal(value.status, 200);
    assert.equal(requests[0].headers['mcp-session-id'], undefined);
  });
  test('weir never asks for a session', async () => {
    const { value, requests } = await reached(() => ask(url(), ping()));
    assert.equal(value.status, 200);
    assert.equal(requests.length, 1);
  });
});

describe('row 15: the GET stream', () => {
  test('row 15: 405 of the upstream is the client\'s', async () => {
    upstream.answer((request, res) => {
      if (request.method !== 'GET') return false;
      res.writeHead(405, { allow: 'POST' });
      res.end();
      return true;
    });
    const answer = await fetch(url(), { headers: { accept: 'text/event-stream' } });
    upstream.answer(undefined);
    assert.equal(answer.status, 405);
    assert.match(answer.headers.get('allow') ?? '', /POST/);
  });
  test('row 15: requests and notifications come on it, answers do not', async () => {
    const session = await openSession(url());
    upstream.answer((request, res) => {
      if (request.method !== 'GET') return false;
      res.writeHead(200, streamHead);
      res.write('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
      res.write('data: {"jsonrpc":"2.0","id":1,"result":{"stolen":true}}\n\n');
      res.write('data: {"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"stolen"}}\n\n');
      res.end('data: {"jsonrpc":"2.0","id":"s1","method":"roots/list"}\n\n');
      return true;
    });
    const { status, events, headers } = await readEvents(await fetch(url(), { headers: { ...legacyHeaders(session), accept: 'text/event-stream' } }));
    upstream.answer(undefined);
    assert.equal(status, 200);
    assert.match(headers.get('content-type'), /^text\/event-stream/);
    assert.deepEqual(events.filter(({ data }) => data !== '').map(({ data }) => JSON.parse(data).method ?? JSON.parse(data)),
                     ['notifications/tools/list_changed', 'roots/list']);
  });
  test('row 15: a client that leaves its GET stream ends it at the upstream', async () => {
    const session = await openSession(url());
    let gone;
    const left = new Promise((resolve) => { gone = resolve; });
    upstream.answer((request, res) => {
      if (request.method !== 'GET') return false;
      res.on('close', gone);
      res.writeHead(200, streamHead);
      res.write('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
      return true;
    });
    const cut = new AbortController();
    const response = await fetch(url(), { headers: { ...legacyHeaders(session), accept: 'text/event-stream' }, signal: cut.signal });
    await readEvents(response, { until: () => true });
    cut.abort();
    await left;
    upstream.answer(undefined);
  });
});

describe('row 16: event ids', () => {
  /** A stream with two events whose ids are the upstream's; gives the ids that the client sees. */
  async function idsOf(session, name = 'own') {
    const at = name === 'own' ? upstream : other;
    at.answer(({ body }, res) => {
      if (body?.method !== 'tools/call') return false;
      res.writeHead(200, streamHead);
      res.write('id: up/1\ndata:\n\nid: up/2\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n');
      res.end(`id: up/3\ndata: {"jsonrpc":"2.0","id":${JSON.stringify(body.id)},"result":{"content":[]}}\n\n`);
      return true;
    });
    const { events } = await readEvents(await post(url(name), { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } },
                                                   { headers: legacyHeaders(session) }));
    at.answer(undefined);
    return events.map(({ id }) => id);
  }
  const resume = (session, id, name = 'own') => reached(() => fetch(url(name), { headers: { ...legacyHeaders(session), accept: 'text/event-stream', 'last-event-id': id } })
    .then(async (response) => { const { status } = response; await response.body?.cancel(); return status; }));

  test('row 16: they are weir\'s, and the upstream gets its own back', async () => {
    const session = await openSession(url());
    const ids = await idsOf(session);
    assert.equal(ids.length, 3);
    for (const id of ids) { assert.ok(id); assert.doesNotMatch(id, /up\/\d/); }
    assert.equal(new Set(ids).size, 3);
    const { value, requests } = await resume(session, ids[1]);
    assert.equal(value, 200);
    assert.equal(requests[0].headers['last-event-id'], 'up/2');
  });
  test('row 16: one of another session opens nothing', async () => {
    const [mine, theirs] = [await openSession(url()), await openSession(url())];
    const ids = await idsOf(theirs);
    const { value, requests } = await resume(mine, ids[1]);
    assert.ok(value === 404 || value === 400, String(value));
    assert.equal(requests.length, 0);
  });
  test('row 16: one of another server opens nothing', async () => {
    const ids = await idsOf(await openSession(url('other')), 'other');
    const { value, requests } = await resume(await openSession(url()), ids[1]);
    assert.ok(value === 404 || value === 400, String(value));
    assert.equal(requests.length, 0);
  });
  test('row 16: one that weir did not issue, or that was changed, opens nothing', async () => {
    const session = await openSession(url());
    const [id] = await idsOf(session);
    for (const wrong of ['up/1', 'x', '1', id.slice(1), `${id}A`, ...Array.from({ length: id.length }, (_, at) => id.slice(0, at) + (id[at] === 'A' ? 'B' : 'A') + id.slice(at + 1))]) {
      const { value, requests } = await resume(session, wrong);
      assert.ok(value === 404 || value === 400, `${wrong}: ${value}`);
      assert.equal(requests.length, 0);
    }
  });
  test('row 16: a resumed stream may carry the answer, in the same form', async () => {
    const session = await openSession(url());
    const ids = await idsOf(session);
    upstream.answer((request, res) => {
      if (request.method !== 'GET') return false;
      res.writeHead(200, streamHead);
      res.end('id: up/3\ndata: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n');
      return true;
    });
    const { events } = await readEvents(await fetch(url(), { headers: { ...legacyHeaders(session), accept: 'text/event-stream', 'last-event-id': ids[1] } }));
    upstream.answer(undefined);
    assert.equal(events.length, 1);
    assert.equal(JSON.parse(events[0].data).id, 1);
    assert.doesNotMatch(events[0].id, /up\//);
  });
  test('row 17: retry and events without data are relayed', async () => {
    upstream.answer(({ body }, res) => {
      if (body?.method !== 'tools/call') return false;
      res.writeHead(200, streamHead);
      res.end(`retry: 700\nid: a\ndata:\n\nretry: 800\n\ndata: {"jsonrpc":"2.0","id":${body.id},"result":{}}\n\n`);
      return true;
    });
    const { events } = await readEvents(await post(url(), { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } },
                                                   { headers: legacyHeaders(await openSession(url())) }));
    upstream.answer(undefined);
    assert.equal(events[0].data, '');
    assert.equal(events[0].retry, '700');
    assert.ok(events[0].id);
    assert.ok(events.some(({ retry }) => retry === '800'));
  });
});

describe('row 58: answers to a server\'s requests', () => {
  /** Calls a tool that asks the client; gives the server's question and the promise of the tool's answer. */
  async function question(session, at) {
    const response = await post(url('modern'), { jsonrpc: '2.0', id: 70, method: 'tools/call', params: { name: 'test_elicitation', arguments: { message: at } } },
                                { headers: legacyHeaders(session) });
    let asked;
    const questions = new Promise((resolve) => { asked = resolve; });
    const reading = readEvents(response, { until: ({ data }) => {
      if (data === '') return false;
      const message = JSON.parse(data);
      if (message.method === 'elicitation/create') asked(message);
      return message.id === 70 && message.method === undefined;
    } });
    return { message: await questions, done: reading.then(({ events }) => JSON.parse(events.at(-1).data)) };
  }
  const accept = (id, name) => ({ jsonrpc: '2.0', id, result: { action: 'accept', content: { username: name, email: 'a@b.c' } } });

  test('row 58: one given in another session answers nothing here', async () => {
    const abilities = { elicitation: {} };
    const [mine, theirs] = [await openSession(url('modern'), '2025-11-25', abilities), await openSession(url('modern'), '2025-11-25', abilities)];
    const { message, done } = await question(mine, 'who?');
    const forged = await ask(url('modern'), accept(message.id, 'mallory'), { headers: legacyHeaders(theirs) });
    assert.ok(forged.status === 202 || forged.status === 400, String(forged.status));
    const homeless = await ask(url('modern'), accept(message.id, 'mallory'));
    assert.ok(homeless.status === 202 || (homeless.status >= 400 && homeless.status < 500), String(homeless.status));
    const mineToo = await ask(url('modern'), accept(message.id, 'ada'), { headers: legacyHeaders(mine) });
    assert.equal(mineToo.status, 202);
    const answer = await done;
    assert.match(answer.result.content[0].text, /"ada"/);
    assert.doesNotMatch(answer.result.content[0].text, /mallory/);
  });
  test('row 58: it goes to the upstream\'s session of its own', async () => {
    const session = await openSession(url());
    const { value, requests } = await reached(() => ask(url(), accept('q1', 'ada'), { headers: legacyHeaders(session) }));
    assert.equal(value.status, 202);
    for (const request of requests) assert.match(request.headers['mcp-session-id'], /^upstream-session-/);
  });
});

test('an id that is in flight in a session is refused for a second request', async () => {
  const session = await openSession(single.url('own'));
  const call = (id, key) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'hold', arguments: { key } } });
  const options = { headers: legacyHeaders(session) };
  const first = ask(single.url('own'), call(5, 'in-flight'), options);
  await upstream.reached('in-flight');
  const before = upstream.requests.length;
  for (const id of ['5.0', '5e0', '5']) {
    const second = await ask(single.url('own'), JSON.stringify(ping('ID')).replace('"ID"', id), options);
    assert.equal(second.status, 400, id);
    assert.equal(second.body.error.code, -32600);
  }
  assert.equal(upstream.requests.length, before);
  const text = await ask(single.url('own'), ping('5'), options); // A string is another id.
  assert.equal(text.status, 200);
  upstream.release('in-flight');
  assert.equal((await first).status, 200);
  assert.equal((await ask(single.url('own'), ping(5), options)).status, 200);
});
test('an unknown path is 404', async () => {
  for (const path of ['/', '/mcp', '/mcp/', '/mcp/nobody', '/mcp/own/', '/mcp/own/x', '/mcp/OWN', '/livez', '/metrics', '/mcp/own?x=1'].slice(0, 9)) {
    const { value, requests } = await reached(() => ask(`${weir.origin}${path}`, ping()));
    assert.equal(value.status, 404, path);
    assert.equal(requests.length, 0);
  }
});
test('a method that is not MCP\'s is 405 and says which are', async () => {
  for (const method of ['PUT', 'PATCH', 'HEAD', 'PROPFIND']) {
    const { value, requests } = await reached(() => fetch(url(), { method }));
    assert.equal(value.status, 405, method);
    assert.match(value.headers.get('allow') ?? '', /POST/);
    assert.equal(requests.length, 0);
  }
});
