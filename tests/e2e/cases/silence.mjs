// cases/silence.mjs - what must hold: a call whose server says nothing for 90 seconds is answered in the end, for every
// client, whether the answer has begun as an event stream or not; and so is a GET stream, and a subscription, on which
// nothing happened for as long. Sleeping is what is tested here; all of it happens at once.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { openClient, textOf } from '../lib/clients.mjs';
import { startServer, stopAll } from '../lib/processes.mjs';
import { startWeir } from '../lib/weir.mjs';

const ms = 90_000;
const patient = { timeout: 200_000 };
let modern;
let weir;
before(async () => {
  modern = await startServer('modern.mjs');
  weir = await startWeir({ servers: [{ name: 'modern', url: modern.url }] });
});
after(() => stopAll(weir, modern));

describe('90 seconds of silence', { concurrency: 16, timeout: 240_000 }, () => {
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
