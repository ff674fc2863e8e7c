// cases/addresses.mjs - where clients are, as trusted proxies tell it: a real node:net proxy says it by a PROXY header or in
// X-Forwarded-For, weir's policies and record know it, and no server sees it.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { stopAll } from '../lib/processes.mjs';
import { ask, eventually, modernCall } from '../lib/wire.mjs';

const policies = { 'office.lua': `
policy "office" { on = "request", match = { methods = "tools/call" }, unless = { ip = { "192.0.2.0/24", "2001:db8::/32" } },
  decide = function(call) return block("not from " .. call.who.ip) end }` };
const upstream = await startUpstream();
const server = { name: 'own', url: upstream.url, anonymous: false, api_keys: true };
/** Passes connections on to `port`, each behind `head`. */
const proxy = createServer((client) => {
  const onwards = connect(proxy.port, '127.0.0.1', () => {
    onwards.write(proxy.head);
    client.pipe(onwards).pipe(client);
  });
  for (const end of [client, onwards]) end.on('error', () => { client.destroy(); onwards.destroy(); });
});
await new Promise((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
const proxied = `127.0.0.1:${proxy.address().port}`;

const signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const fromFour = (...octets) => Buffer.concat([signature, Buffer.from([0x21, 0x11, 0, 12, ...octets, 10, 0, 0, 1, 0x12, 0x67, 0x1b, 0x9e])]);
const fromSix = Buffer.concat([signature, Buffer.from([0x21, 0x21, 0, 36]), Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'), Buffer.from([0x12, 0x67, 0x1b, 0x9e])]);

const start = async (client_address) => {
  const weir = await startWeir({ policies, servers: [server], issuers: [],
    listen: (address) => ({ hosts: [address, proxied], client_address, trusted_proxies: ['127.0.0.1'] }) });
  const { key } = await weir.json('token', 'create', 'e2e', '--server', 'own');
  return { weir, headers: { authorization: `Bearer ${key}` } };
};

/** Calls weir through the proxy, which says `head`, until the key is known there. */
async function through(head, { weir, headers }) {
  Object.assign(proxy, { head, port: weir.port });
  let answer;
  await eventually(async () => {
    answer = await ask(`http://${proxied}/mcp/own`, modernCall('echo'), { headers: { ...headers, connection: 'close' } });
    return answer.status !== 401;
  });
  return answer;
}

const header = await start('proxy_protocol');
const field = await start('x_forwarded_for');
after(async () => {
  await stopAll(header.weir, field.weir, upstream);
  proxy.close();
});

/** Where those were who asked, once there are `count`: an entry is written a moment behind what it tells. */
const addresses = async (weir, count) => {
  let all;
  await eventually(async () => {
    const { sessions } = await weir.sessions();
    all = [];
    for (const session of sessions) all.push(...(await weir.entries(session.id)).entries.filter((entry) => entry.kind === 'asked'));
    return all.length >= count;
  });
  return all.map((entry) => entry.address).sort();
};

test('a PROXY header says where the client is', async () => {
  for (const [head, status] of [[fromFour(192, 0, 2, 7), 'lets'], [fromFour(203, 0, 113, 9), '203.0.113.9'], [fromSix, 'lets']]) {
    const { body } = await through(head, header);
    if (status === 'lets') assert.ok(body.result && !body.result.isError, JSON.stringify(body));
    else assert.match(JSON.stringify(body), new RegExp(`not from ${status}`));
  }
});

test('without it a trusted proxy is not heard', async () => {
  const refused = async () => (await header.weir.gauges()).weir_proxy_headers_refused_total;
  const before = await refused();
  await assert.rejects(ask(header.weir.url('own'), modernCall('echo'), { headers: header.headers }));
  await eventually(async () => await refused() === before + 1);
});

test('X-Forwarded-For of a trusted proxy says where the client is, and goes no further', async () => {
  const from = async (value) => ask(field.weir.url('own'), modernCall('echo'),
    { headers: { ...field.headers, ...(value !== undefined && { 'x-forwarded-for': value }) } });
  await eventually(async () => (await from(undefined)).status !== 401);
  const before = upstream.requests.length;
  assert.ok((await from('203.0.113.9, 192.0.2.7')).body.result);
  assert.match(JSON.stringify((await from('192.0.2.7, 203.0.113.9')).body), /not from 203\.0\.113\.9/);
  assert.match(JSON.stringify((await from(undefined)).body), /not from 127\.0\.0\.1/);
  assert.equal((await from('192.0.2.7, somebody')).status, 400);
  const seen = upstream.requests.slice(before);
  assert.equal(seen.length, 1);
  assert.equal(seen[0].headers['x-forwarded-for'], undefined);
  assert.ok(!JSON.stringify(seen[0].rawHeaders).includes('192.0.2.7'));
});

test('the record has the addresses', async () => {
  assert.deepEqual(await addresses(header.weir, 3), ['192.0.2.7', '2001:db8::7', '203.0.113.9']);
  assert.deepEqual(await addresses(field.weir, 4), ['127.0.0.1', '127.0.0.1', '192.0.2.7', '203.0.113.9']);
});
