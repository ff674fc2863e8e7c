// cases/identity.mjs - what must hold: an unmodified client signs a person in at a real provider and comes through weir;
// without a good token nobody does; keys that rotate or cannot be had are what operators were told; the token reaches
// no server, no record, no log, no page.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as Client2025 } from 'mcp-sdk-2025-03/client/index.js';
import { StreamableHTTPClientTransport as Transport2025 } from 'mcp-sdk-2025-03/client/streamableHttp.js';
import { UnauthorizedError as Unauthorized2025 } from 'mcp-sdk-2025-03/client/auth.js';
import { run, startServer, stopAll } from '../lib/processes.mjs';
import { robot, signIn, startProvider } from '../lib/provider.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { program, startWeir } from '../lib/weir.mjs';
import { ask, eventually, modernCall } from '../lib/wire.mjs';

const redirect = 'http://127.0.0.1:1/callback';
const tokens = [];
let provider, everything, upstream, weir;

before(async () => {
  [provider, everything, upstream] = await Promise.all([
    startProvider({ scopes: ['mcp:use', 'mcp:delete'] }), startServer('everything.mjs'), startUpstream()]);
  weir = await startWeir({
    listen: (address) => ({ public_url: `http://${address}` }),
    issuers: [{ name: 'idp', url: provider.url, algorithms: ['RS256'], refetch_min: '1s', claims: { display: 'name' } }],
    servers: [
      { name: 'everything', url: everything.url, anonymous: false, scopes: ['mcp:use'] },
      { name: 'own', url: upstream.url, anonymous: false, scopes: ['mcp:use'], tool_scopes: { 'delete_*': 'mcp:delete' } },
      { name: 'open', url: upstream.url },
      { name: 'keys', url: upstream.url, anonymous: false, issuers: [], api_keys: true, scopes: ['run'] },
    ],
    policies: { 'who.lua': `policy "who/dev" { on = "request", match = { tools = "secret_*" }, unless = { groups = { "sre" } },
                            decide = block("not for you") }` },
  });
  await weir.keysOf('idp');
});
after(() => stopAll(weir, everything, upstream, provider));

const call = (tool, token, server = 'own') =>
  ask(weir.url(server), modernCall(tool), { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
const tokenFor = async (scope, server = 'own') => {
  const token = await provider.token({ resource: weir.url(server), scope });
  tokens.push(token);
  return token;
};

/** What an application keeps for the SDK's authorization, and the person who signs in. */
function application(person) {
  const kept = {};
  return {
    kept,
    redirectUrl: redirect,
    clientMetadata: { client_name: 'test', redirect_uris: [redirect], grant_types: ['authorization_code'], response_types: ['code'],
                      token_endpoint_auth_method: 'none' },
    clientInformation: () => kept.client,
    saveClientInformation: (client) => { kept.client = client; },
    tokens: () => kept.tokens,
    saveTokens: (given) => { kept.tokens = given; tokens.push(given.access_token); },
    saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
    codeVerifier: () => kept.verifier,
    redirectToAuthorization: async (url) => {
      kept.back = await signIn(url, person, redirect);
      kept.code = kept.back.searchParams.get('code');
    },
  };
}

test('an SDK client finds the provider by itself, a person signs in, and tools are called', async () => {
  const ann = application('ann');
  const connect = async () => {
    const transport = new StreamableHTTPClientTransport(new URL(weir.url('everything')), { authProvider: ann });
    const client = new Client({ name: 'weir-e2e', version: '1' }, { capabilities: {} });
    return { client, transport, connected: client.connect(transport) };
  };
  const first = await connect();
  await assert.rejects(first.connected, UnauthorizedError);
  assert.ok(ann.kept.code);
  await first.transport.finishAuth(ann.kept.code);
  const { client, connected } = await connect();
  await connected;
  const { content } = await client.callTool({ name: 'echo', arguments: { message: 'signed in' } });
  assert.match(content[0].text, /signed in/);
  await client.close();
  assert.equal(ann.kept.tokens.scope, 'mcp:use');
});

test('a client of 2025-03-26, which looks for the provider at the server\'s origin, signs a person in and calls', async () => {
  // It asks for no resource and no scope: what the token is for is the provider's to say, and the server's to take.
  const legacy = await startProvider({ scopes: ['mcp:use'], defaultResource: () => 'https://mcp.example/all', defaultScope: 'mcp:use' });
  const own = await startWeir({
    listen: (address) => ({ public_url: `http://${address}` }),
    issuers: [{ name: 'idp', url: legacy.url, algorithms: ['RS256'], audience: ['https://mcp.example/all'] }],
    servers: [{ name: 'everything', url: everything.url, anonymous: false, audience: ['https://mcp.example/all'] }],
  });
  try {
    // Its metadata are the issuer's own, unchanged, and for pages of any origin.
    const find = () => fetch(`${own.origin}/.well-known/oauth-authorization-server`, { headers: { origin: 'https://page.example' } });
    await eventually(async () => { // never 404, which would say that weir itself is the provider
      const { status } = await find();
      assert.ok([200, 503].includes(status), String(status));
      return status === 200;
    });
    await own.keysOf('idp');
    const found = await find();
    assert.equal(found.headers.get('access-control-allow-origin'), '*');
    const { issuer, authorization_endpoint: place } = await found.json();
    assert.deepEqual([issuer, new URL(place).origin], [legacy.url, legacy.url]);
    const bea = application('bea');
    const connect = () => {
      const transport = new Transport2025(new URL(own.url('everything')), { authProvider: bea });
      const client = new Client2025({ name: 'weir-e2e', version: '1' }, { capabilities: {} });
      return { client, transport, connected: client.connect(transport) };
    };
    const first = connect();
    await assert.rejects(first.connected, Unauthorized2025);
    assert.ok(bea.kept.code, String(bea.kept.back));
    await first.transport.finishAuth(bea.kept.code);
    const { client, transport, connected } = connect();
    await connected;
    assert.ok(transport.sessionId);
    const { content } = await client.callTool({ name: 'echo', arguments: { message: 'signed in of old' } });
    assert.match(content[0].text, /signed in of old/);
    await client.close();
    // It never asked for what came later (RFC 9728).
    assert.ok(legacy.requests.includes('POST /token'));
  } finally {
    await stopAll(own);
    await legacy.stop();
  }
});

test('without a token, and with bad ones, nothing reaches a server', async () => {
  const before = upstream.requests.length;
  const none = await call('echo');
  assert.equal(none.status, 401);
  assert.equal(none.headers.get?.('www-authenticate') ?? none.headers['www-authenticate'],
    `Bearer scope="mcp:use", resource_metadata="${weir.origin}/.well-known/oauth-protected-resource/mcp/own"`);
  const good = await tokenFor('mcp:use');
  const bad = [`${good.slice(0, -8)}AAAAAAAA`, `${good}x`, 'planted-opaque-91ab', await tokenFor('mcp:use', 'everything')];
  for (const token of bad) assert.equal((await call('echo', token)).status, 401);
  assert.equal((await call('echo', await tokenFor('mcp:delete'))).status, 403);
  assert.equal(upstream.requests.length, before);
  assert.equal((await call('echo', good)).status, 200);
  assert.equal(upstream.requests.at(-1).headers.authorization, undefined);
  assert.equal((await call('echo', undefined, 'open')).status, 200);
});

test('a server that takes keys alone sends nobody to metadata that it has not', async () => {
  const none = await call('echo', undefined, 'keys');
  assert.equal(none.status, 401);
  assert.equal(none.headers.get?.('www-authenticate') ?? none.headers['www-authenticate'], 'Bearer scope="run"');
  assert.equal((await fetch(`${weir.origin}/.well-known/oauth-protected-resource/mcp/keys`)).status, 404);
});

test('a tool that needs more says what, and a token that has it is let in', async () => {
  const refused = await call('delete_page', await tokenFor('mcp:use'));
  assert.equal(refused.status, 403);
  const challenge = refused.headers.get?.('www-authenticate') ?? refused.headers['www-authenticate'];
  assert.match(challenge, /error="insufficient_scope"/);
  assert.match(challenge, /scope="mcp:use mcp:delete"/);
  assert.equal((await call('delete_page', await tokenFor('mcp:use mcp:delete'))).status, 200);
});

test('policies know the groups of the token', async () => {
  const before = upstream.requests.length;
  const { status, body } = await call('secret_plans', await tokenFor('mcp:use'));
  assert.equal(status, 200);
  assert.match(JSON.stringify(body), /not for you/);
  assert.equal(upstream.requests.length, before);
});

test('keys that rotate are fetched when a token names one; tokens of the old ones end', async () => {
  const old = await tokenFor('mcp:use');
  assert.equal((await call('echo', old)).status, 200);
  await provider.stop();
  assert.equal((await call('echo', old)).status, 200); // The last good keys hold.
  await provider.start();
  await eventually(async () => (await call('echo', await tokenFor('mcp:use'))).status === 200);
  await eventually(async () => (await call('echo', old)).status === 401); // whichever worker is asked
});

test('weir that starts without the provider refuses for now, and lets in when it is back', async () => {
  const token = await tokenFor('mcp:use');
  await provider.stop();
  await weir.restart('SIGTERM');
  const refused = await call('echo', token);
  assert.equal(refused.status, 503);
  await eventually(() => weir.child.said.includes('issuer_unreachable'));
  await provider.start();
  await eventually(async () => (await call('echo', await tokenFor('mcp:use'))).status === 200);
});

test('an API key lets in where it is for, until it is revoked', async () => {
  const made = await weir.json('token', 'create', 'nightly', '--server', 'keys', '--scope', 'run', '--expires', '1d');
  assert.match(made.key, /^weir_/);
  tokens.push(made.key);
  await eventually(async () => (await call('echo', made.key, 'keys')).status === 200);
  assert.equal((await call('echo', `${made.key.slice(0, -1)}${made.key.endsWith('0') ? 1 : 0}`, 'keys')).status, 401);
  assert.equal((await call('echo', made.key, 'own')).status, 401);
  const by = (key) => run(program, ['call', 'keys/echo', '-c', weir.config], { env: { ...process.env, WEIR_TOKEN: key } });
  assert.equal((await by(made.key)).code, 0);
  const nobody = await by('');
  assert.equal(nobody.code, 1);
  assert.match(nobody.said, /an access token is needed here: put one into WEIR_TOKEN/);
  const weak = await weir.json('token', 'create', 'weak', '--server', 'keys');
  tokens.push(weak.key);
  await eventually(async () => (await call('echo', weak.key, 'keys')).status === 403);
  const { keys } = await weir.json('token', 'list');
  assert.deepEqual(keys.map(({ name, scopes }) => [name, scopes]), [['nightly', ['run']], ['weak', []]]);
  assert.equal((await weir.cli('token', 'revoke', made.id)).code, 0);
  assert.equal((await weir.cli('token', 'revoke', made.id)).code, 6);
  await eventually(async () => (await call('echo', made.key, 'keys')).status === 401);
});

test('no token and no secret is in the state, the record, the log, pages, answers, or at the server', async () => {
  const answer = await call('echo', tokens.at(-1));
  const refused = await call('echo', tokens[0]);
  const places = { answer: JSON.stringify(answer.body), refused: JSON.stringify(refused.body), log: weir.child.said,
                   status: JSON.stringify(await weir.json('status')), server: JSON.stringify(upstream.requests.map(({ headers, body }) => [headers, body])) };
  for (const page of ['metrics', 'status']) places[page] = await (await fetch(`http://127.0.0.1:${weir.adminPort}/${page}`)).text();
  places.record = JSON.stringify(await weir.entries());
  for (const entry of await readdir(join(weir.dir, 'state'), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) places[entry.name] = (await readFile(join(entry.parentPath ?? entry.path, entry.name))).toString('latin1');
  assert.ok(Object.values(places).some((text) => text.includes('tools/call')));
  const parts = tokens.flatMap((token) => [token, ...token.split('.').slice(1)]);
  assert.ok(parts.length > 12);
  for (const [place, text] of Object.entries(places))
    for (const secret of [...parts, robot.secret, 'planted-opaque-91ab']) assert.ok(!text.includes(secret), `${place} holds a secret`);
});

test('the record names who came, for people', async () => {
  let sessions;
  await eventually(async () => {
    ({ sessions } = await weir.sessions());
    return ['Person ann', 'nightly'].every((who) => sessions.some(({ person }) => person === who));
  });
  assert.ok(sessions.every(({ principal }) => /^[0-9a-f]{32}$/.test(principal)));
});
