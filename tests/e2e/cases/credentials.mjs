// cases/credentials.mjs - what weir shows servers: read from files again when they change, and nowhere else to be found.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { stopAll } from '../lib/processes.mjs';
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
