// cases/mask.mjs - what must hold of masks: whatever client asks, in whatever form the answer comes and however its octets
// are cut, what a policy names is not in it, and neither is it in the record; the client takes the masked answer for a
// good one. Tried with every SDK client, with octets (among them the masking vectors of http_response_vectors.json), and
// on the record's files.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openClient, textOf } from '../lib/clients.mjs';
import { root, startServer, stopAll } from '../lib/processes.mjs';
import { startPlayer, startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, eventually, legacyHeaders, modernCall, modernRequest, openSession, post, readEvents } from '../lib/wire.mjs';

const secrets = ['078-05-1120', '85000.5', '+49 170 1234567'];
const policies = {
  'mask.lua': `
local pii = mask { fields = { ["**.ssn"] = "drop", ["salary"] = "null", ["**.salary"] = "null", ["phone"] = "last4", ["**.phone"] = "last4" } }
policy "pii/tools" { on = "response", match = { servers = "modern", tools = "customer*" }, unless = { tools = "customer_open" }, decide = pii }
policy "pii/others" { on = "response", match = { servers = "modern", methods = { "resources/read", "prompts/get" } }, decide = pii }
policy "own/static" { on = "response", match = { servers = "own" }, unless = { tools = "handled*" }, decide = mask { fields = { ["**.ssn"] = "drop" } } }
policy "own/handled" { on = "response", match = { servers = "own", tools = "handled*" },
  decide = function(call)
    if call.tool == "handled_blocked" then return block("the answer is not for you", { code = "not_yours" }) end
    if call.tool == "handled_raises" then error("boom") end
    if call.error then return mask { fields = { ["secret"] = "(error)" } } end
    if call.args.plain then return pass() end
    return mask { fields = { [call.result.structuredContent.name] = "(by handler)" } }
  end }
policy "vectors/all" { on = "response", match = { servers = "player" }, decide = mask { fields = { ["**"] = "(gone)" } } }
policy "cuts/key" { on = "response", match = { servers = "cuts" }, decide = mask { fields = { ["**.key"] = "drop", ["list[*].n"] = "null" } } }
`,
};

let modern;
let upstream;
let player;
let play;
let weir;
before(async () => {
  [modern, upstream, player] = await Promise.all([startServer('modern.mjs'), startUpstream(), startPlayer((_request, socket) => play(socket))]);
  weir = await startWeir({ policies, servers: [{ name: 'modern', url: modern.url }, { name: 'own', url: upstream.url },
    { name: 'player', url: player.url }, { name: 'cuts', url: player.url }] });
});
after(() => stopAll(weir, modern, upstream, player));

function assertNoSecret(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  for (const secret of secrets) assert.equal(text.includes(secret), false, `${secret} in ${text}`);
}
const maskedCustomer = { id: 7, name: 'Jane Doe', salary: null, phone: '****4567', big: 9007199254740991 };

function assertMaskedCustomer(result) {
  assert.notEqual(result.isError, true);
  assert.deepEqual(result.structuredContent, maskedCustomer);
  assert.deepEqual(JSON.parse(result.content[0].text), maskedCustomer);
  assert.equal(result.content[1].text, 'customer Jane Doe ([removed]), reached at ****4567');
  assertNoSecret(result);
}

for (const kind of ['sdk', 'legacy', 'auto', 'modern'])
  describe(`masks through a ${kind} client`, { timeout: 900_000 }, () => {
    let opened;
    before(async () => { opened = await openClient(kind, weir.url('modern')); });
    after(async () => { await opened?.close(); });

    test(`row 41: a tool that may be masked promises no outputSchema (${kind})`, async () => {
      const { tools } = await opened.client.listTools();
      const schemaOf = (name) => tools.find((tool) => tool.name === name).outputSchema;
      for (const name of ['customer', 'customer_late', 'customer_told', 'customer_failed']) assert.equal(schemaOf(name), undefined, name);
      assert.equal(schemaOf('customer_open').type, 'object');
    });
    test(`row 40: a masked answer is a good one to the client, after tools/list (${kind})`, async () => {
      await opened.client.listTools();
      assertMaskedCustomer(await opened.call('customer'));
    });
    test(`an exempt tool answers as it is (${kind})`, async () => {
      const result = await opened.call('customer_open');
      assert.equal(result.structuredContent.ssn, '078-05-1120');
      assert.match(result.content[0].text, /^\{\n  "id": 7,/);
    });
    test(`row 40: what a tool says while it works is masked, too (${kind})`, async () => {
      if (opened.era === 'legacy') await opened.client.setLoggingLevel('debug');
      const progress = [];
      const params = opened.era === 'modern' ? { logLevel: 'debug' } : {};
      const result = await opened.call('customer_told', {}, { onprogress: (one) => { progress.push(one); }, ...params });
      assertMaskedCustomer(result);
      await eventually(() => progress.length === 1);
      assert.equal(progress[0].message, '{}');
      assertNoSecret(opened.notices);
      assertNoSecret(progress);
    });
    test(`row 40: an error result is masked (${kind})`, async () => {
      const result = await opened.call('customer_failed');
      assert.equal(result.isError, true);
      assert.deepEqual(JSON.parse(result.content[0].text), maskedCustomer);
    });
    test(`row 40: a resource and a prompt are masked (${kind})`, async () => {
      const { contents } = await opened.client.readResource({ uri: 'test://customer' });
      assert.deepEqual(JSON.parse(contents[0].text), maskedCustomer);
      const { messages } = await opened.client.getPrompt({ name: 'customer' });
      assert.deepEqual(JSON.parse(messages[0].content.text), maskedCustomer);
    });
    if (kind !== 'modern')
      test(`row 16: an answer that is taken up on another stream is masked (${kind})`, async () => {
        assertMaskedCustomer(await opened.call('customer_late'));
      });
  });

describe('masks on the wire', { timeout: 900_000 }, () => {
  const call = (name, args = {}) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } });
  const say = (message) => (request, res) => {
    if (request.body?.method !== 'tools/call') return false;
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(JSON.stringify({ jsonrpc: '2.0', id: request.body.id, ...message }));
    return true;
  };
  after(() => upstream.answer(undefined));

  test('row 27: a list that lost a schema is private', async () => {
    const { body } = await ask(weir.url('modern'), modernRequest('tools/list'));
    assert.equal(body.result.cacheScope, 'private');
    assert.ok(body.result.ttlMs <= 60_000);
  });
  test('row 40: error.data and the message beside it', async () => {
    upstream.answer(say({ error: { code: -32000, message: 'no 078-05-1120', data: { a: { ssn: '078-05-1120', b: 1 } } } }));
    const { body } = await ask(weir.url('own'), call('x'));
    assert.deepEqual(body.error, { code: -32000, message: 'no [removed]', data: { a: { b: 1 } } });
  });
  test('number text and order stay as they were', async () => {
    upstream.answer((request, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end('{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"z":9007199254740993,"ssn":"078-05-1120","a":1.0,"e":1e+2},"content":[]}}');
      return true;
    });
    const response = await post(weir.url('own'), call('x'));
    assert.equal(await response.text(), '{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"z":9007199254740993,"a":1.0,"e":1e+2},"content":[]}}');
  });
  test('a handler decides by the result, the error and the arguments', async () => {
    upstream.answer(say({ result: { content: [], structuredContent: { name: 'pin', pin: 'abcd-1' } } }));
    assert.deepEqual((await ask(weir.url('own'), call('handled'))).body.result.structuredContent, { name: 'pin', pin: '(by handler)' });
    assert.deepEqual((await ask(weir.url('own'), call('handled', { plain: true }))).body.result.structuredContent, { name: 'pin', pin: 'abcd-1' });
    upstream.answer(say({ error: { code: 5, message: 'abcd-1!', data: { secret: 'abcd-1' } } }));
    assert.deepEqual((await ask(weir.url('own'), call('handled'))).body.error, { code: 5, message: '(error)!', data: { secret: '(error)' } });
  });
  test('an answer that a policy blocks is a denial, and nothing of it comes', async () => {
    upstream.answer(say({ result: { content: [{ type: 'text', text: '078-05-1120' }] } }));
    for (const request of [call('handled_blocked'), modernCall('handled_blocked')]) {
      const { body } = await ask(weir.url('own'), request);
      assert.equal(body.result.isError, true);
      assert.match(body.result.content[0].text, /the answer is not for you/);
      assertNoSecret(body);
    }
  });
  test('a policy that fails blocks the answer, and tells nothing of its insides', async () => {
    upstream.answer(say({ result: { content: [{ type: 'text', text: '078-05-1120' }] } }));
    const { body } = await ask(weir.url('own'), call('handled_raises'));
    assert.equal(body.result.isError, true);
    assert.match(body.result.content[0].text, /policy_error/);
    assert.doesNotMatch(JSON.stringify(body), /boom|078-05-1120/);
  });
  for (const [what, text] of [['has a name twice', '{"ssn":"078-05-1120","ssn":"078-05-1120"}'], ['nests too deeply', `${'['.repeat(100)}"078-05-1120"${']'.repeat(100)}`]])
    test(`row 40: a text that is JSON and ${what} cannot be masked, so it does not come`, async () => {
      upstream.answer(say({ result: { content: [{ type: 'text', text }] } }));
      const { body } = await ask(weir.url('own'), call('x'));
      assert.equal(body.result.isError, true);
      assert.match(body.result.content[0].text, /cannot be masked/);
      assertNoSecret(body);
    });
  test('rows 18 and 40: each answer of a batch is masked by its own request', async () => {
    upstream.answer((request, res) => {
      if (!Array.isArray(request.body)) return false;
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify([...request.body.map(({ id, params }) => ({ jsonrpc: '2.0', id,
        result: { content: [], structuredContent: { name: 'pin', pin: 'abcd-1', ssn: '078-05-1120', tool: params.name } } })),
        { jsonrpc: '2.0', id: 'nobody', result: { content: [{ type: 'text', text: '078-05-1120' }] } }]));
      return true;
    });
    const session = await openSession(weir.url('own'), '2025-03-26');
    const { body } = await ask(weir.url('own'), [{ ...call('x'), id: 1 }, { ...call('handled'), id: 2 }, { ...call('handled_blocked'), id: 3 }],
                               { headers: legacyHeaders(session) });
    assert.equal(body.length, 3);
    const of = (id) => body.find((message) => message.id === id).result;
    assert.deepEqual(of(1).structuredContent, { name: 'pin', pin: 'abcd-1', tool: 'x' });
    assert.equal(of(2).structuredContent.pin, '(by handler)');
    assert.equal(of(3).isError, true);
  });
  test('row 40: a stream\'s events, a request of the server among them', async () => {
    upstream.answer((request, res) => {
      if (request.body?.method !== 'tools/call') return false;
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = (message) => res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
      event({ method: 'notifications/message', params: { level: 'info', data: { ssn: '078-05-1120', note: 'of 078-05-1120' } } });
      event({ id: 's1', method: 'sampling/createMessage', params: { maxTokens: 5, messages: [{ role: 'user', content: { type: 'text', text: '{"ssn":"078-05-1120"}' } }] } });
      event({ id: request.body.id, result: { content: [{ type: 'text', text: '{"ssn":"078-05-1120"}' }] } });
      res.end();
      return true;
    });
    const { messages } = await ask(weir.url('own'), call('x'));
    assert.deepEqual(messages.map(({ params, result }) => params?.data ?? params?.messages[0].content.text ?? result.content[0].text),
                     [{ note: 'of [removed]' }, '{}', '{}']);
  });
});

// However the octets come: what the client gets is the same, and nothing of a secret is in it.
describe('masks do not depend on how octets are cut', { timeout: 900_000 }, () => {
  const legacyCall = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } };
  async function through(server, pieces) {
    play = async (socket) => {
      socket.setNoDelay(true);
      for (const piece of pieces) {
        socket.write(Buffer.from(piece, 'latin1'));
        await new Promise(setImmediate);
      }
    };
    const response = await post(weir.url(server), legacyCall);
    return { status: response.status, text: await response.text().catch((error) => `broken off: ${error.message}`) };
  }
  const vectors = JSON.parse(readFileSync(join(root, '..', 'data', 'http_response_vectors.json'), 'utf8'));
  for (const { name, raw, reason, secret } of vectors.filter(({ expected }) => expected === 'masked'))
    test(`answer vector ${name}: ${reason}`, async () => {
      const whole = await through('player', [raw]);
      assert.equal(whole.text.includes(secret), false, whole.text);
      const head = raw.indexOf('\r\n\r\n') + 4;
      for (let at = 1; at < raw.length; at += at < head ? 7 : 1)
        assert.deepEqual(await through('player', [raw.slice(0, at), raw.slice(at)]), whole, `cut at ${at}`);
      assert.deepEqual(await through('player', [...raw]), whole, 'octet by octet');
    });

  const key = 'k-4711-secret';
  const inner = JSON.stringify({ key, list: [{ n: 12345, key }], keep: 1.5 });
  const message = `{"jsonrpc":"2.0","id":1,"result":{"structuredContent":${inner.replace('4711', '\\u0034711')},"content":[{"type":"text","text":${JSON.stringify(inner)}},{"type":"text","text":"got ${key}, 12345"}]}}`;
  const expected = '{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"list":[{"n":null}],"keep":1.5},"content":[{"type":"text","text":"{\\"list\\":[{\\"n\\":null}],\\"keep\\":1.5}"},{"type":"text","text":"got [removed], [removed]"}]}}';
  const chunked = (text) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  const json = (more, body) => `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${more}\r\n\r\n${body}`;
  const events = (end) => `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(
    [`data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"key":"${key}"}}}`, '', 'event: message', `data: ${message}`, '', ''].join(end))}`;
  const forms = {
    'JSON of a known length': [json(`Content-Length: ${message.length}`, message), expected],
    'JSON in chunks': [json('Transfer-Encoding: chunked', chunked(message)), expected],
    'events that end in LF': [events('\n')], 'events that end in CRLF': [events('\r\n')], 'events that end in CR': [events('\r')],
  };
  for (const [name, [octets, wanted]] of Object.entries(forms))
    test(`row 40: ${name}`, async () => {
      const whole = await through('cuts', [octets]);
      if (wanted) assert.equal(whole.text, wanted);
      else assert.ok(whole.text.includes(`data: ${expected}\n`) && whole.text.includes('"data":{}'), whole.text);
      assert.equal(whole.text.includes(key), false);
      for (let at = octets.indexOf('\r\n\r\n'); at < octets.length; ++at)
        assert.deepEqual(await through('cuts', [octets.slice(0, at), octets.slice(at)]), whole, `cut at ${at}`);
      assert.deepEqual(await through('cuts', [...octets]), whole, 'octet by octet');
    });
});

describe('masks in the record', { timeout: 900_000 }, () => {
  let own;
  before(async () => {
    own = await startWeir({ policies, record: { durability: 'strict' }, servers: [{ name: 'modern', url: modern.url }] });
    for (const kind of ['legacy', 'modern']) {
      const opened = await openClient(kind, own.url('modern'));
      await opened.client.listTools();
      for (const tool of ['customer', 'customer_told', 'customer_failed']) await opened.call(tool, {}, { onprogress: () => {} });
      await opened.client.readResource({ uri: 'test://customer' });
      await opened.close();
    }
  });
  after(() => stopAll(own));

  test('what was masked is told by path, policy and count', async () => {
    let masked = [];
    await eventually(async () => {
      const { sessions } = await own.sessions();
      const entries = (await Promise.all(sessions.map(({ id }) => own.entries(id)))).flatMap(({ entries: some }) => some);
      masked = entries.filter(({ kind }) => kind === 'masked');
      return masked.some(({ policies: [name] }) => name === 'pii/others');
    });
    for (const { policies: names, count, path } of masked) assert.ok(names.length === 1 && count >= 1 && path !== undefined);
    const [first] = masked.filter(({ policies: [name], path }) => name === 'pii/tools' && path === '**.ssn');
    assert.equal(first.count, 2, 'in structuredContent and in the text that is JSON');
    assert.equal(first.copies, 1, 'in the text');
    const { sessions } = await own.sessions();
    const shown = (await Promise.all(sessions.map(({ id }) => own.cli('sessions', 'show', id)))).map(({ out }) => out).join('\n');
    assert.match(shown, /masked.*by pii\/tools, \*\*\.ssn, 2 values, 1 copy/);
    assert.ok((await own.gauges()).weir_masked_total >= 8);
  });
  test('row 40: no octet of a secret is in the files', async () => {
    let found = 0;
    for (const file of await readdir(join(own.dir, 'state'), { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = await readFile(join(file.parentPath ?? file.path, file.name), 'latin1');
      if (text.includes('Jane Doe')) ++found;
      for (const secret of secrets) assert.equal(text.includes(secret), false, `${secret} in ${file.name}`);
    }
    assert.ok(found > 0, 'the answers themselves are there');
  });
});
