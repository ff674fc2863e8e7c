// cases/sdk.mjs - what must hold: an unmodified client of either SDK, in every mode it has, does all that MCP offers
// with an unmodified server through weir, as if weir were not there. Tried with the reference server "everything"
// (legacy era) and with servers/modern.mjs (both eras).
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { elicited, openClient, roots, sampled, textOf } from '../lib/clients.mjs';
import { startServer, stopAll } from '../lib/processes.mjs';
import { startWeir } from '../lib/weir.mjs';

let everything;
let modern;
let weir;
before(async () => {
  [everything, modern] = await Promise.all([startServer('everything.mjs'), startServer('modern.mjs')]);
  weir = await startWeir({ servers: [{ name: 'everything', url: everything.url }, { name: 'modern', url: modern.url }] });
});
after(() => stopAll(weir, everything, modern));

async function withClient(kind, server, body, options) {
  const opened = await openClient(kind, weir.url(server), options);
  try {
    return await body(opened);
  } finally {
    await opened.close();
  }
}

for (const kind of ['sdk', 'legacy', 'auto'])
  describe(`${kind} client, server everything`, { concurrency: 4, timeout: 900_000 }, () => {
    const on = (name, body) => test(`${name} (${kind}, everything)`, () => withClient(kind, 'everything', body));

    on('a session is opened at 2025-11-25', async ({ era, version, client }) => {
      assert.equal(era, 'legacy');
      assert.equal(version, '2025-11-25');
      assert.equal(client.getServerVersion().name, 'mcp-servers/everything');
      assert.match(client.getInstructions(), /\S/);
    });
    on('tools are listed and called', async ({ client, call }) => {
      const { tools } = await client.listTools();
      assert.ok(tools.some(({ name }) => name === 'echo') && tools.length > 8);
      assert.equal(textOf(await call('echo', { message: 'grüße \u{1F30A} "quoted" \\ \n' })), 'Echo: grüße \u{1F30A} "quoted" \\ \n');
      assert.match(textOf(await call('get-sum', { a: 40, b: 2 })), /42/);
    });
    on('structured content fits its schema', async ({ client, call }) => {
      await client.listTools(); // The client checks answers against what it saw here.
      const result = await call('get-structured-content', { location: 'New York' });
      assert.equal(typeof result.structuredContent.temperature, 'number');
    });
    on('an image arrives whole', async ({ call }) => {
      const image = (await call('get-tiny-image')).content.find((item) => item.type === 'image');
      assert.deepEqual([...Buffer.from(image.data, 'base64').subarray(1, 4)], [0x50, 0x4e, 0x47]);
    });
    on('resources are listed, read and found by template', async ({ client }) => {
      const { resources } = await client.listResources();
      assert.ok(resources.length > 0);
      const { contents } = await client.readResource({ uri: resources[0].uri });
      assert.equal(contents[0].uri, resources[0].uri);
      assert.ok((await client.listResourceTemplates()).resourceTemplates.length > 0);
    });
    on('prompts are listed, filled in and completed', async ({ client }) => {
      const { prompts } = await client.listPrompts();
      assert.ok(prompts.length > 2);
      const { messages } = await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Oslo', state: 'Norway' } });
      assert.match(messages[0].content.text, /Oslo/);
      const { completion } = await client.complete({ ref: { type: 'ref/prompt', name: 'completable-prompt' },
                                                     argument: { name: 'department', value: 'E' } });
      assert.deepEqual(completion.values, ['Engineering']);
    });
    on('progress arrives while the call runs, in order', async ({ call }) => {
      const steps = [];
      await call('trigger-long-running-operation', { duration: 0.2, steps: 4 }, { onprogress: ({ progress }) => steps.push(progress) });
      assert.deepEqual(steps, [1, 2, 3, 4]);
    });
    on('the server asks for a sample and uses it', async ({ call, asked }) => {
      assert.match(textOf(await call('trigger-sampling-request', { prompt: 'p', maxTokens: 10 })), new RegExp(sampled.content.text));
      assert.equal(asked.sampling, 1);
    });
    on('the server asks the user and gets the answer', async ({ call, asked }) => {
      assert.match(textOf(await call('trigger-elicitation-request')), new RegExp(elicited.content.name));
      assert.equal(asked.elicitation, 1);
    });
    on('the server asks for the roots', async ({ call, asked }) => {
      assert.match(textOf(await call('get-roots-list')), new RegExp(roots.roots[0].uri));
      assert.ok(asked.roots > 0);
    });
    on('what the server says by itself comes on the GET stream', async ({ client, call, notice }) => {
      await client.setLoggingLevel('debug');
      await call('toggle-simulated-logging');
      // The server may have something else to say first, as about roots.
      for (let said = ''; !/level/i.test(said);) said = String((await notice('notifications/message')).params.data);
      await call('toggle-simulated-logging');
    });
    on('a session that was ended is gone', async ({ client, transport }) => {
      assert.ok(transport.sessionId);
      await transport.terminateSession();
      assert.equal(transport.sessionId, undefined);
      await assert.rejects(client.listTools({ cursor: 'x' }));
    });
    on('an unknown tool is the server\'s own error', async ({ call }) => {
      const result = await call('no-such-tool').catch((error) => error);
      assert.match(result.message ?? textOf(result), /no-such-tool/);
    });
  });

for (const kind of ['sdk', 'legacy', 'auto', 'modern'])
  describe(`${kind} client, server modern`, { concurrency: 4, timeout: 900_000 }, () => {
    const on = (name, body) => test(`${name} (${kind}, modern)`, () => withClient(kind, 'modern', body));
    const isModern = kind === 'auto' || kind === 'modern';

    on('the era is the newest that both know', async ({ era, version }) => {
      assert.equal(era, isModern ? 'modern' : 'legacy');
      assert.equal(version, isModern ? '2026-07-28' : '2025-11-25');
    });
    on('tools are listed and called', async ({ client, call }) => {
      const { tools } = await client.listTools();
      assert.ok(tools.length > 20);
      assert.equal(tools[0].name, 'test_simple_text');
      assert.equal(textOf(await call('test_simple_text')), 'This is a simple text response for testing.');
      assert.equal(textOf(await call('echo', { a: [1, { b: null }], 'ü': '\u{1F30A}' })), '{"a":[1,{"b":null}],"ü":"\u{1F30A}"}');
      assert.equal((await call('test_error_handling')).isError, true);
    });
    on('an argument that travels as a header too arrives', async ({ client, call }) => {
      await client.listTools(); // Tells the client which arguments those are.
      assert.equal(textOf(await call('test_x_mcp_header', { region: 'Zürich  ' })), 'region Zürich  ');
    });
    on('a list is fetched again when the client asks again', async ({ client }) => {
      const first = await client.listTools();
      const second = await client.listTools();
      assert.deepEqual(second.tools.map(({ name }) => name), first.tools.map(({ name }) => name));
    });
    on('resources, templates and prompts', async ({ client }) => {
      assert.equal((await client.listResources()).resources.length, 4);
      assert.equal((await client.listResourceTemplates()).resourceTemplates.length, 1);
      assert.equal((await client.readResource({ uri: 'test://template/7/data' })).contents[0].text,
                   '{"id":"7","templateTest":true,"data":"Data for ID: 7"}');
      assert.equal((await client.listPrompts()).prompts.length, 6);
      const { messages } = await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } });
      assert.equal(messages[0].content.text, "Prompt with arguments: arg1='a', arg2='b'");
      const { completion } = await client.complete({ ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
                                                     argument: { name: 'arg1', value: 'par' } });
      assert.deepEqual(completion.values, ['paris', 'park', 'party']);
    });
    on('a resource that is not there is an error with its name', async ({ client }) => {
      await assert.rejects(client.readResource({ uri: 'test://nowhere' }), /not found/i);
    });
    on('progress arrives while the call runs, in order', async ({ call }) => {
      const steps = [];
      await call('test_tool_with_progress', {}, { onprogress: ({ progress }) => steps.push(progress) });
      assert.deepEqual(steps, [0, 50, 100]);
    });
    on('the server asks for a sample and uses it', async ({ call, asked }) => {
      assert.equal(textOf(await call('test_sampling', { prompt: 'p' })), `LLM response: ${sampled.content.text}`);
      assert.equal(asked.sampling, 1);
    });
    on('the server asks the user and gets the answer', async ({ call, asked }) => {
      const result = textOf(await call('test_elicitation', { message: 'Who?' }));
      assert.match(result, /action: accept/);
      assert.match(result, /ada@example.org/);
      assert.equal(asked.elicitation, 1);
    });
    on('three questions in one call, with a state that comes back unchanged', async ({ call, asked }) => {
      assert.equal(textOf(await call('test_input_required_result_multiple_inputs')), 'all answered');
      assert.deepEqual(asked, { sampling: 1, elicitation: 1, roots: 1 });
    });
    on('a change of the tools is told to who listens', async ({ client, call, notice, era }) => {
      const subscription = era === 'modern' ? await client.listen({ toolsListChanged: true }) : undefined;
      await call('test_trigger_tool_change');
      await notice('notifications/tools/list_changed');
      await subscription?.close();
    });
    on('an unknown tool is an error with its name', async ({ call }) => {
      const result = await call('no_such_tool').catch((error) => error);
      assert.match(result.message ?? textOf(result), /no_such_tool/);
    });
    if (!isModern)
      on('a session that was ended is gone', async ({ client, transport }) => {
        assert.ok(transport.sessionId);
        await transport.terminateSession();
        await assert.rejects(client.listTools({ cursor: 'x' }));
      });
  });
