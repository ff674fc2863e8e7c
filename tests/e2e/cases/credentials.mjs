// cases/credentials.mjs - what weir shows servers: read from files again when they change, and nowhere else to be found.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startUpstream } from '../lib/upstream.mjs';
import { program, startWeir } from '../lib/weir.mjs';
import { run, stopAll } from '../lib/processes.mjs';
import { ask, eventually, modernCall } from '../lib/wire.mjs';

const secrets = ['planted-7f3a-one', 'planted-7f3a-two'];
const file = join(tmpdir(), `weir-e2e-credential-${process.pid}`);

/** As whoever rotates a secret does it: a new file takes the name. */
async function put(content) {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

await put(`${secrets[0]}\n`);
const upstream = await startUpstream();
const weir = await startWeir({ servers: [
  { name: 'own', url: upstream.url, credential: { file } },
  { name: 'open', url: upstream.url },
] });
after(async () => {
  await stopAll(weir, upstream);
  await rm(file, { force: true });
});

const shown = async (server = 'own') => {
  const before = upstream.requests.length;
  const answer = await ask(weir.url(server), modernCall('echo'), { headers: { authorization: 'Bearer of-the-client' } });
  assert.equal(answer.status, 200);
  return upstream.requests.slice(before).map(({ headers }) => headers.authorization);
};

test('the server is shown weir\'s credential, another server nothing', async () => {
  assert.deepEqual(await shown(), [`Bearer ${secrets[0]}`]);
  assert.deepEqual(await shown('open'), [undefined]);
});

test('a new secret is used without a restart, and one that is none is not', async () => {
  await put(secrets[1]);
  await eventually(async () => (await shown())[0] === `Bearer ${secrets[1]}`);
  await put('\n');
  await eventually(() => weir.child.said.includes('credential_refused'));
  assert.deepEqual(await shown(), [`Bearer ${secrets[1]}`]);
  await rm(file);
  await eventually(() => weir.child.said.includes('file_unreadable'));
  assert.deepEqual(await shown(), [`Bearer ${secrets[1]}`]);
});

test('check refuses of credentials what run refuses, in the same words', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-e2e-check-'));
  await writeFile(join(dir, 'no.pem'), 'nothing of that kind\n');
  const grant = 'token_url = "https://127.0.0.1:1/token", client_id = "weir"';
  try {
    for (const [credential, text] of [
      ['env = "WEIR_E2E_NOT_SET"', /the credential in the variable WEIR_E2E_NOT_SET cannot be used: it is not set/],
      ['file = "none"', /the credential in the file \S+none cannot be used/],
      [`${grant}, file = "none"`, /the credential in the file \S+none cannot be used/],
      [`${grant}, client_auth = "private_key_jwt", file = "no.pem"`, /the key in the file \S+no\.pem cannot be used: it is no private key/],
      [`${grant}, env = "PATH", ca = "no.pem"`, /no\.pem: /],
      [`${grant}, env = "PATH", ca = "none"`, /none cannot be read/],
    ]) {
      const config = join(dir, 'weir.toml');
      await writeFile(config, `[state]\ndir = "${dir}/state"\n[[server]]\nname = "a"\nurl = "http://127.0.0.1:1/"\nanonymous = true\ncredential = { ${credential} }\n`);
      const [checked, ran] = [await run(program, ['check', '-c', config]), await run(program, ['run', '-c', config])];
      assert.deepEqual([checked.code, ran.code], [3, 3], `${checked.said}${ran.said}`);
      for (const said of [checked.said, ran.said]) {
        assert.match(said, text);
        assert.match(said, /weir\.toml:3:/);
      }
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('no secret is in the state, the record, the log, pages or answers', async () => {
  const { body } = await ask(weir.url('own'), modernCall('echo'));
  const places = { answer: JSON.stringify(body), log: weir.child.said, status: JSON.stringify(await weir.json('status')) };
  for (const page of ['metrics', 'status']) places[page] = await (await fetch(`http://127.0.0.1:${weir.adminPort}/${page}`)).text();
  places.record = JSON.stringify(await weir.entries());
  const state = join(weir.dir, 'state');
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) places[entry.name] = (await readFile(join(entry.parentPath ?? entry.path, entry.name))).toString('latin1');
  assert.ok(Object.keys(places).length > 7);
  assert.ok(Object.values(places).some((text) => text.includes('tools/call')));
  for (const [place, text] of Object.entries(places))
    for (const secret of [...secrets, 'of-the-client']) assert.ok(!text.includes(secret), `${place} holds ${secret}`);
});

test('what is in the state is for nobody but its owner', async () => {
  const state = join(weir.dir, 'state');
  const all = await readdir(state, { recursive: true, withFileTypes: true });
  assert.ok(all.some(({ name }) => name === 'weir.db') && all.some(({ name }) => name.endsWith('.wseg')));
  for (const entry of all) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    assert.equal((await stat(path)).mode & 0o037, 0, path); // sealed segments are 0440, in directories of 0700
  }
});
