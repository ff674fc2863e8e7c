// cases/policy.mjs - what must hold of policies as a client lives with them: a call goes through, is blocked by an
// argument with a text that the model can read, or names a tool that is not there; a policy that fails blocks; and the
// record says each of these. Tried with every kind of real client, and on the wire where a client would hide the form.
import { after, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { openClient, textOf } from '../lib/clients.mjs';
import { startServer, stopAll } from '../lib/processes.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, eventually, legacyHeaders, modernCall, modernRequest, openSession, post, readEvents } from '../lib/wire.mjs';

const policies = {
  'calls.lua': `
policy "calls/no-ddl" {
  about = "DDL is for people", on = "request",
  match = { methods = { "tools/call" }, tools = { "echo" }, args = { sql = re[[(?i)\\b(drop|truncate)\\b]] } },
  decide = block("DDL is not allowed here", { code = "sql_ddl", hint = "use SELECT" }),
}
policy "calls/small-amounts" {
  on = "request", match = { tools = { "echo" }, args = { amount = present } },
  decide = function(call)
    if call.args.amount > 100 then
      return block("an amount of " .. tostring(call.args.amount) .. " is too much", { code = "too_much", retry_after = 30 })
    end
    return pass()
  end,
}
policy "calls/as-error" { on = "request", match = { tools = { "echo" }, args = { form = any_of { "error" } } },
  decide = block("told as an error", { code = "as_error", as = "error" }) }
policy "calls/raises" { on = "request", match = { tools = { "test_audio_content" } }, decide = function(call) error("boom") end }
policy "calls/forgets" { on = "request", match = { tools = { "test_image_content" } }, decide = function(call) end }
policy "calls/spins" { on = "request", match = { tools = { "test_multiple_content_types" } }, decide = function(call) while true do end end }
policy "calls/wrong-type" { on = "request", match = { tools = { "test_embedded_resource" } }, decide = function(call) return "block" end }
`,
  'lists/hidden.lua': `
policy "lists/secrets" { on = "list", match = { tools = { "secret_*" } }, decide = hide() }
policy "lists/prompts" { on = "list", match = { methods = { "prompts/list" }, servers = { "modern" } },
  decide = function(entry) if entry.prompt == "test_prompt_with_image" then return hide() end return pass() end }
`,
  'others.lua': `
policy "others/resource" { on = "request", match = { methods = { "resources/read", "resources/subscribe" }, resources = { "test://static-binary", "secret://*" } },
  decide = block("this resource is closed", { code = "closed" }) }
policy "others/uris" { on = "request", match = { resources = { "file:///etc/*", "https://evil.example/*", "file:///{+path}" } }, decide = block("closed", { code = "closed" }) }
policy "others/hidden" { on = "list", match = { resources = { "hidden://*", "file:///{+path}" } }, decide = hide() }
policy "others/listen" { on = "request", match = { methods = { "subscriptions/listen" }, resources = { "secret://*" } }, decide = block("closed") }
policy "others/prompt" { on = "request", match = { methods = { "prompts/get" } , servers = { "modern" } },
  decide = function(call) if call.args.arg1 == "forbidden" then return block("not with that", { code = "prompt_closed" }) end return pass() end }
policy "others/completion" { on = "request", match = { methods = { "completion/complete" }, servers = { "own" } }, decide = block("no completion") }
policy "others/notice" { on = "request", match = { methods = { "notifications/progress" }, servers = { "own" } }, decide = block("no progress") }
policy "others/levels" { on = "request", match = { methods = { "logging/setLevel" }, servers = { "own" } }, decide = block("levels are ours", { code = "no_levels" }) }
policy "strict/allowed" { on = "request", match = { servers = { "strict" }, tools = { "test_simple_text" } }, decide = allow() }
policy "labels/prod" { on = "request", match = { labels = { env = "prod" }, tags = { "write" } }, decide = block("production is read-only", { code = "read_only" }) }
policy "own/looks" { on = "request", match = { servers = { "own" }, tools = { "look" } }, decide = function(call) local a = call.args.a return pass() end }
`,
};

let modern;
let upstream;
let weir;
before(async () => {
  [modern, upstream] = await Promise.all([startServer('modern.mjs'), startUpstream()]);
  weir = await startWeir({ policies, servers: [
    { name: 'modern', url: modern.url },
    { name: 'own', url: upstream.url },
    { name: 'strict', url: modern.url, default: 'block' },
    { name: 'prod', url: modern.url, labels: { env: 'prod' }, tags: { write: ['*_text', 'secret_*'] } }] });
});
after(() => stopAll(weir, modern, upstream));
beforeEach(() => upstream.answer(undefined));

const kinds = ['sdk', 'legacy', 'auto', 'modern'];

/** All entries of the record that say `name`, of any session, once one of `kind` is among them. */
async function entriesOf(name, kind) {
  let found = [];
  await eventually(async () => {
    const { sessions } = await weir.sessions();
    found = (await Promise.all(sessions.map(({ id }) => weir.entries(id)))).flatMap(({ entries }) => entries).filter((entry) => entry.name === name);
    return kind === undefined || found.some((entry) => entry.kind === kind);
  });
  return found;
}

for (const kind of kinds)
  describe(`policies through a ${kind} client`, { timeout: 900_000 }, () => {
    let opened;
    before(async () => { opened = await openClient(kind, weir.url('modern')); });
    after(async () => { await opened?.close(); });

    test(`a call that no policy stops goes through (${kind})`, async () => {
      assert.equal(textOf(await opened.call('echo', { sql: 'select 1', amount: 100, n: 1.5 })), '{"sql":"select 1","amount":100,"n":1.5}');
    });
    test(`row 38: a call blocked by its argument is an error that the model reads (${kind})`, async () => {
      const result = await opened.call('echo', { sql: 'select 1; DROP table users' });
      assert.equal(result.isError, true);
      assert.match(textOf(result), /DDL is not allowed here/);
      assert.match(textOf(result), /sql_ddl/);
      assert.match(textOf(result), /use SELECT/);
      assert.equal(result.structuredContent, undefined);
    });
    test(`row 38: a handler's block says what the handler said (${kind})`, async () => {
      const result = await opened.call('echo', { amount: 101 });
      assert.equal(result.isError, true);
      assert.match(textOf(result), /an amount of 101 is too much/);
      assert.match(textOf(result), /too_much/);
      assert.match(textOf(result), /30/);
    });
    test(`row 38: a block as an error is one (${kind})`, async () => {
      await assert.rejects(opened.call('echo', { form: 'error' }), (error) => { assert.equal(error.code, 40301); assert.match(error.message, /told as an error/); return true; });
    });
    test(`row 38: a hidden tool is not in the list, and unknown by its name (${kind})`, async () => {
      const { tools } = await opened.client.listTools();
      const names = tools.map(({ name }) => name);
      assert.equal(names.includes('secret_delete'), false);
      assert.ok(names.includes('echo') && names.includes('test_simple_text'));
      await assert.rejects(opened.call('secret_delete'), (error) => {
        assert.equal(error.code, -32602);
        assert.match(error.message, /Unknown tool: secret_delete/);
        return true;
      });
    });
    test(`a list keeps the order of what is left (${kind})`, async () => {
      const direct = await openClient(kind, modern.url);
      const there = (await direct.client.listTools()).tools.filter(({ name }) => !name.startsWith('secret_'));
      await direct.close();
      assert.deepEqual((await opened.client.listTools()).tools, there);
    });
    for (const [what, tool] of [['raises', 'test_audio_content'], ['forgets to return', 'test_image_content'], ['never ends', 'test_multiple_content_types'], ['returns a text', 'test_embedded_resource']])
      test(`a policy that ${what} blocks, and tells nothing of its insides (${kind})`, async () => {
        const result = await opened.call(tool);
        assert.equal(result.isError, true);
        assert.match(textOf(result), /policy_error/);
        assert.doesNotMatch(textOf(result), /boom|lua|calls\//);
      });
    test(`row 39: a resource that is blocked is not found (${kind})`, async () => {
      await assert.rejects(opened.client.readResource({ uri: 'test://static-binary' }), (error) => {
        // The 2.x client turns -32002 into -32602 by itself; the wire is looked at below.
        assert.equal(error.code, kind === 'sdk' ? -32002 : -32602);
        assert.equal(error.data?.uri, 'test://static-binary');
        return true;
      });
      assert.equal((await opened.client.readResource({ uri: 'test://static-text' })).contents.length, 1);
    });
    test(`a prompt is hidden, another blocked by an argument (${kind})`, async () => {
      const { prompts } = await opened.client.listPrompts();
      assert.equal(prompts.some(({ name }) => name === 'test_prompt_with_image'), false);
      assert.equal(prompts.length, 5);
      await assert.rejects(opened.client.getPrompt({ name: 'test_prompt_with_image' }), { code: -32602 });
      await assert.rejects(opened.client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'forbidden', arg2: 'b' } }), { code: -32602 });
      const { messages } = await opened.client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } });
      assert.match(messages[0].content.text, /arg1='a'/);
    });
    test(`where the default is block, only what is allowed is called, and lists are whole (${kind})`, async () => {
      const strict = await openClient(kind, weir.url('strict'));
      assert.equal(textOf(await strict.call('test_simple_text')), 'This is a simple text response for testing.');
      const refused = await strict.call('echo', { a: 1 });
      assert.equal(refused.isError, true);
      assert.equal((await strict.client.listTools()).tools.some(({ name }) => name === 'echo'), true);
      await assert.rejects(strict.client.readResource({ uri: 'test://static-text' }));
      await strict.close();
    });
    test(`labels of the server and tags of the tool decide (${kind})`, async () => {
      const prod = await openClient(kind, weir.url('prod'));
      assert.match(textOf(await prod.call('test_simple_text')), /production is read-only/);
      assert.equal(textOf(await prod.call('echo', {})), '{}');
      await prod.close();
    });
  });

describe('what the wire shows', () => {
  const prefix = 'io.modelcontextprotocol';
  const own = () => weir.url('own');
  const sent = async (message, options) => {
    const before = upstream.requests.length;
    const answer = await ask(own(), message, options);
    return { ...answer, reached: upstream.requests.slice(before) };
  };
  test('row 12: a denial to a modern client is a complete result', async () => {
    const { status, body, reached } = await sent(modernCall('echo', { sql: 'drop x' }, 'twelve'));
    assert.equal(status, 200);
    assert.equal(body.id, 'twelve');
    assert.equal(body.result.resultType, 'complete');
    assert.equal(body.result.isError, true);
    assert.equal(body.result.content.length, 1);
    assert.equal(reached.length, 0);
  });
  test('row 39: the code of a resource that is blocked is its era\'s', async () => {
    const legacy = await sent({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'secret://a' } });
    const modernAnswer = await sent(modernRequest('resources/read', { uri: 'secret://a' }));
    for (const [answer, code] of [[legacy, -32002], [modernAnswer, -32602]]) {
      assert.equal(answer.status, 200);
      assert.equal(answer.body.error.code, code);
      assert.equal(answer.body.error.message, 'Resource not found');
      assert.equal(answer.body.error.data.uri, 'secret://a');
      assert.equal(answer.reached.length, 0);
    }
  });
  test('row 12: a denial to a legacy client has no resultType', async () => {
    const { status, body } = await sent({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { sql: 'drop x' } } });
    assert.equal(status, 200);
    assert.equal(body.result.isError, true);
    assert.equal('resultType' in body.result, false);
  });
  test('row 38: hiding is the same word for list and call, whatever the arguments, in both eras', async () => {
    for (const message of [modernCall('secret_delete', { a: 1 }), { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'secret_delete' } }]) {
      const { status, body, reached } = await sent(message);
      assert.equal(status, 200);
      assert.deepEqual(body, { jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'Unknown tool: secret_delete' } });
      assert.equal(reached.length, 0);
    }
  });
  test('row 38: a name is matched exactly', async () => {
    for (const name of ['Secret_delete', 'SECRET_DELETE', ' secret_delete', 'ſecret_delete', 'xsecret_delete'])
      assert.equal((await sent({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })).reached.length, 1, name);
    for (const spelled of ['"secret\\u005fdelete"', '"\\u0073ecret_delete"'])
      assert.equal((await sent(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":${spelled}}}`)).reached.length, 0, spelled);
  });
  test('an argument is matched by its value, however it is written', async () => {
    for (const sql of ['"DR\\u004fP table"', '"x \\u0064rop\\u0020y"', '"drop\\/**\\/table"'])
      assert.equal((await sent(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"s\\u0071l":${sql}},"name":"echo"}}`)).reached.length, 0, sql);
  });
  test('row 26: discover is private where lists differ', async () => {
    const { body } = await sent(modernRequest('server/discover'));
    assert.deepEqual(body.result.supportedVersions, ['2026-07-28']);
  });
  test('row 27: a filtered list is private, and kept a minute at most', async () => {
    const { body } = await sent(modernRequest('tools/list'));
    assert.deepEqual(body.result.tools.map(({ name }) => name), ['echo', 'hold']);
    assert.equal(body.result.cacheScope, 'private');
    assert.ok(body.result.ttlMs <= 60_000, String(body.result.ttlMs));
    assert.equal(body.result.resultType, 'complete');
  });
  test('a list of which all is hidden is empty, and its cursor goes on', async () => {
    upstream.answer(({ body }, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { tools: [{ name: 'secret_one', inputSchema: { type: 'object' } }], nextCursor: 'page-2' } }));
      return true;
    });
    const { body } = await sent({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    assert.deepEqual(body.result, { tools: [], nextCursor: 'page-2' });
  });
  test('a list that comes as an event stream is filtered too', async () => {
    upstream.answer(({ body }, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { tools: [{ name: 'secret_one', inputSchema: {} }, { name: 'open', inputSchema: {} }] } })}\n\n`);
      return true;
    });
    const { body } = await sent({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    assert.deepEqual(body.result.tools.map(({ name }) => name), ['open']);
  });
  test('row 27: without a policy that filters, nothing of a list is touched', async () => {
    const plain = await startWeir({ servers: [{ name: 'own', url: upstream.url }], policies: { 'none.lua': 'policy "p" { on = "request", match = { tools = { "x" } }, decide = allow() }' } });
    try {
      const { body } = await ask(plain.url('own'), modernRequest('tools/list'));
      assert.equal(body.result.cacheScope, 'public');
      assert.equal(body.result.ttlMs, 600_000);
      assert.equal(body.result.tools.length, 3);
    } finally {
      await plain.stop();
    }
  });
  test('row 28: subscriptions lose what is closed, and so does what comes', async () => {
    upstream.answer(({ body }, res) => {
      if (body?.method !== 'subscriptions/listen') return false;
      const meta = { [`${prefix}/subscriptionId`]: body.id };
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const say = (method, params) => res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta: meta } })}\n\n`);
      say('notifications/subscriptions/acknowledged', { notifications: body.params.notifications });
      for (const uri of ['secret://a', 'open://b']) say('notifications/resources/updated', { uri });
      res.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { resultType: 'complete', _meta: meta } })}\n\n`);
      return true;
    });
    const before = upstream.requests.length;
    const { events } = await readEvents(await post(own(), modernRequest('subscriptions/listen',
      { notifications: { toolsListChanged: true, resourceSubscriptions: ['secret://a', 'open://b'] } }, 'sub')));
    assert.deepEqual(upstream.requests[before].body.params.notifications, { toolsListChanged: true, resourceSubscriptions: ['open://b'] });
    const messages = events.filter(({ data }) => data !== '').map(({ data }) => JSON.parse(data));
    assert.deepEqual(messages[0].params.notifications, { toolsListChanged: true, resourceSubscriptions: ['open://b'] });
    assert.deepEqual(messages.filter(({ method }) => method === 'notifications/resources/updated').map(({ params }) => params.uri), ['open://b']);
    assert.equal(messages.at(-1).result.resultType, 'complete');
  });
  const spellings = ['FILE:///etc/passwd', 'file:/etc/passwd', 'file://localhost/etc/passwd', ' file:///etc/passwd', 'file:///etc/passwd\n', 'fi\tle:///etc/passwd',
    'file:////etc/passwd', 'file:///x/../etc/passwd', 'file:\\\\etc\\passwd', 'file:///%65tc/passwd', 'file:///etc%2Fpasswd', 'docs://public/..%2Fprivate', 'https://evil.example/a%5C..', '/etc/passwd', 'https://EVIL.example/x',
    'https://evil.example:443/x', 'https://u@evil.example/x', 'https:evil.example/x', 'https://evil.example./x', 'https://evil.example'];
  test('a resource is blocked however its URI is spelled, whatever asks for it', async () => {
    for (const uri of ['file:///etc/passwd', 'https://evil.example/x', ...spellings]) {
      const plain = uri === 'file:///etc/passwd' || uri === 'https://evil.example/x';
      for (const message of [modernRequest('resources/read', { uri }), ...['read', 'subscribe', 'unsubscribe'].map((verb) => ({ jsonrpc: '2.0', id: 1, method: `resources/${verb}`, params: { uri } }))]) {
        const { status, body, reached } = await sent(message);
        assert.equal(reached.length, 0, uri);
        assert.equal(status, plain ? 200 : 400, uri);
        if (!plain) assert.match(body.error.message, /params\.uri must be in normal form/, uri);
      }
    }
    const other = await sent({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'Custom:Thing' } });
    assert.equal((await sent({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'https://ev\u0456l.example/x' } })).reached.length, 0);
    assert.match(other.body.error.message, /the scheme is in lower case/);
    const { body, reached } = await sent(modernRequest('completion/complete', { ref: { type: 'ref/resource', uri: 'FILE:///{+path}' }, argument: { name: 'path', value: 'b' } }));
    assert.match(body.error.message, /params\.ref\.uri must be in normal form/);
    assert.equal(reached.length, 0);
  });
  test('what has one spelling goes on as it was written', async () => {
    for (const uri of ['custom:Thing', 'note://MyNote/A', 'postgres://user@db:5432/t', 'https://evil.example:444/x', 'file:///home/%C3%A4%20b', 'repo://owner%2Fname'])
      assert.deepEqual((await sent({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri } })).reached.map(({ body }) => body.params.uri), [uri]);
  });
  test('a list that is filtered has no entry in another spelling, and no subscription begins to one', async () => {
    upstream.answer(({ body }, res) => {
      const entries = body?.method === 'resources/list' ? { resources: ['hidden://a', 'HIDDEN://a', 'open://A', 'file:///etc/passwd'].map((uri) => ({ uri, name: uri })) }
        : { resourceTemplates: ['FILE:///{+path}', 'file:///{+path}', 'open://{Name}', '{+uri}'].map((uriTemplate) => ({ uriTemplate, name: uriTemplate })) };
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: body.method === 'subscriptions/listen' ? { resultType: 'complete' } : entries }));
      return true;
    });
    const list = async (method) => (await sent({ jsonrpc: '2.0', id: 1, method })).body.result;
    assert.deepEqual((await list('resources/list')).resources.map(({ uri }) => uri), ['open://A', 'file:///etc/passwd']);
    assert.deepEqual((await list('resources/templates/list')).resourceTemplates.map(({ uriTemplate }) => uriTemplate), ['open://{Name}', '{+uri}']);
    const before = upstream.requests.length;
    await (await post(own(), modernRequest('subscriptions/listen', { notifications: { resourceSubscriptions: ['FILE:///etc/passwd', 'file:///etc/passwd', 'https://EVIL.example/', 'open://b'] } }, 'spelled'))).text();
    assert.deepEqual(upstream.requests[before].body.params.notifications, { resourceSubscriptions: ['open://b'] });
  });
  test('row 18: each element of a batch is judged by itself', async () => {
    const session = await openSession(own(), '2025-03-26');
    const call = (id, name, args) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });
    const { status, messages, reached } = await sent([call(1, 'echo', { sql: 'select' }), call(2, 'echo', { sql: 'drop' }), call(3, 'secret_delete', {}), { jsonrpc: '2.0', id: 4, method: 'ping' },
      { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } }], { headers: legacyHeaders(session) });
    assert.equal(status, 200);
    const answers = new Map(messages.flat().map((message) => [message.id, message]));
    assert.deepEqual([...answers.keys()].sort(), [1, 2, 3, 4]);
    assert.equal(answers.get(2).result.isError, true);
    assert.equal(answers.get(3).error.code, -32602);
    assert.ok(answers.get(1).result && answers.get(4).result);
    const through = reached.flatMap(({ body }) => body);
    assert.deepEqual(through.map(({ id }) => id).sort(), [1, 4]);
    assert.equal(through.some(({ method }) => method === 'notifications/progress'), false);
  });
  test('row 18: what is denied of a batch is told on the stream that answers the rest', async () => {
    upstream.answer(({ body }, res) => {
      if (!Array.isArray(body)) return false;
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const { id } of body.filter((message) => message.id !== undefined))
        res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })}\n\n`);
      res.end();
      return true;
    });
    const headers = legacyHeaders(await openSession(own(), '2025-03-26'));
    const call = (id, name, args) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });
    const denied = [call(2, 'echo', { sql: 'drop\n,' }), call(3, 'secret_delete', {})];
    for (const rest of [[call(1, 'echo', { sql: 'select' })], [{ jsonrpc: '2.0', method: 'notifications/roots/list_changed' }]]) {
      const { status, messages, reached } = await sent([...denied, ...rest], { headers });
      assert.equal(status, 200);
      assert.deepEqual(messages.map(({ id }) => id), [2, 3, ...rest.filter(({ id }) => id !== undefined).map(({ id }) => id)]);
      assert.equal(messages[0].result.isError, true);
      assert.equal(messages[1].error.code, -32602);
      assert.deepEqual(reached.flatMap(({ body }) => body), rest);
    }
  });
  test('completion that is blocked completes nothing', async () => {
    const { status, body, reached } = await sent(modernRequest('completion/complete', { ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'a', value: 'b' } }));
    assert.equal(status, 200);
    assert.deepEqual(body.result.completion, { values: [], total: 0, hasMore: false });
    assert.equal(body.result.resultType, 'complete');
    assert.equal(reached.length, 0);
  });
  test('a notification that is blocked is taken and dropped', async () => {
    const { status, text, reached } = await sent({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } });
    assert.equal(status, 202);
    assert.equal(text, '');
    assert.equal(reached.length, 0);
  });
  test('row 59: any other method that is blocked is an error with weir\'s own code', async () => {
    const { status, body } = await sent({ jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level: 'debug' } });
    assert.equal(status, 200);
    assert.equal(body.error.code, 40301);
    assert.equal(body.error.data.weir.code ?? body.error.data.weir.reason, 'no_levels');
  });
  test('row 50: what a policy looked into goes on as one re-serialisation, in the order and with the numbers it had', async () => {
    const text = '{ "id" : 1, "jsonrpc":"2.0",\n "method":"tools/call", "params": {"arguments": {"b": 1.0, "a": 9007199254740993, "c": "\\u0041\\/\\u00fc", "d": [ 1e2 , -0 ] , "e": "\\u0007\\n"},\t"name":"look", "_meta": {"x":"\\ud83c\\udf0a"} } }';
    const { status, reached } = await sent(text);
    assert.equal(status, 200);
    assert.equal(reached[0].text, '{"id":1,"jsonrpc":"2.0","method":"tools/call","params":{"arguments":{"b":1.0,"a":9007199254740993,"c":"A/ü","d":[1e2,-0],"e":"\\u0007\\n"},"name":"look","_meta":{"x":"\u{1F30A}"}}}');
  });
  test('row 50: what no policy looked into goes on as it came', async () => {
    const text = '{ "id" : 1, "jsonrpc":"2.0",\n "method":"tools/call", "params": {"arguments": {"c": "\\u0041\\/"},"name":"hold_not" } }';
    const { status, reached } = await sent(text);
    assert.equal(status, 200);
    assert.equal(reached[0].text, text);
  });
});

describe('the record says what happened', { timeout: 900_000 }, () => {
  test('an allowed call: asked, allowed, forwarded, answered, in this order', async () => {
    const session = await openSession(weir.url('own'));
    await ask(weir.url('own'), { jsonrpc: '2.0', id: 'rec-1', method: 'tools/call', params: { name: 'hold_rec', arguments: { a: 1 } } }, { headers: legacyHeaders(session) });
    await eventually(async () => (await entriesOf('hold_rec')).length > 0);
    const [first] = await entriesOf('hold_rec', 'asked');
    await eventually(async () => {
      const { sessions } = await weir.sessions();
      const all = (await Promise.all(sessions.map(({ id }) => weir.entries(id)))).flatMap(({ entries }) => entries);
      const turns = all.filter((entry) => entry.exchange === first.exchange && entry.worker === first.worker && entry.seq >= first.seq).sort((a, b) => a.seq - b.seq);
      const until = turns.findIndex(({ kind }) => kind === 'answered');
      if (until < 0) return false;
      assert.deepEqual(turns.slice(0, until + 1).map(({ kind }) => kind), ['asked', 'allowed', 'forwarded', 'answered']);
      assert.equal(turns[0].method, 'tools/call');
      assert.equal(turns[0].server ?? 'own', 'own');
      return true;
    });
  });
  test('a blocked call: asked and blocked with the policy, its words, and nothing forwarded', async () => {
    await ask(weir.url('own'), modernCall('echo', { sql: 'truncate it' }));
    const blocked = (await entriesOf('echo')).length >= 0 && await blockedBy('calls/no-ddl');
    assert.ok(blocked.some(({ text }) => text.includes('DDL is not allowed here')));
  });
  test('a hidden tool that was called by its name: blocked by the policy that hides it', async () => {
    await ask(weir.url('own'), modernCall('secret_delete'));
    assert.ok((await blockedBy('lists/secrets')).length > 0);
  });
  test('a policy that failed: blocked, and what went wrong', async () => {
    await ask(weir.url('modern'), modernCall('test_audio_content'));
    const blocked = await blockedBy('calls/raises');
    assert.ok(JSON.stringify(blocked).includes('boom'), JSON.stringify(blocked[0]));
  });
  test('nothing blocked was forwarded', async () => {
    const { sessions } = await weir.sessions();
    for (const { id } of sessions) {
      const { entries } = await weir.entries(id);
      for (const blocked of entries.filter(({ kind }) => kind === 'blocked')) {
        const asked = entries.filter((entry) => entry.kind === 'asked' && entry.worker === blocked.worker && entry.exchange === blocked.exchange && entry.seq < blocked.seq).at(-1);
        assert.ok(asked, 'asked comes first');
        assert.equal(entries.some((entry) => entry.kind === 'forwarded' && entry.worker === blocked.worker && entry.exchange === blocked.exchange && entry.seq > asked.seq && entry.seq < blocked.seq), false);
      }
    }
  });
  test('sessions list names client, server and principal, and counts', async () => {
    const { sessions } = await weir.sessions();
    for (const kind of kinds) assert.ok(sessions.some(({ client, server }) => client.includes(`weir-e2e-${kind}`) && server === 'modern'), kind);
    const own = sessions.find(({ server, blocked }) => server === 'own' && blocked > 0);
    assert.ok(own.asked > 0 && own.allowed > 0, JSON.stringify(own));
    assert.ok(own.asked <= own.blocked + own.allowed, 'every message that was asked has a verdict');
  });
  /** Entries of kind blocked that name `policy`, once there are some. */
  async function blockedBy(policy) {
    let found = [];
    await eventually(async () => {
      const { sessions } = await weir.sessions();
      found = (await Promise.all(sessions.map(({ id }) => weir.entries(id)))).flatMap(({ entries }) => entries)
        .filter(({ kind, policies: names }) => kind === 'blocked' && names?.includes(policy));
      return found.length > 0;
    });
    return found;
  }
});

test('a policy that cannot be loaded ends weir with code 3 and says where', async () => {
  for (const [text, where] of [
    ['policy "x" { on = "request", match = {}, decide = block("a" }', /bad\.lua:1/],
    ['policy "x" {\n  on = "request",\n  match = { tolls = { "a" } },\n  decide = pass() }', /bad\.lua:\d+.*tolls/],
    ['policy "x" { on = "response", match = {}, decide = mask {} }', /bad\.lua:\d+/],
    ['policy "x" { on = "request", match = {}, decide = os.exit() }', /bad\.lua:1/]]) {
    const started = startWeir({ servers: [{ name: 'own', url: upstream.url }], policies: { 'bad.lua': text } });
    await assert.rejects(started, where);
  }
});
