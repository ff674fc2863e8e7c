// servers/fixtures.mjs - the tools, resources and prompts that the MCP conformance suite asks of a server, and a few
// that weir's own tests need, registered on an McpServer of @modelcontextprotocol/server.
//
// A tool that asks the client something is written twice, since the two eras ask differently: on a legacy session the
// server sends its request on the open stream, on 2026-07-28 the tool returns `input_required` and is called again.
import { completable, fromJsonSchema, inputRequired, inputResponse, acceptedContent, McpServer, ResourceTemplate,
         createRequestStateCodec } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { setTimeout as pause } from 'node:timers/promises';

// One red pixel, and 44 octets of WAV head without a sample.
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';

const text = (value) => ({ content: [{ type: 'text', text: value }] });
const empty = z.object({});
const state = createRequestStateCodec({ key: 'a key that only the tests of weir know, 32 octets' });

/** Counts of what the server saw, for tests that ask what reached it. One object per process. */
export const seen = { calls: {}, aborts: 0, started: 0, finished: 0 };

const addressSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object',
                      properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' }, address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] }, phone: { type: 'string' }, email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const headerSchema = {
  type: 'object',
  properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, note: { type: 'string' } },
  required: ['region'],
};

const namedForm = (name) => ({ type: 'object', properties: { [name]: { type: 'string' } }, required: [name] });
const nameForm = namedForm('name');

/** Waits `ms`, or until the request is cancelled; then throws, as a tool that was called off does. */
async function work(ms, ctx) {
  await pause(ms, undefined, { signal: ctx.mcpReq.signal });
}

function contentTools(server) {
  server.registerTool('test_simple_text', { description: 'Plain text', inputSchema: empty },
    async () => text('This is a simple text response for testing.'));
  server.registerTool('test_image_content', { description: 'An image', inputSchema: empty },
    async () => ({ content: [{ type: 'image', data: png, mimeType: 'image/png' }] }));
  server.registerTool('test_audio_content', { description: 'Audio', inputSchema: empty },
    async () => ({ content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }] }));
  server.registerTool('test_embedded_resource', { description: 'An embedded resource', inputSchema: empty },
    async () => ({ content: [{ type: 'resource', resource: {
      uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' } }] }));
  server.registerTool('test_multiple_content_types', { description: 'Text, image and resource', inputSchema: empty },
    async () => ({ content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: png, mimeType: 'image/png' },
      { type: 'resource', resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json',
                                      text: '{"test":"data","value":123}' } }] }));
  server.registerTool('test_error_handling', { description: 'Always fails', inputSchema: empty },
    async () => ({ ...text('This tool intentionally returns an error for testing'), isError: true }));
  server.registerTool('json_schema_2020_12_tool',
    { description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(addressSchema) },
    async () => text('ok'));
  server.registerTool('test_x_mcp_header',
    { description: 'An argument that travels as a header too', inputSchema: fromJsonSchema(headerSchema) },
    async ({ region }) => text(`region ${region}`));
}

function streamTools(server) {
  server.registerTool('test_tool_with_logging', { description: 'Three log messages', inputSchema: empty },
    async (_args, ctx) => {
      await ctx.mcpReq.log('info', 'Tool execution started');
      await work(50, ctx);
      await ctx.mcpReq.log('info', 'Tool processing data');
      await work(50, ctx);
      await ctx.mcpReq.log('info', 'Tool execution completed');
      return text('logged');
    });
  server.registerTool('test_logging_tool', { description: 'One log message', inputSchema: empty },
    async (_args, ctx) => {
      await ctx.mcpReq.log('info', 'only for those who asked for it');
      return text('logged');
    });
  server.registerTool('test_tool_with_progress', { description: '0, 50 and 100 of 100', inputSchema: empty },
    async (_args, ctx) => {
      const token = ctx.mcpReq._meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progress > 0) await work(50, ctx);
        if (token !== undefined)
          await ctx.mcpReq.notify({ method: 'notifications/progress',
                                    params: { progressToken: token, progress, total: 100 } });
      }
      return text('done');
    });
  server.registerTool('test_reconnection', { description: 'Closes its stream and answers on the next', inputSchema: empty },
    async (_args, ctx) => {
      ctx.http?.closeSSE?.();
      await pause(150); // Long enough that the answer comes after the stream is gone.
      return text('Reconnection test completed');
    });
  // For weir's own tests.
  server.registerTool('many_events', { description: 'A stream of `count` events',
                                       inputSchema: z.object({ count: z.number().int().min(1) }) },
    async ({ count }, ctx) => {
      const token = ctx.mcpReq._meta?.progressToken;
      for (let progress = 1; progress <= count; ++progress)
        await ctx.mcpReq.notify({ method: 'notifications/progress',
                                  params: { progressToken: token, progress, total: count } });
      return text(`sent ${count}`);
    });
  server.registerTool('silence', { description: 'Says one thing, then nothing for `ms`, then answers',
                                   inputSchema: z.object({ ms: z.number().int().min(0) }) },
    async ({ ms }, ctx) => {
      const token = ctx.mcpReq._meta?.progressToken;
      ++seen.started;
      if (token !== undefined)
        await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: token, progress: 1 } });
      try {
        await work(ms, ctx);
      } catch (error) {
        ++seen.aborts;
        throw error;
      }
      ++seen.finished;
      return text(`was silent for ${ms} ms`);
    });
  server.registerTool('echo', { description: 'Gives its arguments back as JSON text',
                                inputSchema: fromJsonSchema({ type: 'object' }) },
    async (args) => text(JSON.stringify(args)));
  server.registerTool('secret_delete', { description: 'A tool that a policy hides', inputSchema: empty },
    async () => text('deleted'));
}

/** Asks the client by `requests` (key to request) and answers with `done(responses)`, in the way of the session's era. */
function asking(server, name, inputSchema, requests, done, needs = {}) {
  server.registerTool(name, { description: `Asks the client: ${name}`, inputSchema }, async (args, ctx) => {
    const modern = ctx.mcpReq.envelope !== undefined;
    const wanted = requests(args);
    if (modern) {
      const answers = ctx.mcpReq.inputResponses ?? {};
      const missing = Object.keys(wanted).filter((key) => inputResponse(answers, key).kind === 'missing');
      if (missing.length > 0)
        return inputRequired({ inputRequests: wanted, ...(needs.state && { requestState: await state.mint(name, ctx) }) });
      return done(answers, ctx);
    }
    const answers = {};
    for (const [key, request] of Object.entries(wanted)) answers[key] = await ctx.mcpReq.send(request);
    return done(answers, ctx);
  });
}

function askingTools(server) {
  const elicit = (message, requestedSchema) => inputRequired.elicit({ message, requestedSchema });
  const sample = (prompt, maxTokens) => inputRequired.createMessage(
    { messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens });
  const completed = (answer) => text(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`);

  asking(server, 'test_sampling', z.object({ prompt: z.string() }), ({ prompt }) => ({ sample: sample(prompt, 100) }),
    ({ sample: answer }) => text(`LLM response: ${answer.content?.text}`));
  asking(server, 'test_elicitation', z.object({ message: z.string() }),
    ({ message }) => ({ user: elicit(message, { type: 'object',
      properties: { username: { type: 'string', description: "User's response" },
                    email: { type: 'string', description: "User's email address" } },
      required: ['username', 'email'] }) }),
    ({ user }) => text(`User response: action: ${user.action}, content: ${JSON.stringify(user.content ?? {})}`));
  asking(server, 'test_elicitation_sep1034_defaults', empty, () => ({ form: elicit('Please check the defaults', {
    type: 'object',
    properties: {
      name: { type: 'string', default: 'John Doe' }, age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true } },
    required: [] }) }), ({ form }) => completed(form));
  asking(server, 'test_elicitation_sep1330_enums', empty, () => ({ form: elicit('Please choose', {
    type: 'object',
    properties: {
      untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
      titledSingle: { type: 'string', oneOf: [{ const: 'value1', title: 'First Option' },
        { const: 'value2', title: 'Second Option' }, { const: 'value3', title: 'Third Option' }] },
      legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
      untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
      titledMulti: { type: 'array', items: { anyOf: [{ const: 'value1', title: 'First Choice' },
        { const: 'value2', title: 'Second Choice' }, { const: 'value3', title: 'Third Choice' }] } } },
    required: [] }) }), ({ form }) => completed(form));

  asking(server, 'test_input_required_result_elicitation', empty,
    () => ({ user_name: elicit('What is your name?', nameForm) }),
    (answers) => text(`Hello, ${acceptedContent(answers, 'user_name')?.name}!`));
  asking(server, 'test_input_required_result_sampling', empty,
    () => ({ capital_question: sample('What is the capital of France?', 100) }),
    (answers) => text(String(inputResponse(answers, 'capital_question').result?.content?.text)));
  asking(server, 'test_input_required_result_list_roots', empty, () => ({ client_roots: inputRequired.listRoots() }),
    (answers) => text(JSON.stringify(inputResponse(answers, 'client_roots').roots)));
  const okForm = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] };
  for (const name of ['test_input_required_result_request_state', 'test_input_required_result_tampered_state'])
    asking(server, name, empty, () => ({ confirm: elicit('Please confirm', okForm) }),
      (_answers, ctx) => text(ctx.mcpReq.requestState() === name ? 'state-ok' : 'state missing'), { state: true });
  asking(server, 'test_input_required_result_multiple_inputs', empty,
    () => ({ user_name: elicit('What is your name?', nameForm), greeting: sample('Generate a greeting', 50),
             client_roots: inputRequired.listRoots() }),
    () => text('all answered'), { state: true });
  asking(server, 'test_streaming_elicitation', empty, () => ({ user_name: elicit('What is your name?', nameForm) }),
    (answers) => text(`Hello, ${acceptedContent(answers, 'user_name')?.name}!`));

  server.registerTool('test_input_required_result_multi_round', { description: 'Two rounds of questions', inputSchema: empty },
    async (_args, ctx) => {
      const answers = ctx.mcpReq.inputResponses ?? {};
      const step = ctx.mcpReq.requestState();
      const ask = async (key, message, form) => inputRequired({ inputRequests: { [key]: elicit(message, form) },
                                                                requestState: await state.mint(key, ctx) });
      if (step === 'step2' && inputResponse(answers, 'step2').kind === 'elicit') return text('both rounds answered');
      if (step === 'step1' && inputResponse(answers, 'step1').kind === 'elicit')
        return ask('step2', 'Step 2: What is your favorite color?', namedForm('color'));
      return ask('step1', 'Step 1: What is your name?', nameForm);
    });
  server.registerTool('test_input_required_result_capabilities', { description: 'Asks only what the client can answer', inputSchema: empty },
    async (_args, ctx) => {
      const can = ctx.mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? {};
      const inputRequests = { ...(can.sampling && { sample: sample('Say something', 50) }),
                              ...(can.elicitation && { user_name: elicit('What is your name?', nameForm) }) };
      return Object.keys(inputRequests).length > 0 ? inputRequired({ inputRequests }) : text('nothing to ask');
    });
  server.registerTool('test_missing_capability', { description: 'Needs sampling', inputSchema: empty },
    async () => inputRequired({ inputRequests: { sample: sample('Say something', 50) } }));
}

/** Whom the masking tests must not see: what of it is secret is in `secrets`. */
const customer = { id: 7, name: 'Jane Doe', ssn: '078-05-1120', salary: 85000.5, phone: '+49 170 1234567', big: 9007199254740991 };
const customerSchema = z.object({ id: z.number().int(), name: z.string(), ssn: z.string().regex(/^\d{3}-\d{2}-\d{4}$/),
                                  salary: z.number().min(1), phone: z.string().regex(/^\+\d/), big: z.number().int() });
const customerText = `customer ${customer.name} (${customer.ssn}), reached at ${customer.phone}`;

function customers(server) {
  const answer = { content: [{ type: 'text', text: JSON.stringify(customer, null, 2) }, { type: 'text', text: customerText }],
                   structuredContent: customer };
  const tool = (name, run) => server.registerTool(name,
    { description: 'A customer by a schema that knows no masks', inputSchema: empty, outputSchema: customerSchema }, run);
  tool('customer', async () => answer);
  tool('customer_open', async () => answer);
  tool('customer_late', async (_args, ctx) => {
    ctx.http?.closeSSE?.();
    await pause(150); // Long enough that the answer comes after the stream is gone.
    return answer;
  });
  tool('customer_told', async (_args, ctx) => {
    await ctx.mcpReq.log('info', { step: 'found', customer });
    await ctx.mcpReq.log('info', JSON.stringify(customer));
    const token = ctx.mcpReq._meta?.progressToken;
    if (token !== undefined)
      await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: token, progress: 1, message: JSON.stringify({ ssn: customer.ssn }) } });
    return answer;
  });
  tool('customer_failed', async () => ({ content: [{ type: 'text', text: JSON.stringify(customer) }], isError: true }));
  server.registerResource('customer', 'test://customer', { description: 'A customer', mimeType: 'application/json' },
    async (uri) => ({ contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify(customer) }] }));
  server.registerPrompt('customer', { description: 'A customer' },
    async () => ({ messages: [{ role: 'user', content: { type: 'text', text: JSON.stringify(customer) } }] }));
}

function resources(server) {
  server.registerResource('static-text', 'test://static-text', { description: 'A text', mimeType: 'text/plain' },
    async (uri) => ({ contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }] }));
  server.registerResource('static-binary', 'test://static-binary', { description: 'A picture', mimeType: 'image/png' },
    async (uri) => ({ contents: [{ uri: uri.href, mimeType: 'image/png', blob: png }] }));
  server.registerResource('watched-resource', 'test://watched-resource', { description: 'One to subscribe to', mimeType: 'text/plain' },
    async (uri) => ({ contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'watched' }] }));
  server.registerResource('template', new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'Data by id', mimeType: 'application/json' },
    async (uri, { id }) => ({ contents: [{ uri: uri.href, mimeType: 'application/json',
      text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }] }));
}

function prompts(server) {
  const user = (content) => ({ role: 'user', content });
  const say = (value) => user({ type: 'text', text: value });
  server.registerPrompt('test_simple_prompt', { description: 'No arguments' },
    async () => ({ messages: [say('This is a simple prompt for testing.')] }));
  server.registerPrompt('test_prompt_with_arguments', { description: 'Two arguments', argsSchema: z.object({
      arg1: completable(z.string().describe('First test argument'),
        (value) => ['paris', 'park', 'party'].filter((word) => word.startsWith(value))),
      arg2: z.string().describe('Second test argument') }) },
    async ({ arg1, arg2 }) => ({ messages: [say(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)] }));
  server.registerPrompt('test_prompt_with_embedded_resource', { description: 'Embeds a resource',
      argsSchema: z.object({ resourceUri: z.string().describe('URI of the resource to embed') }) },
    async ({ resourceUri }) => ({ messages: [
      user({ type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } }),
      say('Please process the embedded resource above.')] }));
  server.registerPrompt('test_prompt_with_image', { description: 'Embeds an image' },
    async () => ({ messages: [user({ type: 'image', data: png, mimeType: 'image/png' }), say('Please analyze the image above.')] }));
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks before it answers' },
    async (ctx) => {
      const context = acceptedContent(ctx.mcpReq.inputResponses, 'user_context')?.context;
      if (context === undefined)
        return inputRequired({ inputRequests: { user_context: inputRequired.elicit({
          message: 'What context should the prompt use?', requestedSchema: namedForm('context') }) } });
      return { messages: [say(`Context: ${context}`)] };
    });
}

/** A server with all fixtures. `changed` is told 'tools' or 'prompts' when a tool was asked to change that list. */
export function makeServer(changed) {
  const server = new McpServer({ name: 'weir-e2e-modern', version: '1.0.0' }, {
    capabilities: { logging: {}, tools: { listChanged: true }, prompts: { listChanged: true },
                    resources: { subscribe: true, listChanged: true }, completions: {} },
    instructions: 'Fixtures of the MCP conformance suite.',
    cacheHints: { 'tools/list': { ttlMs: 1000, cacheScope: 'public' } },
    requestState: { verify: state.verify },
    inputRequired: { legacyShim: true },
  });
  contentTools(server);
  streamTools(server);
  askingTools(server);
  resources(server);
  prompts(server);
  customers(server);
  server.registerTool('test_trigger_tool_change', { description: 'Says that the tools changed', inputSchema: empty },
    async () => { changed('tools'); return text('changed'); });
  server.registerTool('test_trigger_prompt_change', { description: 'Says that the prompts changed', inputSchema: empty },
    async () => { changed('prompts'); return text('changed'); });
  const watched = new Set();
  server.server.setRequestHandler('resources/subscribe', async ({ params }) => { watched.add(params.uri); return {}; });
  server.server.setRequestHandler('resources/unsubscribe', async ({ params }) => { watched.delete(params.uri); return {}; });
  return server;
}
