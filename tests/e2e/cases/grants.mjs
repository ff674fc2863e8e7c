// cases/grants.mjs - OAuth client credentials for servers, with a real provider (npm oidc-provider): the server is shown what
// the provider gives, never the secret nor the client's token; an outage is a clear 503, and no place holds a secret.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Certificates } from '../lib/certificates.mjs';
import { robot, startProvider } from '../lib/provider.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { stopAll } from '../lib/processes.mjs';
import { ask, eventually, modernCall } from '../lib/wire.mjs';

const file = join(tmpdir(), `weir-e2e-grant-${process.pid}`);
await writeFile(file, `${robot.secret}\n`);
const provider = await startProvider({ scopes: ['mcp:shop'] });
const upstream = await startUpstream();
const credential = { token_url: `${provider.url}/token`, client_id: robot.id, file, scopes: ['mcp:shop'], resource: 'https://shop.example/mcp' };
const weir = await startWeir({ servers: [
  { name: 'own', url: upstream.url, credential },
  { name: 'wrong', url: upstream.url, credential: { ...credential, client_id: 'nobody' } },
  { name: 'open', url: upstream.url },
] });
after(async () => {
  await stopAll(weir, upstream);
  await provider.stop();
  await rm(file, { force: true });
});

const call = async (server = 'own') => {
  const before = upstream.requests.length;
  const answer = await ask(weir.url(server), modernCall('echo'), { headers: { authorization: 'Bearer of-the-client' } });
  return { ...answer, shown: upstream.requests.slice(before).map(({ headers }) => headers.authorization) };
};
const claims = (field) => JSON.parse(Buffer.from(field.slice('Bearer '.length).split('.')[1], 'base64url').toString());
const tokens = new Set();

test('the server is shown a token of its provider, for its resource, and the provider is asked once', async () => {
  await eventually(async () => (await call()).status === 200); // The provider may need a while to begin with.
  for (let i = 0; i < 3; ++i) {
    const { status, shown } = await call();
    assert.equal(status, 200);
    assert.equal(shown.length, 1);
    tokens.add(shown[0]);
  }
  assert.equal(tokens.size, 1);
  const { aud, client_id, scope, iss } = claims([...tokens][0]);
  assert.deepEqual({ aud, client_id, scope, iss }, { aud: 'https://shop.example/mcp', client_id: robot.id, scope: 'mcp:shop', iss: provider.url });
  assert.deepEqual((await call('open')).shown, [undefined]);
});

test('without a token a call is refused at once and in clear words, and reaches nobody', async () => {
  const { status, body, shown } = await call('wrong');
  assert.equal(status, 502);
  assert.match(JSON.stringify(body.error), /no credential for it now/);
  assert.deepEqual(shown, []);
  await eventually(() => /"credential_not_granted".*"wrong".*invalid_client/.test(weir.child.said));
});

test('a server that refuses the token gets another one with the next calls; the refused call is not sent twice', async () => {
  upstream.answer((request, res) => {
    if (!tokens.has(request.headers.authorization)) return false;
    res.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' });
    res.end();
    return true;
  });
  const first = await call();
  assert.equal(first.status, 502);
  assert.equal(first.shown.length, 1);
  assert.equal(first.headers.get('www-authenticate'), null);
  await eventually(async () => {
    const { status, shown } = await call();
    if (status !== 200) return false;
    assert.ok(!tokens.has(shown[0]));
    tokens.add(shown[0]);
    return true;
  });
});

test('a client that has keys in place of a secret signs with them, at a provider with https of its own authorities', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-e2e-keys-'));
  const made = new Certificates();
  const { chain, key: tlsKey } = made.make('idp', 'IP:127.0.0.1');
  const pairs = { ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }), RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }) };
  const clientOf = (alg) => ({ client_id: `signer-${alg}`, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: alg,
    grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'mcp:shop',
    jwks: { keys: [{ ...pairs[alg].publicKey.export({ format: 'jwk' }), kid: `key-${alg}`, use: 'sig', alg }] } });
  const secure = await startProvider({ scopes: ['mcp:shop'], tls: { cert: await readFile(chain), key: await readFile(tlsKey) },
    clients: Object.keys(pairs).map(clientOf) });
  const servers = [];
  for (const [alg, pair] of Object.entries(pairs)) {
    const pem = join(dir, `${alg}.pem`);
    await writeFile(pem, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const signs = { token_url: `${secure.url}/token`, client_id: `signer-${alg}`, client_auth: 'private_key_jwt', file: pem, key_id: `key-${alg}`,
      scopes: ['mcp:shop'], resource: 'https://shop.example/mcp', ca: made.path('ca.pem') };
    servers.push({ name: alg.toLowerCase(), url: upstream.url, credential: signs });
    servers.push({ name: `${alg.toLowerCase()}-issuer`, url: upstream.url, credential: { ...signs, assertion_audience: secure.url } });
  }
  const { ca, ...unknown } = servers[0].credential;
  servers.push({ name: 'untrusted', url: upstream.url, credential: unknown });
  servers.push({ name: 'stranger', url: upstream.url, credential: { ...servers[0].credential, file: join(dir, 'RS256.pem'), client_id: 'signer-ES256' } });
  const late = join(dir, 'late.pem'); // other authorities at first
  await copyFile(made.path('other.pem'), late);
  const own = await startWeir({ servers });
  const alone = await startWeir({ servers: [{ name: 'late', url: upstream.url, credential: { ...servers[0].credential, ca: late } }] });
  const shownBy = async (server, weir = own) => {
    const before = upstream.requests.length;
    const { status } = await ask(weir.url(server), modernCall('echo'));
    return { status, shown: upstream.requests.slice(before).map(({ headers }) => headers.authorization) };
  };
  try {
    for (const { name, credential: { client_id: id } } of servers.slice(0, 4)) {
      let answer;
      await eventually(async () => (answer = await shownBy(name)).status === 200); // The provider may need a while.
      assert.equal(claims(answer.shown[0]).client_id, id);
    }
    for (const [name, why] of [['untrusted', 'certificate'], ['stranger', 'invalid_client']])
      await eventually(async () => {
        assert.deepEqual(await shownBy(name), { status: 502, shown: [] });
        return new RegExp(`"credential_not_granted".*"${name}".*${why}`).test(own.child.said);
      });
    await eventually(async () => (await shownBy('late', alone)).status === 502 && /"credential_not_granted".*certificate/.test(alone.child.said));
    await copyFile(made.path('ca.pem'), late); // It is read for each request.
    await eventually(async () => (await shownBy('late', alone)).status === 200);
    for (const pair of Object.values(pairs)) {
      const [, line] = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).split('\n');
      assert.ok(!own.child.said.includes(line));
    }
  } finally {
    await stopAll(own, alone);
    await secure.stop();
    made.stop();
    await rm(dir, { recursive: true });
  }
});

test('no secret and no token is in the state, the record, the log, pages or answers', async () => {
  const { body } = await call();
  const places = { answer: JSON.stringify(body), log: weir.child.said, status: JSON.stringify(await weir.json('status')),
                   server: JSON.stringify(upstream.requests.map(({ rawHeaders, text }) => [rawHeaders.filter((word) => !tokens.has(word)), text])) };
  for (const page of ['metrics', 'status']) places[page] = await (await fetch(`http://127.0.0.1:${weir.adminPort}/${page}`)).text();
  const { sessions } = await weir.sessions();
  for (const { id } of sessions) places[`record ${id}`] = JSON.stringify(await weir.entries(id));
  const state = join(weir.dir, 'state');
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) places[entry.name] = (await readFile(join(entry.parentPath ?? entry.path, entry.name))).toString('latin1');
  assert.ok(Object.values(places).some((text) => text.includes('tools/call')));
  const planted = [robot.secret, Buffer.from(`${robot.id}:${robot.secret}`).toString('base64'), 'of-the-client', ...[...tokens].map((field) => field.slice('Bearer '.length))];
  for (const [place, text] of Object.entries(places))
    for (const secret of planted) assert.ok(!text.includes(secret), `${place} holds ${secret}`);
});
