// cases/wire_eras.mjs - what must hold of the two eras on one URL: the body says which it is, the headers have to agree,
// and each disagreement has its status and its code. Tried against an upstream that takes everything, so that what weir
// lets through is seen.
import { after, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startServer, stopAll } from '../lib/processes.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, eventually, initialize, legacyHeaders, modernCall, modernHeaders, modernRequest, openSession, post, raw, readEvents,
         statusOf, versions, wholeAnswer } from '../lib/wire.mjs';

const prefix = 'io.modelcontextprotocol';
let upstream;
let modern;
let weir;
before(async () => {
  [upstream, modern] = await Promise.all([startUpstream(), startServer('modern.mjs')]);
  weir = await startWeir({ servers: [{ name: 'own', url: upstream.url }, { name: 'modern', url: modern.url }] });
});
after(() => stopAll(weir, upstream, modern));
beforeEach(() => upstream.answer(undefined)); // A test that failed must not answer for the next one.

const url = () => weir.url('own');
const codes = new Set();

/** Sends and says what reached the upstream meanwhile. Tests of this file run one after the other. */
async function sent(body, options) {
  const before = upstream.requests.length;
  const answer = await ask(url(), body, options);
  if (answer.body?.error) codes.add(answer.body.error.code);
  return { ...answer, reached: upstream.requests.slice(before) };
}

async function refused(body, options, status, code, id) {
  const answer = await sent(body, options);
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body?.jsonrpc, '2.0', answer.text);
  assert.equal(answer.body?.error?.code, code);
  assert.equal(typeof answer.body.error.message, 'string');
  if (id !== undefined) assert.deepEqual(answer.body.id, id);
  assert.equal(answer.reached.length, 0, 'nothing reaches the upstream');
  return answer;
}

async function passed(body, options, status = 200) {
  const answer = await sent(body, options);
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.reached.length, 1);
  return answer;
}

const legacyList = { jsonrpc: '2.0', id: 5, method: 'tools/list', params: {} };
const modernList = () => modernRequest('tools/list', {}, 6);
const header = (name, value) => ({ headers: { [name]: value } });

describe('row 1: the era is the body\'s, headers only agree', () => {
  const rows = [
    ['modern body and headers', () => passed(modernList())],
    ['modern body without the version header', () => refused(modernList(), header('mcp-protocol-version', null), 400, -32020, 6)],
    ['modern body, version header of a legacy revision', () => refused(modernList(), header('mcp-protocol-version', '2025-11-25'), 400, -32020, 6)],
    ['modern body, version header of an unknown revision', () => refused(modernList(), header('mcp-protocol-version', '2099-01-01'), 400, -32020, 6)],
    ['modern body with a session id: it is taken off', async () => {
      const { reached } = await passed(modernList(), header('mcp-session-id', 'anything'));
      assert.equal(reached[0].headers['mcp-session-id'], undefined);
    }],
    ['modern claim that is no string', () => refused(modernRequest('tools/list', { _meta: { [`${prefix}/protocolVersion`]: 20260728 } }, 6),
      header('mcp-protocol-version', '2026-07-28'), 400, -32602, 6)],
    ['legacy request under a modern version header', () => refused(legacyList,
      { headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' } }, 400, -32602, 5)],
    ['legacy notification under a modern version header', async () => {
      const answer = await sent({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } },
                                header('mcp-protocol-version', '2026-07-28'));
      assert.equal(answer.status, 202);
      assert.equal(answer.text, '');
    }],
    ['legacy request without any header', () => passed(legacyList)],
    ['legacy request with a legacy version header', () => passed(legacyList, header('mcp-protocol-version', '2025-06-18'))],
    ['initialize under a modern version header', () => refused(initialize('2025-11-25'), header('mcp-protocol-version', '2026-07-28'), 400, -32020, 'init')],
    ['a posted result under a modern version header', () => refused({ jsonrpc: '2.0', id: 3, result: {} },
      header('mcp-protocol-version', '2026-07-28'), 400, -32600)],
    ['an array with a modern claim', () => refused([modernList()], header('mcp-protocol-version', '2026-07-28'), 400, -32600)],
    ['an array with a modern claim, no header', () => refused([modernList()], {}, 400, -32600)],
  ];
  for (const [name, body] of rows) test(`row 1: ${name}`, body);
  test('row 1: initialize with a modern claim is an unknown method, not a handshake', async () => {
    const answer = await ask(weir.url('modern'), { ...modernRequest('initialize', { protocolVersion: '2025-11-25' }, 9) });
    assert.equal(answer.status, 404);
    assert.equal(answer.body.error.code, -32601);
    assert.equal(answer.body.id, 9);
    assert.equal(answer.headers.get('mcp-session-id'), null);
  });
});

describe('row 2: Mcp-Method and Mcp-Name must be there and agree', () => {
  const call = modernCall('echo', { a: 1 });
  const rows = [
    ['no Mcp-Method', modernList(), header('mcp-method', null), 6],
    ['Mcp-Method of another method', modernList(), header('mcp-method', 'prompts/list'), 6],
    ['Mcp-Method in another case', modernList(), header('mcp-method', 'TOOLS/LIST'), 6],
    ['no Mcp-Name for tools/call', call, header('mcp-name', null), 1],
    ['Mcp-Name of another tool', call, header('mcp-name', 'hold'), 1],
    ['Mcp-Name in another case', call, header('mcp-name', 'Echo'), 1],
    ['no Mcp-Name for resources/read', modernRequest('resources/read', { uri: 'a://b' }), header('mcp-name', null), 1],
    ['no Mcp-Name for prompts/get', modernRequest('prompts/get', { name: 'p' }), header('mcp-name', null), 1],
    ['Mcp-Name of another resource', modernRequest('resources/read', { uri: 'a://b' }), header('mcp-name', 'a://c'), 1],
  ];
  for (const [name, body, options, id] of rows) test(`row 2: ${name}`, () => refused(body, options, 400, -32020, id));
  test('row 2: white space around a value does not count', async () => {
    const body = JSON.stringify(call);
    const before = upstream.requests.length;
    const { text } = await raw(weir.port, `POST /mcp/own HTTP/1.1\r\nHost: ${weir.address}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n` +
      `MCP-PROTOCOL-VERSION:   2026-07-28 \r\nmcp-METHOD:\ttools/call\t\r\nMcp-Name:   echo  \r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      { enough: wholeAnswer });
    assert.equal(statusOf(text), 200, text);
    assert.equal(upstream.requests.length, before + 1);
  });
  test('row 2: what goes on to the upstream is written from the body', async () => {
    const { reached } = await passed(call, header('mcp-name', '=?base64?ZWNobw==?='));
    assert.equal(reached[0].headers['mcp-name'], 'echo');
    assert.equal(reached[0].headers['mcp-method'], 'tools/call');
    assert.equal(reached[0].headers['mcp-protocol-version'], '2026-07-28');
  });
});

describe('row 3: the base64 form of a header value', () => {
  const named = (name) => modernCall(name);
  const base64 = (text) => `=?base64?${Buffer.from(text).toString('base64')}?=`;
  const accepted = [
    ['plain', 'echo', 'echo'],
    ['encoded', 'echo', base64('echo')],
    ['encoded, not ASCII', 'grüße', base64('grüße')],
    ['encoded, four octets a character', '\u{1F30A}', base64('\u{1F30A}')],
    ['encoded, with a line feed', 'a\nb', base64('a\nb')],
    ['encoded, blanks at the ends', ' a ', base64(' a ')],
    ['encoded, looking encoded', '=?base64?eA==?=', base64('=?base64?eA==?=')],
    ['literal: no suffix', '=?base64?ZWNobw==', '=?base64?ZWNobw=='],
    ['literal: no prefix', 'ZWNobw==?=', 'ZWNobw==?='],
    ['literal: prefix in capitals', '=?BASE64?ZWNobw==?=', '=?BASE64?ZWNobw==?='],
  ];
  for (const [name, value, sentAs] of accepted)
    test(`row 3: accepted: ${name}`, async () => {
      const { reached } = await passed(named(value), header('mcp-name', sentAs));
      assert.equal(reached[0].body.params.name, value);
      const forwarded = reached[0].headers['mcp-name'];
      const inner = /^=\?base64\?(.*)\?=$/.exec(forwarded);
      assert.equal(inner ? Buffer.from(inner[1], 'base64').toString('utf8') : forwarded, value);
    });
  const rejected = [
    ['no padding', 'echo', '=?base64?ZWNobw?='],
    ['too much padding', 'echo', '=?base64?ZWNobw===?='],
    ['outside the alphabet', 'echo', '=?base64?ZWNo!w==?='],
    ['the URL alphabet', '\u{1F30A}~', '=?base64?8J-MinyA?='],
    ['not canonical: spare bits set', 'echo', '=?base64?ZWNobx==?='],
    ['a blank inside', 'echo', '=?base64?ZWNo bw==?='],
    ['decodes to another name', 'echo', base64('hold')],
    ['decodes to octets that are no UTF-8', 'echo', '=?base64?/w==?='],
    ['prefix in capitals is a literal', 'echo', '=?BASE64?ZWNobw==?='],
    ['an empty value', 'echo', ''],
  ];
  for (const [name, value, sentAs] of rejected)
    test(`row 3: rejected: ${name}`, () => refused(named(value), header('mcp-name', sentAs), 400, -32020, 1));
});

test('row 4: Mcp-Param-* that weir does not know go on untouched', async () => {
  const { reached } = await passed(modernCall('echo', { region: 'eu' }),
    { headers: { 'Mcp-Param-Region': 'eu', 'mcp-param-x': '=?base64?w7w=?=', 'Mcp-Param-Empty': '' } });
  assert.equal(reached[0].headers['mcp-param-region'], 'eu');
  assert.equal(reached[0].headers['mcp-param-x'], '=?base64?w7w=?=');
  assert.equal(reached[0].headers['mcp-param-empty'], '');
});
test('row 4: what the upstream says of its Mcp-Param-* comes back', async () => {
  const answer = await ask(weir.url('modern'), modernCall('test_x_mcp_header', { region: 'eu' }), header('mcp-param-region', 'us'));
  assert.equal(answer.status, 400);
  assert.equal(answer.body.error.code, -32020);
});

test('row 4: weir call repeats an argument in the header that the schema of its tool names', async () => {
  for (const region of ['eu', 'zürich', ' x']) {
    const { code, out, said } = await weir.cli('call', 'modern/test_x_mcp_header', `region=${region}`, 'note=n');
    assert.equal(code, 0, said);
    assert.match(out, new RegExp(region.trim()));
  }
});

describe('row 5: routing headers that come twice are refused', () => {
  const body = JSON.stringify(modernCall('echo'));
  const lines = { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' };
  const requestWith = (extra) => ['POST /mcp/own HTTP/1.1', `Host: ${weir.address}`, 'Content-Type: application/json',
    'Accept: application/json, text/event-stream', ...Object.entries(lines).map(([name, value]) => `${name}: ${value}`), ...extra,
    `Content-Length: ${body.length}`, '', body].join('\r\n');
  const whole = { enough: wholeAnswer };
  for (const [name, value] of [...Object.entries(lines), ['Mcp-Param-Region', 'eu']])
    for (const second of [value, `${value}x`])
      test(`row 5: two ${name}, ${second === value ? 'the same' : 'different'}`, async () => {
        const before = upstream.requests.length;
        const { text } = await raw(weir.port, requestWith([`${name.toLowerCase()}: ${second}`, ...(name.includes('Param') ? [`${name}: ${value}`] : [])]), whole);
        assert.equal(statusOf(text), 400, text);
        assert.equal(upstream.requests.length, before);
      });
  test('row 5: once each they pass', async () => {
    const { text } = await raw(weir.port, requestWith([]), whole);
    assert.equal(statusOf(text), 200, text);
  });
});

describe('row 6: what 2026-07-28 wants in _meta', () => {
  const without = (key, value) => {
    const message = modernRequest('tools/list', {}, 61);
    if (value === undefined) delete message.params._meta[`${prefix}/${key}`];
    else message.params._meta[`${prefix}/${key}`] = value;
    return message;
  };
  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };
  test('row 6: no params', () => refused({ jsonrpc: '2.0', id: 61, method: 'tools/list' }, { headers }, 400, -32602, 61));
  test('row 6: no _meta', () => refused({ jsonrpc: '2.0', id: 61, method: 'tools/list', params: {} }, { headers }, 400, -32602, 61));
  test('row 6: _meta is no object', () => refused({ jsonrpc: '2.0', id: 61, method: 'tools/list', params: { _meta: [] } }, { headers }, 400, -32602, 61));
  test('row 6: no protocolVersion', () => refused(without('protocolVersion'), { headers }, 400, -32602, 61));
  test('row 6: no clientCapabilities', () => refused(without('clientCapabilities'), { headers }, 400, -32602, 61));
  test('row 6: clientCapabilities is no object', () => refused(without('clientCapabilities', 'all'), { headers }, 400, -32602, 61));
  test('row 6: no clientInfo is fine', () => passed(without('clientInfo'), { headers }));
  test('row 6: the missing keys are named', async () => {
    const { body } = await refused({ jsonrpc: '2.0', id: 61, method: 'tools/list', params: { _meta: {} } }, { headers }, 400, -32602, 61);
    assert.match(JSON.stringify(body.error), /protocolVersion|_meta/);
  });
});

describe('row 7: a version that weir does not know', () => {
  for (const version of ['2099-01-01', 'v999.0.0', '2025-11-25', ''])
    test(`row 7: ${version || 'an empty one'} is refused with those that are known`, async () => {
      const message = modernRequest('server/discover', { _meta: { [`${prefix}/protocolVersion`]: version } }, 'seven');
      const { body } = await refused(message, {}, 400, -32022, 'seven');
      assert.deepEqual(body.error.data.supported, ['2026-07-28']);
      assert.equal(body.error.data.requested, version);
    });
});

describe('rows 8 and 9: the upstream\'s own refusal keeps its status', () => {
  for (const method of ['unknown/method', 'ping', 'logging/setLevel', 'resources/subscribe'])
    test(`row 8: ${method} is 404 -32601 with the id of the request`, async () => {
      const answer = await ask(weir.url('modern'), modernRequest(method, {}, 'eight'));
      assert.equal(answer.status, 404);
      assert.equal(answer.body.error.code, -32601);
      assert.equal(answer.body.id, 'eight');
    });
  test('row 9: a client that lacks what the tool needs is told so with 400', async () => {
    const answer = await ask(weir.url('modern'), modernCall('test_missing_capability', {}, 10));
    assert.equal(answer.status, 400);
    assert.equal(answer.body.error.code, -32021);
    assert.deepEqual(answer.body.error.data.requiredCapabilities, { sampling: {} });
  });
});

describe('row 14: the version of a session', () => {
  for (const version of ['2025-06-18', '2025-11-25']) {
    test(`row 14: another version than ${version} that was agreed on is refused`, async () => {
      const session = await openSession(url(), version);
      for (const other of [...versions, '2024-11-05', '1999-01-01', 'x'].filter((one) => one !== version)) {
        const before = upstream.requests.length;
        const answer = await ask(url(), legacyList, { headers: { ...legacyHeaders(session), 'mcp-protocol-version': other } });
        assert.equal(answer.status, 400, other);
        assert.equal(upstream.requests.length, before);
      }
      assert.equal((await passed(legacyList, { headers: legacyHeaders(session) })).body.id, 5);
    });
    test(`row 14: without the header, ${version} of the session holds`, async () => {
      const session = await openSession(url(), version);
      await passed(legacyList, { headers: { 'mcp-session-id': session.id } });
    });
  }
  test('row 14: without a session, a version that nobody knows is refused', async () => {
    for (const version of ['1999-01-01', '2025-11-26', 'x'])
      assert.equal((await sent(legacyList, header('mcp-protocol-version', version))).status, 400, version);
  });
  test('row 14: a version that weir does not implement is not agreed on', async () => {
    upstream.answer(({ body }, res) => {
      if (body?.method !== 'initialize') return false;
      res.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'of-2099' });
      res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { protocolVersion: '2099-01-01', capabilities: {}, serverInfo: { name: 'x', version: '1' } } }));
      return true;
    });
    try {
      const answer = await ask(url(), initialize('2025-11-25'));
      assert.equal(answer.body.error?.code, -32602);
      assert.equal(answer.body.id, 'init');
      assert.deepEqual([answer.body.error.data.requested, answer.body.error.data.supported[0]], ['2025-11-25', '2025-11-25']);
      assert.equal(answer.headers.get('mcp-session-id'), null);
      // The session that it opened is ended, which is in the record as weir's own doing.
      await eventually(() => upstream.requests.some(({ method, headers }) => method === 'DELETE' && headers['mcp-session-id'] === 'of-2099'));
      const parted = upstream.requests.find(({ method, headers }) => method === 'DELETE' && headers['mcp-session-id'] === 'of-2099');
      assert.equal(parted.headers['mcp-protocol-version'], '2099-01-01');
      await eventually(async () => {
        for (const { id } of (await weir.sessions()).sessions) {
          const { entries } = await weir.entries(id);
          const asked = entries.find(({ kind, method, client }) => kind === 'asked' && method === 'DELETE' && client === 'weir');
          const own = entries.filter(({ exchange, worker, seq }) => asked !== undefined && exchange === asked.exchange && worker === asked.worker && seq >= asked.seq)
            .sort((a, b) => a.seq - b.seq);
          const end = own.findIndex(({ kind }) => kind === 'answered');
          if (end >= 0)
            return own.slice(0, end + 1).map(({ kind }) => kind).join() === 'asked,allowed,forwarded,answered' && own[1].reason === 'protocol_unsupported';
        }
        return false;
      });
    } finally {
      upstream.answer(undefined);
    }
  });
});

describe('row 18: batches only where they were agreed on', () => {
  const ping = (id) => ({ jsonrpc: '2.0', id, method: 'ping' });
  test('row 18: a session of 2025-03-26 may send them', async () => {
    const session = await openSession(url(), '2025-03-26');
    const answer = await ask(url(), [ping(1), ping('1'), { jsonrpc: '2.0', method: 'notifications/roots/list_changed' },
      { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'echo', arguments: { x: 1 } } }], { headers: legacyHeaders(session) });
    assert.equal(answer.status, 200);
    const answers = answer.messages.flat();
    assert.deepEqual(new Set(answers.map(({ id }) => id)), new Set([1, '1', 2]));
    assert.ok(answers.every(({ result }) => result !== undefined));
  });
  test('row 18: a batch of notifications only is 202', async () => {
    const session = await openSession(url(), '2025-03-26');
    const answer = await ask(url(), [{ jsonrpc: '2.0', method: 'notifications/roots/list_changed' }], { headers: legacyHeaders(session) });
    assert.equal(answer.status, 202);
    assert.equal(answer.text, '');
  });
  const wrong = [
    ['an empty one', [], 'it is empty'], ['one in another', [[ping(1)]], 'message 1: a message is an object'],
    ['the same id twice', [ping(1), ping(1)], 'message 2: an earlier one has the same id'],
    ['the same id twice, spelled differently', '[{"jsonrpc":"2.0","id":"a","method":"ping"},{"jsonrpc":"2.0","id":"\\u0061","method":"ping"}]',
      'message 2: an earlier one has the same id'],
    ['an id that is no integer', '[{"jsonrpc":"2.0","id":1e0,"method":"ping"}]', 'message 1: id must be a string or an integer within 2^53 - 1'],
    ['a hundred and one', Array.from({ length: 101 }, (_, id) => ping(id)), 'it has more messages than a batch may have'],
    ['something that is no message', [ping(1), 7], 'message 2: a message is an object'],
    ['a request without an id', [{ jsonrpc: '2.0', method: 'ping' }], 'message 1: a request needs an id'],
    ['a request of the later era', [ping(1), modernRequest('tools/list')], 'message 2: a message of 2026-07-28 is sent by itself'],
    ['initialize in it (row 19)', [initialize('2025-03-26')], 'message 1: initialize is sent by itself'],
    ['requests and answers mixed', [ping(1), { jsonrpc: '2.0', id: 1, result: {} }], 'answers go without requests and notifications'],
  ];
  for (const [name, batch, why] of wrong)
    test(`row 18: refused at 2025-03-26, and told why: ${name}`, async () => {
      const session = await openSession(url(), '2025-03-26');
      const { body } = await refused(batch, { headers: legacyHeaders(session) }, 400, -32600);
      assert.equal(body.error.message, `the batch is refused: ${why}`);
    });
  for (const version of ['2025-06-18', '2025-11-25'])
    test(`row 18: refused in a session of ${version}`, async () => {
      const session = await openSession(url(), version);
      await refused([ping(1)], { headers: legacyHeaders(session) }, 400, -32600);
      await refused([ping(1)], { headers: { 'mcp-session-id': session.id } }, 400, -32600);
    });
  test('row 18: refused without a session', () => refused([ping(1)], {}, 400, -32600));
  test('row 19: initialize in a batch is refused without a session too', () => refused([initialize('2025-03-26')], {}, 400, -32600));
});

describe('row 22: Accept and Content-Type', () => {
  const accept = [
    ['application/json, text/event-stream', 200], ['text/event-stream,application/json', 200], ['*/*', 200], [null, 200],
    ['application/*, text/*', 200], ['application/json;q=0.5, text/event-stream;q=0.1', 200], ['Application/JSON, TEXT/Event-Stream', 200],
    ['application/json', 406], ['text/event-stream', 406], ['text/html', 406], ['application/json, text/event-stream;q=0', 406],
    ['application/*', 406], ['text/*, application/xml', 406],
  ];
  for (const [value, status] of accept)
    test(`row 22: Accept ${value} is ${status}`, async () => {
      for (const body of [legacyList, modernList()]) {
        const { text } = await raw(weir.port, requestText(body, { accept: value }), { enough: wholeAnswer });
        assert.equal(statusOf(text), status, text);
      }
    });
  const types = [
    ['application/json', 200], ['application/json; charset=utf-8', 200], ['application/json;charset="UTF-8"', 200], ['Application/JSON', 200],
    ['application/json; charset=latin1', 415], ['application/json; charset=utf-16', 415], ['text/plain', 415], ['application/jsonp', 415],
    ['application/json, text/plain', 415], ['application/json; boundary=x', 415], [null, 415], ['', 415], ['application/x-www-form-urlencoded', 415],
  ];
  for (const [value, status] of types)
    test(`row 22: Content-Type ${value} is ${status}`, async () => {
      for (const body of [legacyList, modernList()]) {
        const before = upstream.requests.length;
        const { text } = await raw(weir.port, requestText(body, { type: value }), { enough: wholeAnswer });
        assert.equal(statusOf(text), status, text);
        assert.equal(upstream.requests.length - before, status === 200 ? 1 : 0);
      }
    });
  function requestText(message, { accept: accepted = '*/*', type = 'application/json' }) {
    const body = JSON.stringify(message);
    const isModern = message.params?._meta !== undefined;
    return ['POST /mcp/own HTTP/1.1', `Host: ${weir.address}`, ...(type === null ? [] : [`Content-Type: ${type}`]),
      ...(accepted === null ? [] : [`Accept: ${accepted}`]), ...(isModern ? Object.entries(modernHeaders(message)).map(([name, value]) => `${name}: ${value}`) : []),
      `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
  }
  test('row 22: a GET must accept event streams', async () => {
    const answer = await fetch(url(), { headers: { accept: 'application/json' } });
    assert.equal(answer.status, 406);
  });
});

describe('row 23: 202 is for what has no answer, and has no body', () => {
  test('row 23: a notification', async () => {
    const answer = await passed({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' }, {}, 202);
    assert.equal(answer.text, '');
  });
  test('row 23: an answer to a server\'s request', async () => {
    const session = await openSession(url());
    const answer = await passed({ jsonrpc: '2.0', id: 1, result: { roots: [] } }, { headers: legacyHeaders(session) }, 202);
    assert.equal(answer.text, '');
  });
  test('row 23: what the upstream says in its 202 is not passed on', async () => {
    upstream.answer((_request, res) => { res.writeHead(202, { 'content-type': 'text/plain' }); res.end('Accepted'); return true; });
    const answer = await sent({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' });
    upstream.answer(undefined);
    assert.equal(answer.status, 202);
    assert.equal(answer.text, '');
  });
  for (const [era, message] of [['legacy', legacyList], ['modern', modernRequest('tools/list', {}, 5)]])
    test(`row 23: a 202 to a ${era} request is the upstream's fault, told as such`, async () => {
      upstream.answer((_request, res) => { res.writeHead(202); res.end(); return true; });
      const answer = await sent(message);
      upstream.answer(undefined);
      assert.equal(answer.status, 502);
      assert.equal(answer.body.error.code, -32603);
      assert.equal(answer.body.id, 5);
    });
});

describe('rows 26 and 27: what may be cached, by whom', () => {
  test('row 26: server/discover offers only what weir speaks', async () => {
    const { body } = await passed(modernRequest('server/discover'));
    assert.deepEqual(body.result.supportedVersions, ['2026-07-28']);
    assert.deepEqual(body.result.capabilities, { tools: {} });
    assert.equal(body.result.resultType, 'complete');
  });
  test('row 27: without policies the upstream\'s scope stands', async () => {
    const { body } = await passed(modernRequest('tools/list'));
    assert.equal(body.result.cacheScope, 'public');
    assert.equal(body.result.tools.length, 3);
  });
});

describe('row 28: subscriptions/listen', () => {
  test('row 28: the acknowledgement comes first, and all carries the subscription\'s id', async () => {
    const message = modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } }, 'sub-1');
    const response = await post(weir.url('modern'), message);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type'), /^text\/event-stream/);
    const seen = [];
    let begin;
    const begun = new Promise((resolve) => { begin = resolve; });
    const reading = readEvents(response, { until: (event) => {
      if (event.data !== '') { seen.push(JSON.parse(event.data)); begin(); }
      return seen.length === 2;
    } });
    await begun;
    await ask(weir.url('modern'), modernCall('test_trigger_prompt_change')); // Not asked for, so not told.
    await ask(weir.url('modern'), modernCall('test_trigger_tool_change'));
    await reading;
    assert.deepEqual(seen.map(({ method }) => method), ['notifications/subscriptions/acknowledged', 'notifications/tools/list_changed']);
    for (const notice of seen) assert.equal(notice.params._meta[`${prefix}/subscriptionId`], 'sub-1');
  });
});

describe('row 29: requestState is the server\'s, octet by octet', () => {
  test('row 29: it goes both ways unchanged, whatever is in it', async () => {
    const state = 'v1.{"a":1} \u{1F30A} +/=%20\\u0041 "quoted" \t' + 'x'.repeat(5000);
    const { reached } = await passed(modernRequest('tools/call', { name: 'echo', arguments: {}, inputResponses: { a: { action: 'accept', content: {} } }, requestState: state }));
    assert.equal(reached[0].body.params.requestState, state);
    assert.deepEqual(reached[0].body.params.inputResponses, { a: { action: 'accept', content: {} } });
    upstream.answer(({ body }, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { resultType: 'input_required', requestState: state } }));
      return true;
    });
    const answer = await sent(modernCall('echo'));
    upstream.answer(undefined);
    assert.equal(answer.body.result.requestState, state);
    assert.equal(answer.body.result.resultType, 'input_required');
  });
  test('row 29: changed anywhere, the server refuses it', async () => {
    const first = await ask(weir.url('modern'), modernRequest('tools/call', { name: 'test_input_required_result_tampered_state', arguments: {}, _meta: { [`${prefix}/clientCapabilities`]: { elicitation: {} } } }));
    const state = first.body.result.requestState;
    const retry = (requestState) => ask(weir.url('modern'), modernRequest('tools/call', { name: 'test_input_required_result_tampered_state', arguments: {},
      inputResponses: { confirm: { action: 'accept', content: { ok: true } } }, requestState, _meta: { [`${prefix}/clientCapabilities`]: { elicitation: {} } } }));
    for (let at = 0; at < state.length; at += 7) {
      const changed = state.slice(0, at) + (state[at] === 'A' ? 'B' : 'A') + state.slice(at + 1);
      assert.ok((await retry(changed)).body.error, `octet ${at}`);
    }
    assert.equal((await retry(state)).body.result.content[0].text, 'state-ok');
  });
});

test('the id of a request keeps its type and value in every answer', async () => {
  for (const id of [0, -1, 9007199254740991, '1', '', 'ü"\\', 'x'.repeat(200)]) {
    assert.deepEqual((await passed({ ...legacyList, id })).body.id, id);
    await refused(modernRequest('tools/list', {}, id), header('mcp-method', 'x'), 400, -32020, id);
  }
});

test('row 59: weir uses no code of the reserved range but those that are defined', () => {
  const defined = new Set([-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022]);
  for (const code of codes) assert.ok(defined.has(code) || code > -32000 || code < -32768, String(code));
  assert.ok(codes.size > 3);
});
