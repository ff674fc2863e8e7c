// cases/issuers.mjs - what must hold when an issuer does what it should not: keys that are slow, huge, elsewhere or
// broken are no keys, keep nobody else waiting, and take away none that were there. And when a token ends: what is open
// ends with it, and a call that waits for people goes nowhere without a new one.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Desk, policies } from '../lib/approvals.mjs';
import { makeKey, startIssuer } from '../lib/issuer.mjs';
import { stopAll } from '../lib/processes.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, eventually, legacyHeaders, modernCall, modernRequest, post, readEvents } from '../lib/wire.mjs';

const json = (res, status, body, headers = {}) => { res.writeHead(status, headers); res.end(typeof body === 'string' ? body : JSON.stringify(body)); };
const chatter = (res) => { res.writeHead(200); const more = () => { while (!res.destroyed && res.write(' '.repeat(1 << 16))); }; res.on('drain', more); more(); };
// What may come in place of keys or metadata.
const faults = {
  silent: () => {},
  dripping: (res) => { res.writeHead(200); const more = setInterval(() => { if (res.destroyed) clearInterval(more); else res.write(' '); }, 50); },
  huge: chatter,
  announced: (res) => { res.writeHead(200, { 'content-length': 1 << 30 }); res.write('{'); },
  redirecting: (res) => json(res, 302, '', { location: `${elsewhere.url}/keys` }),
  failing: (res) => json(res, 500, { keys: [] }),
  broken: (res) => json(res, 200, '{"keys":['),
  cut: (res) => { res.writeHead(200, { 'content-length': 100 }); res.write('{"keys":[]}', () => res.destroy()); },
};
const issuers = {};
let elsewhere, upstream, weir, desk;

before(async () => {
  [elsewhere, upstream] = await Promise.all([startIssuer(), startUpstream()]);
  const names = ['good', ...Object.keys(faults).flatMap((fault) => [`keys_${fault}`, `metadata_${fault}`])];
  await Promise.all(names.map(async (name) => { issuers[name] = await startIssuer(); }));
  for (const [fault, answer] of Object.entries(faults)) {
    issuers[`keys_${fault}`].answer('/keys', answer);
    issuers[`metadata_${fault}`].answer('/metadata', answer);
  }
  weir = await startWeir({
    listen: (address) => ({ public_url: `http://${address}` }),
    issuers: names.map((name) => ({ name, url: issuers[name].url, algorithms: ['ES256'], refetch_min: '1s', leeway: '0s' })),
    servers: [{ name: 'own', url: upstream.url, anonymous: false }],
    policies, limits: { hold: '10m' },
  });
  desk = new Desk(weir);
  await weir.keysOf('good');
});
after(() => stopAll(weir, upstream, elsewhere, ...Object.values(issuers)));

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const call = (token, tool = 'free') => ask(weir.url('own'), modernCall(tool), { headers: bearer(token) });
const tokenOf = (issuer, claims = {}, key = undefined) => issuer.token({ aud: weir.url('own'), ...claims }, key);
const inSeconds = (seconds) => ({ exp: Math.floor(Date.now() / 1000) + seconds });

for (const part of ['keys', 'metadata'])
  for (const fault of Object.keys(faults))
    test(`an issuer whose ${part} are ${fault} has no keys, and keeps nobody else waiting`, async () => {
      const issuer = issuers[`${part}_${fault}`];
      let over = false;
      const bad = call(tokenOf(issuer)).finally(() => { over = true; });
      const good = tokenOf(issuers.good); // the same for all: signatures have a share of the time, not all of it
      do assert.equal((await call(good)).status, 200); while (!over);
      const { status, headers } = await bad;
      assert.equal(status, 503);
      assert.ok(headers.get('retry-after'));
      assert.ok(issuer.requests.includes(`/${part}`));
      assert.equal(elsewhere.requests.length, 0);
      // Once it does what it should it is let in.
      issuer.answer(`/${part}`, undefined);
      await eventually(async () => (await call(tokenOf(issuer))).status === 200);
    });

test('keys that were good hold while their issuer does all of that; new ones come when it has ended', async () => {
  const issuer = issuers.good;
  const old = tokenOf(issuer);
  assert.equal((await call(old)).status, 200);
  const [, fresh] = issuer.keys = [issuer.keys[0], makeKey()];
  for (const [fault, answer] of Object.entries(faults)) {
    issuer.answer('/keys', answer);
    const before = issuer.requests.length;
    // A token that names the new key makes weir look for it, and is refused when it does not come.
    await eventually(async () => { assert.equal((await call(tokenOf(issuer, {}, fresh))).status, 401); return issuer.requests.length > before; });
    assert.equal((await call(old)).status, 200, fault);
    assert.equal((await call(tokenOf(issuer))).status, 200, fault);
  }
  issuer.answer('/keys', undefined);
  await eventually(async () => (await call(tokenOf(issuer, {}, fresh))).status === 200);
  assert.equal((await call(old)).status, 200);
  // The old key goes: its tokens end with it, those that were known, too.
  issuer.keys = [fresh];
  const another = makeKey();
  await eventually(async () => { await call(tokenOf(issuer, {}, another)); return (await call(old)).status === 401; });
  assert.equal((await call(tokenOf(issuer))).status, 200);
  assert.equal(elsewhere.requests.length, 0);
});

test('an open stream and a subscription end with their token; a call that it began is answered', async () => {
  const url = weir.url('own');
  const token = tokenOf(issuers.good, inSeconds(20)); // All of this is there before that.
  const { status } = await call(token);
  assert.equal(status, 200);
  const session = await openSessionWith(token);
  const stream = await fetch(url, { headers: { accept: 'text/event-stream', ...legacyHeaders(session), ...bearer(token) } });
  assert.equal(stream.status, 200);
  upstream.answer((request, res) => {
    if (request.body?.method !== 'subscriptions/listen') return false;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(': open\n\n');
    return true;
  });
  const subscription = await post(url, modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } }), { headers: bearer(token) });
  assert.equal(subscription.status, 200);
  const begun = post(url, modernCall('hold', { key: 'outlives', begin: true }, 9), { headers: bearer(token) });
  await desk.decide('hold');
  await upstream.reached('outlives');
  const [streamed, subscribed] = await Promise.all([readEvents(stream), readEvents(subscription)]);
  upstream.answer(undefined);
  assert.match(streamed.events.at(-1).data, /the access token has expired/);
  assert.equal(streamed.cut, false);
  assert.equal(subscribed.cut, false);
  assert.ok(JSON.parse(subscribed.events.at(-1).data).result);
  assert.equal((await call(token)).status, 401);
  upstream.release('outlives');
  assert.match((await readEvents(await begun)).events.at(-1).data, /"held"/);
});

/** A legacy session of who has `token`. */
const openSessionWith = async (token) => {
  const answer = await ask(weir.url('own'), { jsonrpc: '2.0', id: 'init', method: 'initialize', params: { protocolVersion: '2025-11-25',
    capabilities: {}, clientInfo: { name: 'weir-e2e', version: '1' } } }, { headers: bearer(token) });
  assert.equal(answer.status, 200);
  return { id: answer.headers.get('mcp-session-id'), version: '2025-11-25' };
};

test('a call whose token ends while people think goes nowhere; with a new token it finds its ticket', async () => {
  const reached = () => upstream.requests.filter(({ text }) => text.includes('pay_slowly')).length;
  const pay = (token) => ask(weir.url('own'), modernCall('pay_slowly', { amount: 1 }, 1, {}), { headers: bearer(token) });
  const ended = await pay(tokenOf(issuers.good, inSeconds(10)));
  assert.equal(ended.status, 401);
  assert.match(ended.headers.get('www-authenticate'), /error="invalid_token"/);
  assert.match(ended.body.error.message, /token ended while this call waited/);
  const { id } = await desk.ticket('pay_slowly', 'pending');
  await desk.decide('pay_slowly');
  assert.equal(reached(), 0);
  const { status, body } = await pay(tokenOf(issuers.good));
  assert.equal(status, 200);
  assert.notEqual(body.result.isError, true);
  assert.equal(reached(), 1);
  await eventually(async () => (await desk.show(id)).state === 'answered');
  assert.equal((await desk.all('pay_slowly')).length, 1);
});
