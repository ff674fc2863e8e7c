// cases/wire_answers.mjs - what must hold of what comes back: an event stream has the same events however it is cut and
// whatever ends its lines, each goes out at once, and an upstream that breaks HTTP, JSON or MCP becomes a clean error
// of weir's, never half an answer. Tried with an upstream that plays octets, among them http_response_vectors.json.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, stopAll } from '../lib/processes.mjs';
import { startPlayer, startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, atRest, eventually, modernCall, modernRequest, post, readEvents } from '../lib/wire.mjs';

const vectors = JSON.parse(readFileSync(join(root, '..', 'data', 'http_response_vectors.json'), 'utf8'));

// What the player plays is set by each test: `play(socket)`.
let play;
let player;
let upstream;
let weir;
before(async () => {
  [player, upstream] = await Promise.all([startPlayer((_request, socket) => play(socket)), startUpstream()]);
  // One worker, so that it is known which connections are there to be used again.
  weir = await startWeir({ listen: { workers: 1 }, servers: [{ name: 'player', url: player.url }, { name: 'own', url: upstream.url },
    { name: 'nobody', url: 'http://127.0.0.1:1/mcp' }] });
});
after(() => stopAll(weir, player, upstream));

const legacyCall = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } };
const eras = { legacy: legacyCall, modern: modernCall('echo', {}) };
const send = (socket, text) => socket.write(Buffer.from(text, 'latin1'));
const chunk = (text) => `${Buffer.byteLength(text, 'latin1').toString(16)}\r\n${text}\r\n`;
const streamHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const result = (id = 1) => `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","content":[{"type":"text","text":"hi"}]}}`;
const notice = (value) => `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":${JSON.stringify(value)}}}`;

/** A clean failure: 502 with a JSON-RPC error of weir's for the request's id. */
function assertUpstreamFault(answer, id = 1) {
  assert.equal(answer.status, 502, `${answer.status} ${answer.text}`);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.equal(answer.body?.error?.code, -32603, answer.text);
  assert.equal(answer.body.id, id);
  assert.equal(answer.body.result, undefined);
}

/** A stream that began and went wrong: it ends with an error for the request, or broken off; never with a result. */
function assertStreamFault({ events, cut }) {
  const messages = events.filter(({ data }) => data !== '').map(({ data }) => JSON.parse(data));
  const last = messages.at(-1);
  assert.ok(last?.error !== undefined || cut, JSON.stringify({ messages, cut }));
  if (last?.error !== undefined) assert.equal(last.id, 1);
}

describe('row 24: an event stream is its events, not its octets', () => {
  const ends = { LF: '\n', CRLF: '\r\n', CR: '\r' };
  const streams = Object.entries(ends).map(([name, end]) => [name, [
    ': a comment', `data: ${notice('one')}`, '',
    'event: message', 'id: 7', `data:${notice('tw\u00c3\u00bc')}`, '', // Two octets of UTF-8, as latin-1.
    'retry: 100', 'unknown: field', 'data: {"jsonrpc":"2.0","method":"notifications/message",', 'data: "params":{"level":"info","data":3}}', '',
    'event: other', 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"other"}}', '',
    `data: ${result()}`, '', ''].join(end)]);
  streams.push(['a BOM first', `\u00ef\u00bb\u00bfdata: ${notice('one')}\n\ndata: ${notice('twü')}\n\ndata: ${notice(3)}\n\ndata: ${result()}\n\n`]);
  streams.push(['line ends mixed', `data: ${notice('one')}\r\n\ndata: ${notice('tw\u00c3\u00bc')}\r\rdata: ${notice(3)}\n\r\ndata: ${result()}\r\r\n`]);
  const expected = ['one', 'twü', 3];

  async function through(pieces) {
    play = async (socket) => {
      socket.setNoDelay(true);
      send(socket, streamHead);
      for (const piece of pieces) {
        send(socket, chunk(piece));
        await new Promise(setImmediate);
      }
      send(socket, '0\r\n\r\n');
    };
    const { status, events, cut } = await readEvents(await post(weir.url('player'), legacyCall));
    assert.equal(status, 200);
    assert.equal(cut, false);
    // Weir's event ids are sealed anew each time; that there is one is what can be compared.
    return events.map((event) => ({ ...event, id: event.id === undefined ? undefined : 'sealed' }));
  }
  function check(events) {
    const messages = events.filter(({ data }) => data !== '').map(({ data }) => JSON.parse(data));
    assert.deepEqual(messages.slice(0, 3).map(({ params }) => params.data), expected);
    assert.equal(messages.at(-1).result.content[0].text, 'hi');
    assert.equal(messages.length, 4, 'what is of no known type is dropped');
    for (const { event } of events) assert.ok(event === undefined || event === 'message');
  }
  for (const [name, text] of streams) {
    const bytes = name === 'a BOM first' ? text.replace('twü', 'tw\u00c3\u00bc') : text;
    test(`row 24: ${name}, in one piece`, async () => check(await through([bytes])));
    test(`row 24: ${name}, octet by octet`, async () => check(await through([...bytes])));
    test(`row 24: ${name}, cut in two at every octet gives the same events`, async () => {
      const whole = await through([bytes]);
      for (let at = 1; at < bytes.length; at += 3)
        assert.deepEqual(await through([bytes.slice(0, at), bytes.slice(at)]), whole, `cut at ${at}`);
    });
  }
});

describe('row 25: nothing is kept back', () => {
  for (const [era, call] of Object.entries(eras))
    test(`row 25: each event goes out before the next has come (${era})`, async () => {
      let socket;
      const begun = new Promise((resolve) => { play = (one) => { socket = one; send(one, streamHead); resolve(); }; });
      const pending = post(weir.url('player'), call);
      await begun;
      const response = await pending; // The head comes without an event.
      assert.equal(response.headers.get('x-accel-buffering'), 'no');
      assert.match(response.headers.get('cache-control'), /no-cache/);
      assert.match(response.headers.get('cache-control'), /no-transform/);
      assert.equal(response.headers.get('content-length'), null);
      let turn = 0;
      await readEvents(response, { until: ({ data }) => {
        if (data === '' || JSON.parse(data).result) return false;
        assert.equal(JSON.parse(data).params.data, turn);
        ++turn;
        send(socket, turn < 5 ? chunk(`data: ${notice(turn)}\n\n`) : chunk(`data: ${result()}\n\n`) + '0\r\n\r\n');
        return false;
      }, ...(send(socket, chunk(`data: ${notice(0)}\n\n`)) && {}) });
      assert.equal(turn, 5);
    });
});

describe('row 42: an upstream that breaks the rules', () => {
  const head = (status, type, body, more = '') => `HTTP/1.1 ${status} X\r\n${type ? `Content-Type: ${type}\r\n` : ''}${more}Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`;
  const json = (body) => head(200, 'application/json', body);
  const rows = {
    'HTML under 200': head(200, 'text/html', '<h1>Hello</h1>'),
    'HTML under 502': head(502, 'text/html', '<h1>Bad gateway</h1>'),
    'HTML under 500': head(500, 'text/html', '<h1>secret stack trace</h1>'),
    'HTML that says it is JSON': json('<h1>Hello</h1>'),
    'no content type': head(200, '', result()),
    'bad JSON': json('{"jsonrpc":"2.0","id":1,"result":{'),
    'a name twice': json('{"jsonrpc":"2.0","id":1,"result":{"content":[],"content":[{"type":"text","text":"second"}]}}'),
    'a name twice, once escaped': json('{"jsonrpc":"2.0","id":1,"result":{"content":[],"cont\\u0065nt":[]}}'),
    'invalid UTF-8': json('{"jsonrpc":"2.0","id":1,"result":{"content":"\u00c3("}}'),
    'a lone surrogate': json('{"jsonrpc":"2.0","id":1,"result":{"content":"\\ud800"}}'),
    'too deep': json(`{"jsonrpc":"2.0","id":1,"result":${'['.repeat(100)}${']'.repeat(100)}}`),
    'octets after the JSON': json(`${result()} x`),
    'two JSON texts': json(result() + result()),
    'an empty body under 200': json(''),
    'a number as answer': json('7'),
    'another request\'s id': json(result(2)),
    'the id as text': json(result('"1"')),
    'no id': json('{"jsonrpc":"2.0","result":{}}'),
    'result and error': json('{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}'),
    'neither result nor error': json('{"jsonrpc":"2.0","id":1}'),
    'a request instead of an answer': json('{"jsonrpc":"2.0","id":1,"method":"roots/list"}'),
    'no jsonrpc': json('{"id":1,"result":{}}'),
    'a redirect': 'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n',
    'a permanent redirect': 'HTTP/1.1 308 Permanent\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n',
    'no content to a request': 'HTTP/1.1 204 No Content\r\n\r\n',
    'nine interim answers': `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(9)}${json(result())}`,
    'HTTP/1.0': json(result()).replace('HTTP/1.1', 'HTTP/1.0').replace('Content-Length: ', 'Transfer-Encoding: chunked\r\nContent-Length: '),
    'a folded field': head(200, 'application/json', result(), 'X-A: b\r\n c\r\n'),
    'a blank before the colon': head(200, 'application/json', result(), 'X-A : b\r\n'),
    'a bare LF in the head': json(result()).replace('\r\nContent-Length', '\nContent-Length'),
    'two different lengths': head(200, 'application/json', result(), 'Content-Length: 3\r\n'),
    'UTF-16': head(200, 'application/json; charset=utf-16', result()),
  };
  for (const [era, call] of Object.entries(eras))
    for (const [name, octets] of Object.entries(rows))
      test(`row 42: ${name} (${era})`, async () => {
        play = (socket) => send(socket, octets);
        const answer = await ask(weir.url('player'), call);
        assertUpstreamFault(answer);
        for (const leak of ['secret stack', '<h1>', 'second', 'elsewhere'])
          assert.equal((answer.text ?? '').includes(leak), false, leak);
        assert.equal(answer.headers.get('location'), null);
      });
  test('row 42: a good answer passes', async () => {
    play = (socket) => send(socket, json(result()));
    const answer = await ask(weir.url('player'), legacyCall);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.result.content[0].text, 'hi');
  });
  test('row 42: nobody there is 502, at once', async () => {
    for (const call of Object.values(eras)) assertUpstreamFault(await ask(weir.url('nobody'), call));
  });
  for (const durability of ['batch', 'strict'])
    test(`row 42: what a client is told of it is in the record as it was told (${durability})`, async () => {
      const own = await startWeir({ record: { durability }, listen: { workers: 1 }, servers: [{ name: 'nobody', url: 'http://127.0.0.1:1/mcp' }] });
      try {
        const told = [];
        for (const call of Object.values(eras)) told.push((await ask(own.url('nobody'), call)).text);
        let answers;
        await eventually(async () => {
          const { sessions } = await own.sessions();
          const shown = await Promise.all(sessions.map(({ id }) => own.json('sessions', 'show', id, '--bodies')));
          answers = shown.flatMap(({ entries }) => entries).filter(({ kind }) => kind === 'answered');
          return answers.length === told.length;
        });
        assert.deepEqual(answers.map(({ body }) => body).sort(), told.sort());
        for (const { status, code, is_error: isError } of answers) assert.deepEqual({ status, code, isError }, { status: 502, code: -32603, isError: true });
      } finally {
        await stopAll(own);
      }
    });
  test('row 42: a connection that ends before an answer is 502', async () => {
    play = (socket) => socket.end();
    assertUpstreamFault(await ask(weir.url('player'), legacyCall));
  });
  test('row 42: a connection that is reset in the middle of an answer is 502', async () => {
    play = (socket) => { socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"jsonrpc"', () => socket.resetAndDestroy()); };
    assertUpstreamFault(await ask(weir.url('player'), legacyCall));
  });
  test('row 42: a call that the upstream may have got is never sent twice', async () => {
    const before = player.requests.length;
    play = (socket) => socket.destroy();
    assertUpstreamFault(await ask(weir.url('player'), legacyCall));
    assert.equal(player.requests.length, before + 1);
  });
  test('row 42: an error status with a JSON-RPC error is the upstream\'s own word', async () => {
    const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no such tool"}}';
    for (const status of [400, 404, 500]) {
      play = (socket) => send(socket, head(status, 'application/json', error));
      const answer = await ask(weir.url('player'), modernCall('echo'));
      assert.equal(answer.status, status);
      assert.equal(answer.body.error.message, 'no such tool');
    }
  });
  test('row 42: 401 of the upstream sends no client to its authorization server', async () => {
    play = (socket) => send(socket, head(401, 'application/json', '{}', 'WWW-Authenticate: Bearer resource_metadata="http://evil.example"\r\n'));
    const answer = await ask(weir.url('player'), legacyCall);
    assert.equal(answer.headers.get('www-authenticate'), null);
    assert.ok(answer.status >= 400);
    assert.notEqual(answer.status, 401);
  });
  const streamRows = {
    'data that is no JSON': 'data: nonsense\n\n',
    'JSON with a name twice': `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","level":"x","data":1}}\n\n`,
    'a second answer': `data: ${result()}\n\ndata: ${result()}\n\n`,
    'an answer to another request': `data: ${result(99)}\n\n`,
    'an array': `data: [${result()}]\n\n`,
    'invalid UTF-8': 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"\u00c3("}}\n\n',
    'no answer at all': `data: ${notice(1)}\n\n`,
  };
  for (const [era, call] of Object.entries(eras))
    for (const [name, text] of Object.entries(streamRows))
      test(`row 42: a stream with ${name} (${era})`, async () => {
        play = (socket) => { send(socket, streamHead + chunk(text) + '0\r\n\r\n'); };
        const response = await post(weir.url('player'), call);
        const found = await readEvents(response);
        if (name === 'a second answer') {
          const answers = found.events.filter(({ data }) => data !== '').map(({ data }) => JSON.parse(data)).filter(({ result: had }) => had);
          assert.equal(answers.length, 1, 'one answer to one request');
          return;
        }
        if (response.status === 200) assertStreamFault(found);
        else assert.equal(response.status, 502);
      });
  test('row 42: a stream that is cut in the middle of an event', async () => {
    play = (socket) => { socket.write(Buffer.from(streamHead + chunk(`data: ${notice(1)}\n\n`) + chunk('data: {"jsonrpc"'), 'latin1'), () => socket.resetAndDestroy()); };
    assertStreamFault(await readEvents(await post(weir.url('player'), legacyCall)));
  });
  test('row 42: a request that a modern stream carries is no answer', async () => {
    play = (socket) => { send(socket, streamHead + chunk(`data: {"jsonrpc":"2.0","id":5,"method":"roots/list"}\n\ndata: ${result()}\n\n`) + '0\r\n\r\n'); };
    const { events } = await readEvents(await post(weir.url('player'), modernCall('echo')));
    assert.equal(events.some(({ data }) => data.includes('roots/list')), false, '2026-07-28 has no requests of a server');
  });
});

describe('the vectors of upstream answers', () => {
  for (const vector of vectors.filter(({ expected }) => expected !== 'masked'))
    test(`answer vector ${vector.name}: ${vector.reason}`, { timeout: 600_000 }, async () => {
      if (vector.when === 'idle') return idle(vector);
      play = async (socket) => {
        send(socket, vector.raw);
        for (let i = 0; i < (vector.repeat ?? 0) && !socket.destroyed; ++i)
          if (!send(socket, vector.repeat_raw)) await new Promise((resolve) => { socket.once('drain', resolve); socket.once('close', resolve); });
        if (vector.then === 'shutdown' || vector.repeat) socket.end();
      };
      const response = await post(weir.url('player'), legacyCall);
      if (vector.expected === '502') {
        const text = await response.text();
        let body;
        try { body = JSON.parse(text); } catch { body = undefined; }
        // An answer whose stream had begun cannot become a 502 any more; it must not end well.
        if (response.status === 200) assert.match(text, /"error"/);
        else assertUpstreamFault({ status: response.status, headers: response.headers, text, body });
        return;
      }
      const found = await readEventsOrJson(response);
      if (vector.secret) assert.equal(JSON.stringify(found).includes(vector.secret), false);
      if (vector.expected === 'pass') {
        assert.equal(response.status, 200);
        assert.match(found.messages.at(-1).result.content[0].text, /^(hi|x)$/);
        assert.ok(found.events.every(({ retry }) => retry === undefined || /^\d{1,10}$/.test(retry)));
      } else if (vector.name === 'sse_two_answers') {
        assert.equal(found.messages.filter(({ result: had }) => had).length, 1);
      } else {
        assertStreamFault(found);
      }
    });
  async function readEventsOrJson(response) {
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
      const found = await readEvents(response);
      return { ...found, messages: found.events.filter(({ data }) => data !== '').map(({ data }) => JSON.parse(data)) };
    }
    const text = await response.text();
    return { events: [], cut: false, messages: [JSON.parse(text)] };
  }
  /** Octets on a pooled connection before any request: the connection must not be used for the next one. */
  async function idle(vector) {
    play = (socket) => {
      send(socket, `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${result().length}\r\n\r\n${result()}`);
      socket.once('said-early', () => send(socket, vector.raw));
      early = socket;
    };
    let early;
    assert.equal((await ask(weir.url('player'), legacyCall)).status, 200);
    const before = player.counters.connections;
    const closed = new Promise((resolve) => { early.once('close', resolve); });
    early.emit('said-early');
    await closed; // Weir drops the connection by itself.
    const next = await ask(weir.url('player'), legacyCall);
    assert.equal(next.status, 200);
    assert.equal(next.body.result.content[0].text, 'hi');
    assert.equal(player.counters.connections, before + 1);
  }
});

describe('what an upstream gets', () => {
  test('hop-by-hop fields, credentials and origins of the client stay here; Host is the upstream\'s', async () => {
    const before = upstream.requests.length;
    await ask(weir.url('own'), legacyCall, { headers: { authorization: 'Bearer secret-token', cookie: 'a=b', 'proxy-authorization': 'Basic x',
      'x-forwarded-for': '1.2.3.4', 'x-forwarded-host': 'evil', forwarded: 'for=1.2.3.4', te: 'trailers', 'x-custom': '1', 'accept-encoding': 'gzip, br',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: 'a=b' } });
    const { headers, rawHeaders } = upstream.requests[before];
    for (const name of ['authorization', 'cookie', 'proxy-authorization', 'x-forwarded-for', 'x-forwarded-host', 'forwarded', 'te', 'x-custom', 'origin', 'keep-alive', 'transfer-encoding'])
      assert.equal(headers[name], undefined, name);
    assert.equal(headers.host, new URL(upstream.url).host);
    assert.equal(headers['accept-encoding'], 'identity');
    assert.equal(headers.accept, 'application/json, text/event-stream');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers.traceparent, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    assert.equal(headers.tracestate, 'a=b');
    const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
    assert.equal(new Set(names).size, names.length);
  });
  test('connections to it are kept and used again, one request at a time', async () => {
    play = (socket) => send(socket, `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${result().length}\r\n\r\n${result()}`);
    const before = player.counters.connections;
    for (let i = 0; i < 20; ++i) assert.equal((await ask(weir.url('player'), legacyCall)).status, 200);
    assert.ok(player.counters.connections - before <= 4, `${player.counters.connections - before} connections for 20 requests`);
  });
  test('a connection whose answer said close is not used again', async () => {
    let again = 0;
    play = (socket) => {
      if (socket.saidClose) ++again;
      socket.saidClose = true;
      send(socket, `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${result().length}\r\n\r\n${result()}`);
    };
    for (let i = 0; i < 6; ++i) assert.equal((await ask(weir.url('player'), legacyCall)).status, 200);
    assert.equal(again, 0);
  });
  test('row 54: what a schema refers to is not fetched', async () => {
    let fetched = 0;
    const sink = await startPlayer((_request, socket) => { ++fetched; socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'); });
    const before = upstream.requests.length;
    upstream.answer(({ body }, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { resultType: 'complete', ttlMs: 0, cacheScope: 'private', tools: [{ name: 'echo', description: 'x',
        inputSchema: { type: 'object', $ref: `${sink.url}/schema.json`, properties: { a: { $ref: `${sink.url}/a.json` } } } }] } }));
      return true;
    });
    const listed = await ask(weir.url('own'), modernRequest('tools/list'));
    upstream.answer(undefined);
    assert.match(listed.body.result.tools[0].inputSchema.$ref, /schema\.json$/);
    assert.equal((await ask(weir.url('own'), modernCall('echo', { a: 1 }))).status, 200);
    await eventually(() => upstream.requests.length === before + 2);
    assert.equal(fetched, 0);
    await sink.stop();
  });
});

test('after all of this weir holds nothing of what broke off', () => atRest(weir));
