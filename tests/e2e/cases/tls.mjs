// cases/tls.mjs - https on both sides of weir: node's TLS, curl and openssl as clients, node as upstream; good and bad.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { Agent, request } from 'node:https';
import { renameSync, writeFileSync } from 'node:fs';
import { connect as connectPlain, createServer as createPlainServer } from 'node:net';
import { connect, createServer as createTlsServer } from 'node:tls';
import { Certificates } from '../lib/certificates.mjs';
import { run, start, stopAll, until } from '../lib/processes.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { program, startWeir } from '../lib/weir.mjs';
import { eventually, modernCall, modernHeaders } from '../lib/wire.mjs';

const made = new Certificates();
const local = made.make('local', 'IP:127.0.0.1,DNS:one.example');
const second = made.make('second', 'DNS:two.example', { kind: 'rsa' });
made.make('up', 'IP:127.0.0.1');
made.make('strange', 'IP:127.0.0.1', { authority: 'other' });
made.make('misnamed', 'DNS:elsewhere.example');
made.make('old', 'IP:127.0.0.1', { days: -1 });
made.make('client', 'DNS:client.example');
made.make('stranger', 'DNS:client.example', { authority: 'other' });

const serverOf = (stem, more) => startUpstream(0, { cert: made.text(`${stem}.pem`), key: made.text(`${stem}.key`), ...more });
const upstreams = {};
for (const stem of ['up', 'strange', 'misnamed', 'old']) upstreams[stem] = await serverOf(stem);
upstreams.weak = await serverOf('up', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' });
upstreams.twelve = await serverOf('up', { maxVersion: 'TLSv1.2' });

/** Answers with a body that ends with the connection: with a word of its end, or cut. */
const cutters = [];
async function startCutter(says) {
  const server = createTlsServer({ cert: made.text('up.pem'), key: made.text('up.key') }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { resultType: 'complete', content: [{ type: 'text', text: 'whole' }] } });
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n${body}`, () => {
        if (says) socket.end();
      });
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  // Stands before it and ends the connection once the server is silent: nothing in TLS tells of that.
  const relay = createPlainServer((near) => {
    const far = connectPlain(server.address().port, '127.0.0.1');
    let silence;
    far.on('data', (piece) => {
      near.write(piece);
      clearTimeout(silence);
      if (!says) silence = setTimeout(() => { near.end(); far.destroy(); }, 300);
    });
    far.on('end', () => near.end()).on('error', () => {});
    near.on('data', (piece) => far.write(piece)).on('close', () => far.destroy()).on('error', () => {});
  });
  await new Promise((resolve) => { relay.listen(0, '127.0.0.1', resolve); });
  cutters.push(server, relay);
  return `https://127.0.0.1:${relay.address().port}/mcp`;
}
const ending = await startCutter(true), cut = await startCutter(false);

const ca = made.path('ca.pem');
const weir = await startWeir({
  certificates: [local, second],
  listen: (address) => ({ hosts: [address, 'one.example', 'two.example', `one.example:${address.split(':')[1]}`] }),
  servers: [
    { name: 'up', url: upstreams.up.url, ca },
    { name: 'pinned', url: upstreams.strange.url, pin: made.pin('strange') },
    { name: 'unpinned', url: upstreams.up.url, pin: made.pin('strange') },
    { name: 'unknown', url: upstreams.up.url }, // the system's authorities do not know ours
    { name: 'strange', url: upstreams.strange.url, ca },
    { name: 'misnamed', url: upstreams.misnamed.url, ca },
    { name: 'old', url: upstreams.old.url, ca },
    { name: 'weak', url: upstreams.weak.url, ca },
    { name: 'twelve', url: upstreams.twelve.url, ca },
    { name: 'ending', url: ending, ca },
    { name: 'cut', url: cut, ca },
  ],
});
after(async () => {
  await stopAll(weir, ...Object.values(upstreams));
  for (const one of cutters) one.close();
  made.stop();
});

/** One call through https: `{ status, body, socket }`. */
function ask(server, body = modernCall('echo', { a: 1 }), { headers, ...options } = {}) {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: weir.port, path: `/mcp/${server}`, method: 'POST', ca: made.text('ca.pem'), agent: false,
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'content-length': Buffer.byteLength(text),
                 ...modernHeaders(body), ...headers }, ...options }, (answer) => {
      const { socket } = answer;
      const facts = { version: socket.getProtocol(), suite: socket.getCipher().name, resumed: socket.isSessionReused(), alpn: socket.alpnProtocol };
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => {
        const whole = Buffer.concat(pieces).toString();
        resolve({ status: answer.statusCode, text: whole, ...facts });
      });
    });
    asked.on('error', reject);
    asked.end(text);
  });
}

const openssl = (...args) => run('sh', ['-c', 'echo | timeout 120 openssl s_client "$@" 2>&1', 'sh', '-connect', `127.0.0.1:${weir.port}`,
  '-CAfile', ca, ...args]);

test('a call goes through https on both sides, in both versions', async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    for (const server of ['up', 'twelve']) {
      const answer = await ask(server, undefined, { minVersion: version, maxVersion: version, ALPNProtocols: ['http/1.1'] });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.version, version);
      assert.match(answer.suite, /GCM|CHACHA20/);
      assert.equal(answer.alpn, 'http/1.1');
      assert.deepEqual(JSON.parse(JSON.parse(answer.text).result.content[0].text), { a: 1 });
    }
  }
});

test('large arguments and answers go through whole, on one connection', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: made.text('ca.pem') });
  for (const size of [1, 20_000, 3_000_000]) {
    const text = 'x'.repeat(size);
    const answer = await ask('up', modernCall('echo', { text }), { agent });
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(JSON.parse(answer.text).result.content[0].text).text.length, size);
  }
  agent.destroy();
});

test('event streams come through event by event', async () => {
  const answer = await ask('up', modernCall('stream', { count: 200 }));
  assert.equal(answer.status, 200);
  assert.equal(answer.text.split('notifications/progress').length - 1, 200);
  assert.match(answer.text, /sent 200/);
});

test('pooled connections to an https server are used again', async () => {
  const before = await weir.gauges();
  for (let i = 0; i < 20; ++i) assert.equal((await ask('up')).status, 200);
  const now = await weir.gauges();
  assert.ok(now.weir_upstream_reuses_total - before.weir_upstream_reuses_total >= 16, JSON.stringify(now.weir_upstream_reuses_total));
});

test('a server is trusted by its pin alone', async () => assert.equal((await ask('pinned')).status, 200));

for (const [server, why] of Object.entries({
  unpinned: 'none of those that are pinned', unknown: 'of no authority', strange: 'of no authority', misnamed: 'another name',
  old: 'expired', weak: '' }))
  test(`a server that proves itself badly is told nothing: ${server}`, async () => {
    const before = Object.values(upstreams).reduce((sum, { requests }) => sum + requests.length, 0);
    const answer = await ask(server);
    assert.equal(answer.status, 502, `${why}: ${answer.text}`);
    assert.equal(Object.values(upstreams).reduce((sum, { requests }) => sum + requests.length, 0), before);
  });

test('the log says why a server is not trusted', () => assert.match(weir.child.said, /upstream_tls_failed/));

test('a body that ends with a connection is whole when the server says its end', async () => {
  const answer = await ask('ending');
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.text, /whole/);
});

test('a body that ends with a connection is not whole when that was cut', async () => {
  const answer = await ask('cut');
  assert.equal(answer.status, 502, answer.text);
  assert.doesNotMatch(answer.text, /whole/);
});

test('the certificate is the one that the name asks for', async () => {
  const subject = async (name) => /subject=CN = (\w+)/.exec((await openssl('-servername', name)).out)?.[1];
  assert.equal(await subject('one.example'), 'local');
  assert.equal(await subject('two.example'), 'second');
  assert.equal(await subject('three.example'), 'local');
});

test('old versions, weak suites, other protocols and foreign requests are refused', async () => {
  for (const args of [['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'], ['-tls1_2', '-cipher', 'AES128-SHA:@SECLEVEL=0'],
    ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0'], ['-tls1_2', '-cipher', 'AES128-GCM-SHA256'], ['-alpn', 'h2']]) {
    const { out } = await openssl(...args);
    assert.match(out, /alert|handshake failure|no peer certificate available/, args.join(' '));
    assert.doesNotMatch(out, /Cipher is (?!\(NONE\)|0000)\w/, `${args.join(' ')}: ${out}`);
  }
});

test('plain HTTP on the port of TLS gets an alert and the end', async () => {
  const heard = await new Promise((resolve, reject) => {
    const socket = connectPlain(weir.port, '127.0.0.1', () => socket.write('POST /mcp/up HTTP/1.1\r\nHost: a\r\n\r\n'));
    const pieces = [];
    socket.on('data', (piece) => pieces.push(piece)).on('end', () => resolve(Buffer.concat(pieces))).on('error', reject);
  });
  assert.equal(heard[0], 21);
});

test('a handshake that does not go on is ended, and others are served meanwhile', async () => {
  const own = await startWeir({ certificates: [{ chain: made.path('second.pem'), key: made.path('second.key') }], listen: { workers: 1 },
    limits: { tls_handshake_max: '5s' }, servers: [{ name: 'up', url: upstreams.up.url, ca }] });
  try {
    let over = false;
    const socket = connectPlain(own.port, '127.0.0.1', () => socket.write(Buffer.from('16030100c8', 'hex')));
    const ended = new Promise((resolve) => { socket.on('close', resolve).on('error', () => {}).resume(); }).then(() => { over = true; });
    let served = 0; // Some are late, too, on a machine that is busy with something else.
    while (!over) served += await ask('up', undefined, { port: own.port, rejectUnauthorized: false }).then(({ status }) => status === 200, () => false);
    await ended;
    assert.ok(served > 0);
  } finally {
    await own.stop();
  }
});

test('renegotiation is refused', async () => {
  const client = start('openssl', ['s_client', '-tls1_2', '-connect', `127.0.0.1:${weir.port}`, '-CAfile', ca]);
  await until(client, /Verify return code/);
  client.stdin.write('R\n');
  await until(client, /RENEGOTIATING[^]*(no renegotiation|alert|errno|closed)/i);
  client.stdin.end();
  await client.ended;
  assert.equal((await ask('up')).status, 200);
});

test('sessions are resumed in both versions, by either worker', async () => {
  const before = (await weir.gauges()).weir_tls_resumed_total;
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    let session;
    for (let i = 0; i < 6; ++i) {
      const socket = connect({ host: '127.0.0.1', port: weir.port, ca: made.text('ca.pem'), minVersion: version, maxVersion: version, session });
      const next = new Promise((resolve) => { socket.once('session', resolve); });
      await new Promise((resolve, reject) => { socket.on('secureConnect', resolve).on('error', reject); });
      if (i !== 0) assert.ok(socket.isSessionReused(), `${version}, ${i}`);
      // Answered: a client that leaves at once is through with its handshake before weir is.
      const answered = new Promise((resolve) => { socket.once('data', resolve); });
      socket.write(`GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:${weir.port}\r\n\r\n`);
      await answered;
      if (i === 0) session = await next;
      socket.resume().end();
      await new Promise((resolve) => { socket.on('close', resolve); });
    }
  }
  await eventually(async () => (await weir.gauges()).weir_tls_resumed_total === before + 10);
});

test('curl is served, and refuses what it should', async () => {
  const url = `https://one.example:${weir.port}/mcp/up`;
  const curl = (...args) => run('curl', ['-sS', '--max-time', '120', '--resolve', `one.example:${weir.port}:127.0.0.1`, '-o', '/dev/null', '-w', '%{http_code}',
    ...args, url]);
  assert.equal((await curl('--cacert', ca, '-d', '{', '-H', 'content-type: application/json', '-H', 'accept: application/json, text/event-stream')).out, '400');
  assert.notEqual((await curl('--cacert', made.path('other.pem'))).code, 0);
});

test('weir call and weir tools come by https, to who has a certificate for it', async () => {
  const called = await weir.cli('call', 'up/echo', '--ca', ca);
  assert.equal(called.code, 0, called.said);
  assert.equal((await weir.cli('tools', 'list', 'up', '--ca', ca)).code, 0);
  for (const args of [[], ['--ca', made.path('other.pem')]]) {
    const refused = await weir.cli('call', 'up/echo', ...args);
    assert.equal(refused.code, 9);
    assert.match(refused.said, /certificate/);
  }
  const named = await run(program, ['call', 'echo', '--url', `https://127.0.0.1:${weir.port}/mcp/up`, '--ca', ca]);
  assert.equal(named.code, 0, named.said);
});

test('a new certificate is shown to new connections, and old ones stay', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: made.text('ca.pem') });
  assert.equal((await ask('up', undefined, { agent })).status, 200);
  const before = (await weir.gauges()).weir_connections_accepted_total;
  made.make('renewed', 'IP:127.0.0.1,DNS:one.example');
  made.replace('local', 'renewed');
  await eventually(async () => /subject=CN = renewed/.test((await openssl('-servername', 'one.example')).out));
  const between = (await weir.gauges()).weir_connections_accepted_total;
  assert.equal((await ask('up', undefined, { agent })).status, 200);
  assert.equal((await weir.gauges()).weir_connections_accepted_total, between + 1, 'the old connection served it; the one more asks');
  assert.ok(between > before);
  agent.destroy();
});

test('authorities of a server that are replaced hold for new connections; what is none is told once, and the last hold', async () => {
  const file = made.path('trusted.pem');
  const put = (text) => { writeFileSync(`${file}.new`, text); renameSync(`${file}.new`, file); };
  put(made.text('other.pem'));
  const closing = await serverOf('up');
  closing.answer((_request, res) => { res.setHeader('connection', 'close'); return false; });
  const own = await startWeir({ servers: [{ name: 'up', url: closing.url, ca: file }] });
  const answered = async () => (await fetch(own.url('up'), { method: 'POST', body: JSON.stringify(modernCall('echo', { n: 1 })),
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...modernHeaders(modernCall('echo')) } })).status;
  const unused = async () => (await own.gauges()).weir_files_unused;
  try {
    assert.equal(await answered(), 502);
    put(made.text('ca.pem'));
    await eventually(async () => await answered() === 200);
    await eventually(async () => await unused() === 0);
    put('-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n');
    await eventually(async () => await unused() === 1);
    assert.equal(await answered(), 200);
    await eventually(async () => (own.child.said.match(/authorities_refused/g) ?? []).length === 1);
    put(made.text('other.pem'));
    await eventually(async () => await answered() === 502);
    await eventually(async () => await unused() === 0);
    assert.equal((own.child.said.match(/authorities_refused/g) ?? []).length, 1);
  } finally {
    await stopAll(own, closing);
  }
});

test('clients must show certificates where they are required, and good ones where they may', async () => {
  for (const clients of ['required', 'optional']) {
    const own = await startWeir({ certificates: [{ chain: made.path('second.pem'), key: made.path('second.key') }],
      listen: { tls: { client_certificates: clients, client_ca: ca } }, servers: [{ name: 'up', url: upstreams.up.url, ca }] });
    try {
      const status = (stem) => ask('up', undefined, { port: own.port, rejectUnauthorized: false,
        ...(stem && { cert: made.text(`${stem}.pem`), key: made.text(`${stem}.key`) }) }).then(({ status: code }) => code, () => 'refused');
      assert.equal(await status('client'), 200);
      assert.equal(await status('stranger'), 'refused');
      assert.equal(await status(undefined), clients === 'optional' ? 200 : 'refused');
    } finally {
      await own.stop();
    }
  }
});

test('a certificate says who its client is, where that is asked, and a token that comes says it instead', async () => {
  made.make('agent', 'DNS:x.example,URI:spiffe://acme/agent,email:agent@acme.test');
  made.make('mail', 'email:ann@acme.test');
  const policies = { 'who.lua': `policy "who" { on = "request", match = { methods = "tools/call" }, unless = { who = "spiffe://acme/*" },
    decide = function(call) return block("you are " .. call.who.id .. " of " .. call.who.issuer) end }` };
  const certificate = { anonymous: false, client_certificates: true };
  const own = await startWeir({ policies, certificates: [{ chain: made.path('second.pem'), key: made.path('second.key') }],
    listen: { tls: { client_certificates: 'optional', client_ca: ca } },
    servers: [{ name: 'up', url: upstreams.up.url, ca, ...certificate }, { name: 'scoped', url: upstreams.up.url, ca, ...certificate, scopes: ['run'] }] });
  try {
    const call = (stem, server = 'up', headers = {}) => ask(server, undefined, { port: own.port, rejectUnauthorized: false, headers,
      ...(stem && { cert: made.text(`${stem}.pem`), key: made.text(`${stem}.key`) }) });
    const good = await call('agent');
    assert.equal(good.status, 200);
    assert.ok(!good.text.includes('you are'), good.text);
    assert.match((await call('mail')).text, /you are ann@acme\.test of cert:CN=ca/);
    assert.match((await call('client')).text, /you are \S+ of cert:CN=ca/);
    assert.equal((await call(undefined)).status, 401);
    assert.equal((await call('agent', 'scoped')).status, 403);
    assert.equal((await call('agent', 'up', { authorization: 'Bearer nonsense' })).status, 401);
    const { sessions } = await own.sessions();
    const opened = [];
    for (const { id } of sessions) opened.push(...(await own.entries(id)).entries.filter(({ kind }) => kind === 'session_opened'));
    assert.ok(opened.some(({ issuer, subject }) => issuer === 'cert:CN=ca' && subject === 'spiffe://acme/agent'), JSON.stringify(opened));
  } finally {
    await own.stop();
  }
});

test('check says what is wrong with certificates', async () => {
  const check = async (chain, key, more = '') => {
    const file = made.path('check.toml');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(file, `[[certificate]]\nchain = "${made.path(chain)}"\nkey = "${made.path(key)}"\n${more}[[server]]\nname = "a"\nurl = "https://h"\nanonymous = true\n`);
    const { code, said } = await run(program, ['check', '-c', file]);
    return { code, said };
  };
  assert.equal((await check('second.pem', 'second.key')).code, 0);
  for (const [chain, key, text] of [['none.pem', 'second.key', 'none.pem cannot be read'], ['second.pem', 'up.key', 'belongs to another certificate'],
    ['second.key', 'second.key', 'no certificate'], ['second.pem', 'second.pem', 'key cannot be read']]) {
    const { code, said } = await check(chain, key);
    assert.equal(code, 3, said);
    assert.match(said, new RegExp(text));
  }
  const { code, said } = await check('old.pem', 'old.key');
  assert.equal(code, 0, said);
  assert.match(said, /has expired on/);
});
