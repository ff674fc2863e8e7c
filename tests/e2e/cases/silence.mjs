// cases/silence.mjs - what must hold: a call whose server says nothing for 90 seconds is answered in the end, for every
// client, whether the answer has begun as an event stream or not; and so is a GET stream, and a subscription, on which
// nothing happened for as long. Sleeping is what is tested here; all of it happens at once.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { openClient, textOf } from '../lib/clients.mjs';
import { startServer, stopAll } from '../lib/processes.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, modernCall, modernRequest, post, readEvents } from '../lib/wire.mjs';

const ms = 90_000;
const patient = { timeout: 600_000 };
let modern;
let upstream;
let weir;
before(async () => {
  [modern, upstream] = await Promise.all([startServer('modern.mjs'), startUpstream()]);
  weir = await startWeir({ servers: [{ name: 'modern', url: modern.url }, { name: 'own', url: upstream.url }] });
});
after(() => stopAll(weir, modern, upstream));

describe('90 seconds of silence', { concurrency: 16, timeout: 900_000 }, () => {
  test('row 25: a stream on which nothing happens carries a comment every 15 seconds', async () => {
    const response = await post(weir.url('own'), modernCall('hold', { key: 'quiet', begin: true }));
    setTimeout(() => upstream.release('quiet'), 80_000); // Time for five.
    const { comments, events } = await readEvents(response);
    assert.ok(comments >= 3, `${comments} comments in 80 s`);
    assert.equal(JSON.parse(events.at(-1).data).result.content[0].text, 'held');
  });
  test('row 9: a status that the upstream decides on after 35 seconds is still the client\'s', async () => {
    upstream.answer(({ body }, res) => {
      if (body?.method !== 'late/method') return false;
      setTimeout(() => {
        res.writeHead(404, { 'content-type': 'application/json' });
        res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, error: { code: -32601, message: 'Method not found' } }));
      }, 35_000);
      return true;
    });
    const answer = await ask(weir.url('own'), modernRequest('late/method', {}, 'late'));
    assert.equal(answer.status, 404);
    assert.equal(answer.body.error.code, -32601);
  });
  for (const kind of ['sdk', 'legacy', 'auto', 'modern']) {
    test(`in a call whose stream has begun (${kind})`, async () => {
      const opened = await openClient(kind, weir.url('modern'));
      const steps = [];
      const result = await opened.call('silence', { ms }, { ...patient, onprogress: ({ progress }) => steps.push(progress) });
      assert.equal(textOf(result), `was silent for ${ms} ms`);
      assert.deepEqual(steps, [1]);
      await opened.close();
    });
    test(`in a call that has not been answered at all (${kind})`, async () => {
      const opened = await openClient(kind, weir.url('modern'));
      assert.equal(textOf(await opened.call('silence', { ms }, patient)), `was silent for ${ms} ms`);
      await opened.close();
    });
    test(`between two changes that a listener is told of (${kind})`, async () => {
      const opened = await openClient(kind, weir.url('modern'));
      const subscription = opened.era === 'modern' ? await opened.client.listen({ promptsListChanged: true }) : undefined;
      await opened.call('test_trigger_prompt_change');
      await opened.notice('notifications/prompts/list_changed');
      await new Promise((resolve) => { setTimeout(resolve, ms); });
      await opened.call('test_trigger_prompt_change');
      await opened.notice('notifications/prompts/list_changed');
      await subscription?.close();
      await opened.close();
    });
  }
});
