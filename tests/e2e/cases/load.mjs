// cases/load.mjs - what must hold: two hundred sessions at once, over two workers, each see their own answers only, from
// their first request to their DELETE; and when all are gone, nothing of them is left in weir.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { openClient, textOf } from '../lib/clients.mjs';
import { startServer, stopAll } from '../lib/processes.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, atRest, legacyHeaders, openSession } from '../lib/wire.mjs';

let modern;
let weir;
before(async () => {
  modern = await startServer('modern.mjs');
  weir = await startWeir({ listen: { workers: 2 }, servers: [{ name: 'modern', url: modern.url }] });
});
after(() => stopAll(weir, modern));

const url = () => weir.url('modern');

test('two hundred sessions at once over two workers', async () => {
  const sessions = await Promise.all(Array.from({ length: 200 }, () => openSession(url(), '2025-11-25')));
  assert.equal(new Set(sessions.map(({ id }) => id)).size, 200);
  await Promise.all(sessions.map(async (session, number) => {
    for (let turn = 0; turn < 5; ++turn) {
      const answer = await ask(url(), { jsonrpc: '2.0', id: turn, method: 'tools/call', params: { name: 'echo', arguments: { number, turn } } },
                               { headers: legacyHeaders(session) });
      assert.equal(answer.status, 200);
      assert.equal(answer.body.id, turn);
      assert.equal(answer.body.result.content[0].text, JSON.stringify({ number, turn }));
    }
    const ended = await fetch(url(), { method: 'DELETE', headers: legacyHeaders(session) });
    assert.equal(ended.status, 200);
    const after = await ask(url(), { jsonrpc: '2.0', id: 'late', method: 'ping' }, { headers: legacyHeaders(session) });
    assert.equal(after.status, 404);
  }));
  await atRest(weir);
});

test('two hundred real clients at once, half of each era, with their streams open', async () => {
  const clients = await Promise.all(Array.from({ length: 200 }, (_, number) => openClient(number % 2 ? 'sdk' : 'modern', url())));
  await Promise.all(clients.map(async (one, number) => {
    for (let turn = 0; turn < 3; ++turn) {
      const steps = [];
      const result = await one.call('many_events', { count: 5 }, { onprogress: ({ progress }) => steps.push(progress) });
      assert.equal(textOf(result), 'sent 5');
      assert.deepEqual(steps, [1, 2, 3, 4, 5]);
      assert.equal(textOf(await one.call('echo', { number, turn })), JSON.stringify({ number, turn }));
    }
  }));
  await Promise.all(clients.map(async (one) => {
    if (one.era === 'legacy') await one.transport.terminateSession();
    await one.close();
  }));
  await atRest(weir);
});
