// cases/wire_http.mjs - what must hold of requests as octets: what is not exactly HTTP/1.1 with one meaning, from a
// known Host and Origin, within the limits and with strict JSON in it, never reaches an upstream; it is answered with
// its status, and a connection whose framing is lost ends. Tried with the corpora and bare sockets.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:net';
import { root, stopAll } from '../lib/processes.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, atRest, modernCall, modernHeaders, modernRequest, post, raw, statusOf, wholeAnswer } from '../lib/wire.mjs';

const data = (name) => JSON.parse(readFileSync(join(root, '..', 'data', name), 'utf8'));
const vectors = data('http_vectors.json');
const fixtures = data('http_fixtures_public.json');

let upstream;
let weir;
let hurried; // Of each kind of patience one that has none: all else takes the time that it takes.
before(async () => {
  upstream = await startUpstream();
  const servers = [{ name: 'own', url: upstream.url, path: '/mcp' }];
  weir = await startWeir({ servers, listen: { hosts: ['gw.test', 'localhost', 'example.com', 'www.example.com'], origins: ['https://app.example', 'http://localhost:3000'] } });
  hurried = Object.fromEntries(await Promise.all(Object.entries({ first: { first_octet_max: '600ms' }, head: { head_max: '1s' },
    body: { body_max: '1500ms', body_grace: '1s' }, idle: { idle_max: '800ms', write_stall_max: '2s' } }).map(async ([name, limits]) =>
    [name, await startWeir({ servers: [{ name: 'own', url: upstream.url }], limits })])));
});
after(() => stopAll(weir, ...Object.values(hurried), upstream));

/** How many requests reach the upstream while `body` runs. A request after it must have come through, so none is late. */
async function reached(body, at = weir) {
  const before = upstream.requests.length;
  const value = await body();
  const probe = `probe-${before}-${Math.random()}`;
  const { text } = await raw(at.port, wire({ id: probe }, at === weir ? 'gw.test' : at.address, at === weir ? '/mcp' : '/mcp/own'), { enough: wholeAnswer });
  assert.equal(statusOf(text), 200, text);
  const requests = upstream.requests.slice(before).filter((request) => request.body?.id !== probe);
  return { value, requests };
}

function wire({ id = 1, method = 'ping', body, headers = [], version = '1.1', verb = 'POST' } = {}, host = 'gw.test', path = '/mcp') {
  const text = body ?? JSON.stringify({ jsonrpc: '2.0', id, method });
  return [`${verb} ${path} HTTP/${version}`, `Host: ${host}`, 'Content-Type: application/json', ...headers, `Content-Length: ${Buffer.byteLength(text, 'latin1')}`, '', text].join('\r\n');
}

describe('row 51: the vectors of requests', () => {
  for (const vector of vectors)
    test(`request vector ${vector.name}: ${vector.reason}`, async () => {
      const accepted = vector.expected === 'accept';
      const { value, requests } = await reached(() => raw(weir.port, vector.raw, { shutdown: vector.then === 'shutdown',
        ...(accepted && { enough: (text) => vector.name === 'ok_get_sse' ? text.includes('\r\n\r\n') : wholeAnswer(text) }) }));
      if (accepted) {
        assert.equal(requests.length, 1, value.text);
        assert.equal(statusOf(value.text), 200, value.text);
        for (const name of vector.must_not_forward ?? []) assert.equal(requests[0].headers[name], undefined);
        for (const name of ['expect', 'upgrade', 'http2-settings', 'connection-x']) assert.equal(requests[0].headers[name], undefined);
        return;
      }
      assert.equal(requests.length, 0, 'a refused request reached the upstream');
      assert.ok(value.closed || value.reset, 'the connection did not end');
      const status = statusOf(value.text);
      assert.ok(status === 0 || status === 505 || (status >= 400 && status < 500), value.text);
      const wanted = /\b(4\d\d|505)\b/.exec(vector.reason)?.[1];
      if (wanted && status !== 0) assert.equal(status, Number(wanted), value.text);
    });
});

describe('row 51: the public fixtures', () => {
  // Host and path are made ours where they are a plain Host and path, so that they are no reason to refuse.
  const ours = (text) => text.replace(/^([A-Z]+) \/ HTTP\/1\.1\r\n/, '$1 /mcp HTTP/1.1\r\n');
  test('none that must be refused reaches the upstream or is answered well', async () => {
    const refused = fixtures.filter(({ expected }) => expected === 'reject');
    assert.equal(refused.length, 197);
    const { requests } = await reached(async () => {
      const wrong = [];
      const queue = [...refused];
      await Promise.all(Array.from({ length: 8 }, async () => {
        for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
          const { text } = await raw(weir.port, ours(one.raw), { shutdown: true });
          // Of several requests on one connection, those before the one that must be refused may be answered.
          const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
          if (statuses.at(-1) >= 200 && statuses.at(-1) < 400) wrong.push(`${one.source}: ${one.name}: ${statuses}`);
        }
      }));
      assert.deepEqual(wrong, []);
    });
    assert.deepEqual(requests.map(({ text }) => text), []);
  });
  test('whatever is sent, weir answers or closes, and goes on', async () => {
    await reached(async () => {
      for (const one of fixtures.filter(({ expected }) => expected !== 'reject')) {
        const { timedOut, text } = await raw(weir.port, ours(one.raw), { shutdown: true });
        assert.equal(timedOut, false, `${one.source}: ${one.name}: ${text}`);
      }
    });
  });
});

describe('row 51: no prefix of a request is a request', () => {
  test('cut anywhere, it does not reach the upstream', async () => {
    const whole = wire({ headers: ['X-A: b'] });
    const chunked = 'POST /mcp HTTP/1.1\r\nHost: gw.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n0\r\n\r\n';
    const { requests } = await reached(async () => {
      for (const text of [whole, chunked])
        for (let at = 1; at < text.length; at += 3) {
          const { timedOut } = await raw(weir.port, text.slice(0, at), { shutdown: true });
          assert.equal(timedOut, false, `cut at ${at}`);
        }
    });
    assert.equal(requests.length, 0);
  });
  test('cut anywhere and sent in two pieces, it is one request', async () => {
    const whole = wire({ headers: ['X-A: b'] });
    const { requests } = await reached(async () => {
      for (let at = 1; at < whole.length; at += 5) {
        const text = await new Promise((resolve) => {
          const socket = connect(weir.port, '127.0.0.1');
          socket.setNoDelay(true).setEncoding('latin1');
          let said = '';
          socket.on('data', (piece) => { said += piece; if (wholeAnswer(said)) { socket.destroy(); resolve(said); } });
          socket.on('close', () => resolve(said)).on('error', () => {});
          socket.write(whole.slice(0, at), () => setImmediate(() => socket.write(whole.slice(at))));
        });
        assert.equal(statusOf(text), 200, `cut at ${at}: ${text}`);
      }
    });
    assert.equal(requests.length, Math.ceil((whole.length - 1) / 5));
  });
  test('several on one connection are answered in order', async () => {
    const { text } = await raw(weir.port, [1, 2, 3, 4].map((id) => wire({ id })).join(''), { enough: (said) => (said.match(/"result"/g) ?? []).length === 4 });
    assert.deepEqual([...text.matchAll(/"id":(\d)/g)].map((match) => match[1]), ['1', '2', '3', '4']);
  });
  test('a connection is kept for the next request, and closed when the client says so', async () => {
    const { text, closed } = await raw(weir.port, wire({ headers: ['Connection: close'] }));
    assert.equal(statusOf(text), 200);
    assert.match(text, /\r\nconnection: close\r\n/i);
    assert.equal(closed, true);
  });
});

describe('row 21: Host and Origin', () => {
  const tries = async (headers, host) => reached(() => raw(weir.port, wire({ headers }, host), { enough: wholeAnswer }));
  for (const host of ['evil.example', 'gw.test.evil.example', 'gw.test:81', '127.0.0.1', 'gw.test.'])
    test(`row 21: Host ${host} is refused`, async () => {
      const { value, requests } = await tries([], host);
      assert.equal(statusOf(value.text), 403, value.text);
      assert.equal(requests.length, 0);
    });
  test('row 21: a Host compares without case', async () => assert.equal((await tries([], 'GW.Test')).requests.length, 1));
  for (const origin of ['https://evil.example', 'null', 'https://app.example.evil', 'http://app.example', 'https://app.example:444', 'https://app.example/', 'file://', 'x', ''])
    test(`row 21: Origin ${JSON.stringify(origin)} is 403`, async () => {
      const { value, requests } = await tries([`Origin: ${origin}`]);
      assert.equal(statusOf(value.text), 403, value.text);
      assert.equal(requests.length, 0);
    });
  test('row 21: two Origins are refused, though each is known', async () => {
    for (const lines of [['Origin: https://app.example', 'Origin: http://localhost:3000'], ['Origin: https://app.example, http://localhost:3000'], ['Origin: https://app.example http://localhost:3000']]) {
      const { value, requests } = await tries(lines);
      assert.ok([400, 403].includes(statusOf(value.text)), value.text);
      assert.equal(requests.length, 0);
    }
  });
  for (const origin of ['https://app.example', 'http://localhost:3000'])
    test(`row 21: Origin ${origin} is known, and stays here`, async () => {
      const { value, requests } = await tries([`Origin: ${origin}`]);
      assert.equal(statusOf(value.text), 200, value.text);
      assert.equal(requests[0].headers.origin, undefined);
    });
  test('row 21: GET, DELETE and OPTIONS are asked the same', async () => {
    for (const verb of ['GET', 'DELETE', 'OPTIONS']) {
      const { value, requests } = await reached(() => raw(weir.port, `${verb} /mcp HTTP/1.1\r\nHost: gw.test\r\nAccept: text/event-stream\r\nOrigin: https://evil.example\r\n\r\n`, { enough: wholeAnswer }));
      assert.equal(statusOf(value.text), 403, verb);
      assert.equal(requests.length, 0);
    }
  });
});

describe('row 49: strict JSON', () => {
  const call = (args) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":${args}}}`;
  const deep = (levels) => call('['.repeat(levels) + ']'.repeat(levels));
  const refused = {
    'an empty body': ['', -32700], 'nothing but blanks': ['  ', -32700], 'two documents': [`${call('{}')}{}`, -32700], 'octets after it': [`${call('{}')}x`, -32700],
    'a comment': [call('{/* */}'), -32700], 'a comma too many': [call('{"a":1,}'), -32700], 'single quotes': [call("{'a':1}"), -32700], 'NaN': [call('{"a":NaN}'), -32700],
    'a leading zero': [call('{"a":01}'), -32700], 'a plus': [call('{"a":+1}'), -32700], 'a fraction without digits': [call('{"a":1.}'), -32700], 'hexadecimal': [call('{"a":0x1}'), -32700],
    'a number that overflows': [call('{"a":1e400}'), -32700], 'a number of 1,025 octets': [call(`{"a":1${'0'.repeat(1024)}}`), -32700],
    'a BOM': [`\u00ef\u00bb\u00bf${call('{}')}`, -32700], 'UTF-16': ['\u0000{\u0000}', -32700], 'invalid UTF-8': [call('{"a":"\u00c3("}'), -32700],
    'overlong UTF-8': [call('{"a":"\u00c0\u00af"}'), -32700], 'a surrogate in UTF-8': [call('{"a":"\u00ed\u00a0\u0080"}'), -32700],
    'a lone surrogate': [call('{"a":"\\ud800"}'), -32700], 'surrogates in the wrong order': [call('{"a":"\\udc00\\ud800"}'), -32700],
    'a control character in a string': [call('{"a":"\u0001"}'), -32700], 'an unknown escape': [call('{"a":"\\x41"}'), -32700],
    'a name twice': [call('{"a":1,"a":2}'), -32700], 'a name twice, once escaped': [call('{"a":1,"\\u0061":2}'), -32700],
    'method twice': ['{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}', -32700], 'name twice, once escaped': ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","n\\u0061me":"hold"}}', -32700],
    'params in another case': ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"},"Params":{"name":"hold"}}', -32600],
    'name in another case': ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","NAME":"hold"}}', -32600],
    'a name that folds to a known one': ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","argument\\u017f":{}}}', -32600],
    'a name with NUL at its end': ['{"jsonrpc":"2.0","id":1,"method":"ping","params\\u0000":{}}', -32600],
    'too deep': [deep(80), -32700], 'too many members': [call(`{${Array.from({ length: 4097 }, (_, i) => `"k${i}":0`).join(',')}}`), -32700],
    'a string': ['"x"', -32600], 'a number': ['1', -32600], 'null': ['null', -32600], 'no jsonrpc': ['{"id":1,"method":"ping"}', -32600], 'jsonrpc 1.0': ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
    'jsonrpc as a number': ['{"jsonrpc":2.0,"id":1,"method":"ping"}', -32600], 'method is a number': ['{"jsonrpc":"2.0","id":1,"method":7}', -32600], 'nothing to do': ['{"jsonrpc":"2.0","id":1}', -32600],
    'method and result': ['{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', -32600], 'result and error': ['{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}', -32600],
    'id null': ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600], 'id a fraction': ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600], 'id over 2^53': ['{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', -32600],
    'id true': ['{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600], 'id an object': ['{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600], 'params an array': ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["echo"]}', -32600],
    'params null': ['{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}', -32600], 'tools/call as a notification': ['{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}', -32600],
    'NUL in the method': ['{"jsonrpc":"2.0","id":1,"method":"tools/call\\u0000","params":{"name":"echo"}}', -32600], 'NUL in the name': ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo\\u0000"}}', -32600],
    'NUL in a uri': ['{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a://b\\u0000"}}', -32600],
    'a call without a name': ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{}}}', -32602], 'a call without params': ['{"jsonrpc":"2.0","id":1,"method":"tools/call"}', -32602],
    'a name that is no text': ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}', -32602], 'arguments that are no object': [call('[1]'), -32602],
    'a resource without a uri': ['{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{}}', -32602], 'a prompt without a name': ['{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{}}', -32602],
  };
  for (const [name, [body, code]] of Object.entries(refused))
    test(`row 49: refused: ${name}`, async () => {
      const { value, requests } = await reached(() => raw(weir.port, wire({ body }), { enough: wholeAnswer }));
      assert.equal(statusOf(value.text), 400, value.text);
      const error = JSON.parse(Buffer.from(value.text.slice(value.text.indexOf('\r\n\r\n') + 4), 'latin1').toString('utf8'));
      // What is wrong inside params may be told as either.
      assert.ok(error.error.code === code || (code === -32600 && /^(params|NUL in)/.test(name) && error.error.code === -32602), value.text);
      // Legacy answers carry the id that could be read, else null.
      assert.ok('id' in error, value.text);
      assert.equal(requests.length, 0);
    });
  const accepted = {
    'escapes': '{"a":"\\u0041\\/\\n\\ud83c\\udf0a"}', 'big and small numbers': '{"a":9007199254740993,"b":1.0,"c":-0,"d":1E+2,"e":0.1e-7}', 'names that differ in case only': '{"a":1,"A":2,"NAME":3,"Method":4}',
    'an empty name': '{"":1}', '60 levels': `{"a":${'['.repeat(60)}${']'.repeat(60)}}`, 'DEL and U+2028': '{"a":"\u007f\u00e2\u0080\u00a8"}', 'NUL in an argument': '{"a":"\\u0000"}',
  };
  for (const [name, args] of Object.entries(accepted))
    test(`row 49: accepted, and not a character changed: ${name}`, async () => {
      const { value, requests } = await reached(() => raw(weir.port, wire({ body: call(args) }), { enough: wholeAnswer }));
      assert.equal(statusOf(value.text), 200, value.text);
      assert.equal(Buffer.from(requests[0].text, 'utf8').toString('latin1'), call(args));
    });
  test('row 49: modern answers of refused JSON name no id that was not read', async () => {
    const answer = await post(`http://127.0.0.1:${hurried.head.port}/mcp/own`, '{"jsonrpc":"2.0","id":1', { headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' } });
    assert.equal(answer.status, 400);
    const { error, ...rest } = JSON.parse(await answer.text());
    assert.equal(error.code, -32700);
    assert.equal('id' in rest, false);
  });
});

describe('row 52: limits', () => {
  const lines = (...more) => ['POST /mcp HTTP/1.1', 'Host: gw.test', 'Content-Type: application/json', ...more, '', ''].join('\r\n');
  const ended = async (octets, at = weir, options) => { const value = await raw(at.port, octets, options); assert.ok(value.closed || value.reset, value.text); return statusOf(value.text); };
  test('row 52: a body over 4 MiB is 413, before it is sent', async () => assert.equal(await ended(lines(`Content-Length: ${(4 << 20) + 1}`)), 413));
  test('row 52: a chunked body over 4 MiB is 413', async () => {
    const piece = `10000\r\n${'a'.repeat(0x10000)}\r\n`;
    const status = await ended(lines('Transfer-Encoding: chunked') + piece.repeat(65));
    assert.ok(status === 413 || status === 0, String(status));
  });
  test('row 52: a head over 32 kB is 431', async () => assert.equal(await ended(lines(`X-A: ${'a'.repeat(33 << 10)}`)), 431));
  test('row 52: 101 fields are 431', async () => assert.equal(await ended(lines(...Array.from({ length: 99 }, (_, i) => `X-${i}: 1`))), 431));
  test('row 52: a target over 8 kB is 414', async () => assert.equal(await ended(`POST /${'a'.repeat(9000)} HTTP/1.1\r\nHost: gw.test\r\n\r\n`), 414));
  test('row 52: 4 MiB go through and come back', async () => {
    const argument = 'x'.repeat((4 << 20) - 200);
    const { value, requests } = await reached(() => raw(weir.port, wire({ body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { argument } } }) }), { enough: wholeAnswer }));
    assert.equal(statusOf(value.text), 200);
    assert.equal(requests.length, 1);
    assert.equal(requests[0].body.params.arguments.argument.length, argument.length);
    assert.ok(value.text.includes(argument));
  });
});

describe('row 52: slow and silent peers', { concurrency: 6, timeout: 900_000 }, () => {
  test('row 52: who says nothing is let go', async () => { const value = await raw(hurried.first.port, ''); assert.ok(value.closed || value.reset); });
  test('row 52: a head that does not end is 408', async () => {
    const value = await raw(hurried.head.port, `POST /mcp/own HTTP/1.1\r\nHost: ${hurried.head.address}\r\nX-A: `);
    assert.equal(statusOf(value.text), 408, value.text);
    assert.ok(value.closed || value.reset);
  });
  test('row 52: a body that does not end is 408, and reaches nobody', async () => {
    const { body } = hurried;
    const { value, requests } = await reached(() => raw(body.port, `POST /mcp/own HTTP/1.1\r\nHost: ${body.address}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"jsonrpc"`), body);
    assert.equal(statusOf(value.text), 408, value.text);
    assert.ok(value.closed || value.reset);
    assert.equal(requests.filter(({ text }) => text === '{"jsonrpc"').length, 0);
  });
  test('row 52: a connection without a request is closed', async () => {
    const value = await raw(hurried.idle.port, wire({}, hurried.idle.address, '/mcp/own'));
    assert.equal(statusOf(value.text), 200);
    assert.ok(value.closed);
  });
  test('row 52: a GET stream is not idle', async () => {
    const sockets = Object.values(hurried).filter((one) => one !== hurried.first).map((one) => {
      const socket = connect(one.port, '127.0.0.1');
      socket.on('error', () => {}).resume();
      socket.write(`GET /mcp/own HTTP/1.1\r\nHost: ${one.address}\r\nAccept: text/event-stream\r\n\r\n`);
      return socket;
    });
    await new Promise((resolve) => { setTimeout(resolve, 2500); }); // Longer than each of the limits above.
    for (const socket of sockets) {
      assert.equal(socket.closed, false);
      socket.destroy();
    }
  });
  test('row 52: a client that does not read holds up its own upstream only, and is cut', async () => {
    let written = 0;
    let gone;
    const cut = new Promise((resolve) => { gone = resolve; });
    upstream.answer(({ body }, res) => {
      if (body?.params?.name !== 'flood') return false;
      res.on('close', gone);
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x'.repeat(8000) } })}\n\n`;
      const more = () => { while (!res.destroyed && written < 400e6) { written += event.length; if (!res.write(event)) return void res.once('drain', more); } };
      more();
      return true;
    });
    const message = modernCall('flood');
    const body = JSON.stringify(message);
    const { idle } = hurried;
    const socket = connect(idle.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write(`POST /mcp/own HTTP/1.1\r\nHost: ${idle.address}\r\nContent-Type: application/json\r\n${Object.entries(modernHeaders(message)).map(([name, value]) => `${name}: ${value}\r\n`).join('')}Content-Length: ${body.length}\r\n\r\n${body}`);
    await cut;
    assert.ok(written < 40e6, `${written} octets were taken for a client that reads none`);
    const resident = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${idle.child.pid}/status`, 'utf8'))[1]);
    assert.ok(resident < 600_000, `${resident} kB`);
    upstream.answer(undefined);
    assert.equal((await ask(idle.url('own'), modernRequest('tools/list'))).status, 200);
    socket.destroy();
  });
});

describe('OPTIONS', () => {
  test('a preflight of a known origin names what the client needs', async () => {
    const answer = await raw(weir.port, 'OPTIONS /mcp HTTP/1.1\r\nHost: gw.test\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type,mcp-session-id\r\n\r\n', { enough: wholeAnswer });
    assert.ok([200, 204].includes(statusOf(answer.text)), answer.text);
    assert.match(answer.text, /access-control-allow-origin: https:\/\/app\.example\r\n/i);
    const allowed = /access-control-allow-headers: ([^\r]*)/i.exec(answer.text)[1].toLowerCase();
    for (const name of ['content-type', 'accept', 'mcp-protocol-version', 'mcp-session-id', 'last-event-id', 'mcp-method', 'mcp-name']) assert.ok(allowed.includes(name), name);
  });
});

test('after all of this weir still serves, and holds nothing of those who left', async () => {
  assert.equal(statusOf((await raw(weir.port, wire(), { enough: wholeAnswer })).text), 200);
  await Promise.all([weir, ...Object.values(hurried)].map(atRest));
});
