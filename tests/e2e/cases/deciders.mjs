// cases/deciders.mjs - what must hold: who decides about a call is whom its policy names, by a token of a real provider;
// never who asked; of two the first; and `weir login` gets such a token by the device flow. No token is kept or shown.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Certificates } from '../lib/certificates.mjs';
import { pendingOf } from '../lib/approvals.mjs';
import { run, start, stopAll, until } from '../lib/processes.mjs';
import { app, enterCode, startProvider, tokenOf } from '../lib/provider.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { program, startWeir } from '../lib/weir.mjs';
import { ask, eventually, modernCall } from '../lib/wire.mjs';

const audience = 'https://weir.example/approvals';
const groups = { bo: ['sre'], cy: ['sre', 'dev'], ann: ['sre'], eve: ['dev'] };
const tokens = [];
let provider, upstream, weir, home;

before(async () => {
  [provider, upstream, home] = await Promise.all([
    startProvider({ scopes: ['mcp:use', 'decide'], groupsOf: (person) => groups[person] ?? [] }), startUpstream(),
    mkdtemp(join(tmpdir(), 'weir-login-'))]);
  weir = await startWeir({
    listen: (address) => ({ public_url: `http://${address}` }),
    admin: { audience, scopes: ['decide'], login: { client_id: app } },
    issuers: [{ name: 'idp', url: provider.url, algorithms: ['RS256'], claims: { display: 'name' } }],
    servers: [{ name: 'own', url: upstream.url, anonymous: false, scopes: ['mcp:use'] }],
    limits: { hold: '200ms' },
    policies: { 'people.lua': `
policy "people/pay" { on = "request", match = { methods = { "tools/call" } }, unless = { tools = { "fly*" } },
  decide = approve { by = { groups = { "sre" }, persons = { "dan" } }, reason = "money moves" } }
policy "people/fly" { on = "request", match = { tools = { "fly*" } }, decide = approve { by = { persons = { "dan" } } } }` },
  });
  await weir.keysOf('idp');
});
after(async () => {
  await stopAll(weir, upstream, provider);
  await rm(home, { recursive: true, force: true });
});

const kept = {};
/** A token of `person`, to decide with unless `resource` says otherwise. */
async function token(person, resource = audience, scope = 'openid decide') {
  kept[`${person} ${resource} ${scope}`] ??= tokenOf(provider, person, resource, scope);
  const got = await kept[`${person} ${resource} ${scope}`];
  if (!tokens.includes(got)) tokens.push(got);
  return got;
}
/** Asks the admin listener as the bearer of `bearer`. */
async function desk(bearer, path = '', body = undefined, headers = {}) {
  const answer = await fetch(`http://127.0.0.1:${weir.adminPort}/api/v1/approvals${path}`, {
    method: body === undefined ? 'GET' : 'POST', body: body === undefined ? undefined : JSON.stringify(body),
    headers: { ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}
const decide = async (person, id, decision = 'approve', note = '') => desk(await token(person), `/${id}/decision`, { decision, note });
const callAs = async (person, tool) =>
  ask(weir.url('own'), modernCall(tool), { headers: { authorization: `Bearer ${await token(person, weir.url('own'), 'openid mcp:use')}` } });
/** Asks for `tool` as `person` until the pending result comes, and gives the ticket's id. */
async function held(person, tool) {
  const bearer = await token(person, weir.url('own'), 'openid mcp:use');
  let message = modernCall(tool);
  for (;;) {
    const { body } = await ask(weir.url('own'), message, { headers: { authorization: `Bearer ${bearer}` } });
    const id = pendingOf(body.result);
    if (id) return id;
    assert.equal(body.result.resultType, 'input_required', JSON.stringify(body));
    message = { ...message, params: { ...message.params, requestState: body.result.requestState } };
  }
}
const reached = (tool) => upstream.requests.filter(({ text }) => text.includes(tool)).length;

test('whom the policy names approves, and the ticket and the record say who it was', async () => {
  const id = await held('ann', 'pay_rent');
  const list = await desk(await token('bo'));
  assert.equal(list.status, 200);
  const seen = list.body.approvals.find((ticket) => ticket.id === id);
  assert.deepEqual([seen.subject, seen.issuer, seen.by], ['ann', provider.url, [['sre', 'person:dan']]]);
  const decided = await decide('bo', id, 'approve', 'seen the invoice');
  assert.equal(decided.status, 200, JSON.stringify(decided.body));
  assert.deepEqual(decided.body.decider, { issuer: provider.url, subject: 'bo', name: 'Person bo' });
  assert.equal(decided.body.decided_by, `token:${provider.url}:bo`);
  const { body } = await callAs('ann', 'pay_rent');
  assert.notEqual(body.result.isError, true);
  assert.equal(reached('pay_rent'), 1);
  const shown = await weir.cli('approvals', 'show', id, '--socket');
  assert.match(shown.out, new RegExp(`decided +by Person bo \\(bo, ${provider.url}\\)`));
  assert.match(shown.out, /subject +ann \(/);
  const { sessions } = await weir.sessions();
  const entries = (await Promise.all(sessions.map((session) => weir.entries(session.id)))).flatMap(({ entries }) => entries);
  const approved = entries.find((entry) => entry.kind === 'approved' && entry.ticket === id);
  assert.deepEqual([approved.by_subject, approved.by_issuer, approved.by_person, approved.text], ['bo', provider.url, 'Person bo', 'seen the invoice']);
});

test('who is not named, and who asked, is refused, and the record has it; nothing runs', async () => {
  const id = await held('ann', 'pay_twice');
  const outside = await decide('eve', id);
  assert.equal(outside.status, 403);
  assert.equal(outside.body.error, 'not_an_approver');
  assert.ok(!JSON.stringify(outside.body).includes('pay_twice'));
  assert.equal((await desk(await token('eve'), `/${id}`)).status, 403);
  assert.ok(!JSON.stringify((await desk(await token('eve'), '?all=1')).body).includes(id));
  const own = await decide('ann', id); // though she is in the group
  assert.equal(own.status, 403);
  assert.equal(own.body.error, 'own_call');
  assert.equal((await decide('ann', id, 'deny')).status, 403);
  assert.equal((await decide('bo', id, 'withdraw')).body.error, 'not_the_asker');
  assert.equal(reached('pay_twice'), 0);
  const { sessions } = await weir.sessions();
  const entries = (await Promise.all(sessions.map((session) => weir.entries(session.id)))).flatMap(({ entries }) => entries);
  assert.deepEqual(entries.filter((entry) => entry.kind === 'not_entitled' && entry.ticket === id).map((entry) => entry.by_subject).sort(),
    ['ann', 'ann', 'bo', 'eve']);
  assert.equal((await decide('ann', id, 'withdraw', 'a mistake')).body.state, 'withdrawn');
  const list = await desk(await token('ann'), '?mine=1&state=withdrawn');
  assert.deepEqual(list.body.approvals.map((ticket) => ticket.id), [id]);
});

test('of two who decide at once one does; the other learns who', async () => {
  const id = await held('ann', 'pay_race');
  await Promise.all([token('bo'), token('cy')]);
  const both = await Promise.all([decide('bo', id, 'approve'), decide('cy', id, 'deny')]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
  const won = both.find(({ status }) => status === 200).body, lost = both.find(({ status }) => status === 409).body;
  assert.equal(lost.error, 'conflict');
  assert.deepEqual(lost.ticket.decider, won.decider);
  assert.equal((await decide(won.decider.subject, id, won.state === 'approved' ? 'approve' : 'deny')).status, 200); // the same again
});

test('a decision about a version that stands no more is refused with what stands', async () => {
  const id = await held('ann', 'pay_version');
  const first = await desk(await token('bo'), `/${id}`);
  assert.equal(first.headers.get('etag'), `"${first.body.version}"`);
  assert.equal((await decide('eve', id)).status, 403);
  const seen = first.headers.get('etag');
  assert.equal((await desk(await token('bo'), `/${id}`)).headers.get('etag'), seen); // what is refused changes nothing
  const about = (etag, decision) => token('bo').then((bearer) => desk(bearer, `/${id}/decision`, { decision }, { 'if-match': etag }));
  assert.equal((await about('3', 'approve')).status, 400);
  assert.equal((await about(`W/${seen}`, 'approve')).status, 412); // a weak tag never matches
  const now = await about(`"999", ${seen}`, 'approve');
  assert.equal(now.status, 200, JSON.stringify(now.body));
  assert.equal(now.body.state, 'approved');
  const late = await about(seen, 'revoke');
  assert.equal(late.status, 412, JSON.stringify(late.body));
  assert.deepEqual([late.body.error, late.body.ticket.id, late.body.ticket.state], ['changed', id, 'approved']);
  assert.equal(late.headers.get('etag'), `"${late.body.ticket.version}"`);
  assert.equal(late.headers.get('etag'), now.headers.get('etag'));
  assert.equal((await about('*', 'revoke')).status, 200);
  assert.equal(reached('pay_version'), 0);
});

test('a decision that is sent again under its key gets the first answer, another one under it none', async () => {
  const [id, other] = [await held('ann', 'pay_once'), await held('ann', 'pay_other')];
  const send = async (person, ticket, body, key) => desk(await token(person), `/${ticket}/decision`, body, { 'idempotency-key': key });
  const yes = { decision: 'approve', note: 'once' };
  const first = await send('bo', id, yes, 'key-1');
  assert.equal(first.status, 200, JSON.stringify(first.body));
  assert.equal((await decide('cy', id, 'revoke', 'no')).status, 200);
  const again = await send('bo', id, yes, 'key-1');
  assert.deepEqual([again.status, again.body, again.headers.get('etag')], [200, first.body, first.headers.get('etag')]);
  assert.equal((await desk(await token('bo'), `/${id}`)).body.state, 'revoked');
  for (const [ticket, body] of [[id, { decision: 'deny' }], [other, yes]]) {
    const refused = await send('bo', ticket, body, 'key-1');
    assert.deepEqual([refused.status, refused.body.error], [422, 'key_reused']);
  }
  assert.equal((await send('cy', id, yes, 'key-1')).status, 409); // another person's key
  assert.equal((await send('bo', id, yes, 'two words')).status, 400);
  const both = await Promise.all([send('bo', other, yes, 'key-2'), send('bo', other, yes, 'key-2')]);
  assert.deepEqual(both.map(({ status }) => status), [200, 200]);
  assert.deepEqual(both[0].body, both[1].body);
  assert.equal((await decide('bo', other, 'revoke')).status, 200);
});

test('lists come in pages, by the beginning of an id, and the newest first', async () => {
  const ids = [];
  for (const tool of ['page_1', 'page_2', 'page_3']) ids.push(await held('ann', tool));
  const bearer = await token('bo'), seen = [];
  for (let after = ''; ;) {
    const { status, body } = await desk(bearer, `?state=pending&limit=1${after}`);
    assert.equal(status, 200);
    seen.push(...body.approvals.map((ticket) => ticket.id));
    assert.ok(body.approvals.every((ticket) => ticket.body === undefined));
    if (!body.more) break;
    after = `&after=${encodeURIComponent(body.next)}`;
  }
  assert.deepEqual(seen.filter((id) => ids.includes(id)), ids);
  assert.equal(new Set(seen).size, seen.length);
  assert.equal((await desk(bearer, '?newest=1&limit=1')).body.approvals[0].id, ids[2]);
  assert.deepEqual((await desk(bearer, `?id=${ids[1].slice(0, 12)}`)).body.approvals.map((ticket) => ticket.id), [ids[1]]);
  const page = await weir.cli('approvals', 'list', '--limit', '1', '--json', '--socket');
  const next = await weir.cli('approvals', 'list', '--limit', '1', '--after', JSON.parse(page.out).next, '--socket');
  assert.equal(next.code, 0, next.said);
  assert.match((await weir.cli('approvals', 'show', 'last', '--socket')).out, new RegExp(`^${ids[2]} `));
  for (const id of ids) assert.equal((await decide('bo', id, 'deny')).status, 200);
});

test('a person that the policy names is one, a group of others is not', async () => {
  const id = await held('ann', 'fly_away');
  assert.equal((await decide('bo', id)).status, 403);
  assert.equal((await decide('dan', id, 'deny', 'no travel')).status, 200);
  const { body } = await callAs('ann', 'fly_away');
  assert.match(JSON.stringify(body), /no travel/);
});

test('no token, a token for something else, one that was changed, and pages of browsers come to nothing', async () => {
  const none = await desk(undefined);
  assert.equal(none.status, 401);
  const where = /resource_metadata="([^"]+)"/.exec(none.headers.get('www-authenticate'))[1];
  const metadata = await (await fetch(where)).json();
  assert.deepEqual([metadata.authorization_servers, metadata['dev.weir/login'].client_id], [[provider.url], app]);
  assert.equal((await desk(await token('bo', weir.url('own'), 'openid mcp:use'))).status, 401); // of another audience
  assert.equal((await desk(await token('bo', audience, 'openid mcp:use'))).status, 403); // without the scope
  const good = await token('bo');
  assert.equal((await desk(`${good.slice(0, -8)}AAAAAAAA`)).status, 401);
  assert.equal((await desk(good, '', undefined, { origin: `http://127.0.0.1:${weir.adminPort}` })).status, 403);
  assert.equal((await desk(good, '/ap_00000000000000000000000000')).status, 404);
  assert.equal((await desk(good, '/ap_00000000000000000000000000/decision', { decision: 'approve' })).status, 404);
  assert.equal((await desk(good, '/x/decision', { decision: 'perhaps' })).status, 400);
  assert.equal((await desk(good, '/x/decision', { decision: 'deny', note: 'x'.repeat(70_000) })).status, 413);
  assert.equal((await desk(good, '?limit=0')).status, 400);
});

test('a token that has ended decides nothing', async () => {
  const brief = await startProvider({ scopes: ['decide'], groupsOf: () => ['sre'], accessTokenSeconds: 4 });
  const own = await startWeir({
    admin: { audience }, issuers: [{ name: 'idp', url: brief.url, algorithms: ['RS256'], leeway: '0s' }],
    servers: [{ name: 'own', url: upstream.url }],
  });
  try {
    let short;
    const look = async () => (await fetch(`http://127.0.0.1:${own.adminPort}/api/v1/approvals`, { headers: { authorization: `Bearer ${short}` } })).status;
    await eventually(async () => { // One that has not ended on its way here.
      tokens.push(short = await tokenOf(brief, 'bo', audience, 'openid decide'));
      return (await look()) === 200;
    });
    await eventually(async () => (await look()) === 401);
  } finally {
    await stopAll(own, brief);
  }
});

/** weir's command line as a person with a home of their own. */
const environment = (person, more = {}) => ({ env: { PATH: process.env.PATH, HOME: join(home, person), ...more } });
const cli = (person, args, more) => run(program, args, environment(person, more));

test('a person signs in with weir login, decides, and signs out', async () => {
  const url = `http://127.0.0.1:${weir.adminPort}`;
  const before = await cli('bo', ['approvals', 'list', '--url', url]);
  assert.equal(before.code, 5);
  assert.match(before.said, /not signed in.*weir login --url/);
  const login = start(program, ['login', '--url', url], environment('bo'));
  const [, place] = await until(login, /Open (\S+)/);
  await enterCode(place, 'bo');
  const { code } = await login.ended;
  assert.equal(code, 0, login.said);
  assert.match(login.said, /Signed in to .* as Person bo \(bo, .*groups sre/);

  const directory = join(home, 'bo', '.config', 'weir');
  const files = (await readdir(directory)).filter((name) => name.endsWith('.json'));
  assert.equal(files.length, 1);
  assert.equal((await stat(join(directory, files[0]))).mode & 0o777, 0o600);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  const secrets = JSON.parse(await readFile(join(directory, files[0]), 'utf8'));
  assert.ok(secrets.refresh_token);
  tokens.push(secrets.access_token, secrets.refresh_token);
  for (const secret of [secrets.access_token, secrets.refresh_token]) assert.ok(!login.said.includes(secret));

  const who = await cli('bo', ['whoami', '--url', url]);
  assert.match(who.out, /^Person bo \(bo, http/);
  const id = await held('ann', 'pay_login');
  const listed = await cli('bo', ['approvals', 'list', '--url', url]);
  assert.ok(listed.out.includes(id), listed.said);
  const approved = await cli('bo', ['approvals', 'approve', 'last', '--reason', 'by hand', '-c', weir.config]); // the configuration names the URL
  assert.equal(approved.code, 0, approved.said);
  assert.equal((await weir.json('approvals', 'show', id, '--socket')).decider.subject, 'bo');
  const { body } = await callAs('ann', 'pay_login');
  assert.notEqual(body.result.isError, true);

  const again = await cli('cy', ['approvals', 'deny', id, '--url', url], { WEIR_TOKEN: await token('cy') });
  assert.equal(again.code, 8, again.said);
  const asker = await cli('ann', ['approvals', 'deny', id, '--url', url], { WEIR_TOKEN: await token('ann') });
  assert.equal(asker.code, 5, asker.said);
  const wrong = await cli('cy', ['approvals', 'list', '--url', url], { WEIR_TOKEN: await token('bo', weir.url('own'), 'openid mcp:use') });
  assert.equal(wrong.code, 5, wrong.said);

  assert.equal((await cli('bo', ['logout', '--url', url])).code, 0);
  assert.deepEqual((await readdir(directory)).filter((name) => name.endsWith('.json')), []);
  assert.equal((await cli('bo', ['whoami', '--url', url])).code, 5);
});

test('a login is renewed before its token ends', async () => {
  const brief = await startProvider({ scopes: ['decide'], groupsOf: () => ['sre'], accessTokenSeconds: 20 }); // less than what is renewed ahead
  const own = await startWeir({
    admin: { audience, scopes: ['decide'], login: { client_id: app } }, issuers: [{ name: 'idp', url: brief.url, algorithms: ['RS256'] }],
    servers: [{ name: 'own', url: upstream.url }],
  });
  try {
    await own.keysOf('idp');
    const login = start(program, ['login', '-c', own.config], environment('cy'));
    await enterCode((await until(login, /Open (\S+)/))[1], 'cy');
    assert.equal((await login.ended).code, 0, login.said);
    const asked = brief.requests.filter((line) => line === 'POST /token').length;
    const who = await cli('cy', ['whoami', '-c', own.config]);
    assert.equal(who.code, 0, who.said);
    assert.match(who.out, /^(Person )?cy/);
    assert.equal(brief.requests.filter((line) => line === 'POST /token').length, asked + 1);
  } finally {
    await stopAll(own, brief);
  }
});

test('with TLS on the admin listener people sign in and decide by https, and by nothing else', async () => {
  const made = new Certificates();
  const certificate = made.make('desk', 'IP:127.0.0.1');
  const own = await startWeir({
    admin: { audience, scopes: ['decide'], tls: true, login: { client_id: app } }, certificates: [certificate],
    issuers: [{ name: 'idp', url: provider.url, algorithms: ['RS256'], claims: { display: 'name' } }],
    servers: [{ name: 'own', url: upstream.url }],
  });
  try {
    const url = `https://127.0.0.1:${own.adminPort}`;
    await own.keysOf('idp');
    const bearer = { WEIR_TOKEN: await token('bo') };
    assert.equal((await cli('bo', ['whoami', '--url', url], bearer)).code, 9); // the system's authorities do not know it
    const who = await cli('bo', ['whoami', '--url', url, '--ca', made.path('ca.pem')], bearer);
    assert.equal(who.code, 0, who.said);
    assert.match(who.out, /^Person bo/);
    const login = start(program, ['login', '-c', own.config, '--ca', made.path('ca.pem')], environment('dan'));
    await enterCode((await until(login, /Open (\S+)/))[1], 'dan');
    assert.equal((await login.ended).code, 0, login.said);
    await assert.rejects(fetch(`http://127.0.0.1:${own.adminPort}/api/v1/approvals`));
    assert.equal((await own.cli('status')).code, 0);
    await rm(join(own.dir, 'state', 'control.sock')); // The admin listener is all that is left.
    const status = await own.cli('status', '--json', '--ca', made.path('ca.pem'));
    assert.equal(status.code, 0, status.said);
    assert.equal(JSON.parse(status.out).servers, 1);
    const strange = await own.cli('status', '--json');
    assert.equal(strange.code, 9);
    assert.match(strange.said, /certificate/);
  } finally {
    await stopAll(own);
    made.stop();
  }
});

test('the authorities of the issuer are its own, and not those of the admin listener', async () => {
  const made = new Certificates();
  const { chain, key } = made.make('idp', 'IP:127.0.0.1');
  const secure = await startProvider({ scopes: ['decide'], tls: { cert: await readFile(chain), key: await readFile(key) } });
  const args = ['login', '--url', `http://127.0.0.1:${weir.adminPort}`, '--issuer', secure.url, '--client', app];
  try {
    for (const more of [[], ['--ca', made.path('ca.pem')], ['--issuer-ca', made.path('other.pem')]]) {
      const refused = await cli('fay', [...args, ...more]);
      assert.equal(refused.code, 5, refused.said);
      assert.match(refused.said, /certificate/);
    }
    const login = start(program, [...args, '--issuer-ca', made.path('ca.pem')], environment('fay'));
    assert.match((await until(login, /Open (\S+)/))[1], /^https:/);
    login.kill('SIGKILL');
    await login.ended;
  } finally {
    await secure.stop();
    made.stop();
  }
});

test('check says that nobody can decide with a token, where policies name who may', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-e2e-check-'));
  try {
    await mkdir(join(dir, 'policies'));
    await writeFile(join(dir, 'policies', 'pay.lua'), 'policy "pay" { on = "request", match = { tools = "pay" }, decide = approve { by = { "sre" }, reason = "money" } }\n');
    const check = async (admin) => {
      await writeFile(join(dir, 'weir.toml'), `[policies]\ndir = "policies"\n${admin}\n[[issuer]]\nname = "idp"\nurl = "https://idp.example"\naudience = ["a"]\n` +
        '[[server]]\nname = "own"\nurl = "http://127.0.0.1:9/mcp"\n');
      return run(program, ['check', '-c', join(dir, 'weir.toml')]);
    };
    const bare = await check('');
    assert.equal(bare.code, 0, bare.said);
    assert.match(bare.said, /pay\.lua:1:1: policy "pay" names who may approve.*write `address` and `audience` in \[admin\];/);
    assert.match((await check('[admin]\naddress = "127.0.0.1:7071"')).said, /write `audience` in \[admin\];/);
    assert.doesNotMatch((await check('[admin]\naddress = "127.0.0.1:7071"\naudience = "https://weir.example/approvals"')).said, /names who may approve/);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('a sign-in that is refused leaves no login', async () => {
  const place = await cli('eve', ['login', '--url', `http://127.0.0.1:${weir.adminPort}`, '--client', 'nobody']);
  assert.equal(place.code, 5, place.said);
  assert.match(place.said, /refuses the sign-in \(invalid_client/);
  const clear = await cli('eve', ['login', '--url', 'http://weir.example:7071']);
  assert.equal(clear.code, 2);
  assert.match(clear.said, /https only/);
});

test('the operator decides by the socket, which the record says', async () => {
  const id = await held('ann', 'pay_local');
  const decided = await weir.json('approvals', 'approve', id, '--socket');
  assert.match(decided.decided_by, /^unix:\d+:\S+$/);
  assert.equal(decided.decider, undefined);
});

test('no token is in the state, the record, the log or the status', async () => {
  const places = { log: weir.child.said, status: JSON.stringify(await weir.json('status')) };
  for (const entry of await readdir(join(weir.dir, 'state'), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) places[entry.name] = (await readFile(join(entry.parentPath ?? entry.path, entry.name))).toString('latin1');
  assert.ok(Object.values(places).some((text) => text.includes('pay_rent')));
  assert.ok(tokens.length > 8);
  for (const [place, text] of Object.entries(places))
    for (const secret of tokens.flatMap((one) => [one, ...one.split('.').slice(1)])) assert.ok(!text.includes(secret), `${place} holds a token`);
});
