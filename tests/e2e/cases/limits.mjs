// cases/limits.mjs - what must hold of limits and of the end: each limit that an operator sets is kept, answered as
// docs/operating.md says, and counted; and a weir that drains says so to whoever still waits.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream } from '../lib/upstream.mjs';
import { program, startWeir } from '../lib/weir.mjs';
import { freePorts, run, stopAll } from '../lib/processes.mjs';
import { ask, eventually, modernCall } from '../lib/wire.mjs';

/** One weir for one test, with one upstream called `own`. */
async function place(t, options = {}) {
  const upstream = await startUpstream();
  const weir = await startWeir({ servers: [{ name: 'own', url: upstream.url }], listen: { workers: 1 }, ...options });
  t.after(() => stopAll(weir, upstream));
  return { upstream, weir, url: weir.url('own') };
}

test('what becomes of the runs of policies is counted, and only the operator\'s policies are', async (t) => {
  const limits = { policy_cpu_max: '1s' }; // so that only one that never ends is stopped by the clock
  const { weir, url } = await place(t, { limits, policies: { 'p.lua': `
policy "p/fails" { on = "request", match = { tools = { "fails" } }, decide = function(call) error("boom") end }
policy "p/spins" { on = "request", match = { tools = { "spins" } }, decide = function(call) while true do end end }
policy "p/grows" { on = "request", match = { tools = { "grows" } },
  decide = function(call) local s = "x" for i = 1, 40 do s = s .. s end return pass() end }
` } });
  for (const tool of ['fails', 'spins', 'grows', 'fails', 'fails', 'fails', 'fails', 'fails'])
    assert.equal((await ask(url, modernCall(tool))).body.result.isError, true);
  let gauges;
  await eventually(async () => { gauges = await weir.gauges(); return gauges.weir_policy_runs_total === 7; });
  assert.equal(gauges.weir_policy_run_errors_total, 7);
  assert.equal(gauges.weir_policy_timeouts_total, 1);
  assert.equal(gauges.weir_policy_out_of_memory_total, 1);
  assert.equal(gauges.weir_policy_suspended_total, 1);
  assert.ok(gauges.weir_policy_slow_total >= 1);
  const status = await weir.json('status');
  assert.equal(status.policies, 3);
  assert.equal(status.policy_timeouts, 1);
  assert.equal(status.policy_out_of_memory, 1);
  assert.equal(status.policy_suspended, 1);
});

test('a second weir does not listen where one does, and one that is killed is started again at once', async (t) => {
  const { weir, url } = await place(t);
  const config = (await readFile(weir.config, 'utf8')).replace(join(weir.dir, 'state'), join(weir.dir, 'other'));
  const [free] = await freePorts(1);
  for (const [taken, instead] of [[weir.port, weir.adminPort], [weir.adminPort, weir.port]]) { // Only one of the two is taken.
    const file = join(weir.dir, 'other.toml');
    await writeFile(file, config.replace(`127.0.0.1:${instead}`, `127.0.0.1:${free}`));
    const { code, said } = await run(program, ['run', '-c', file]);
    assert.equal(code, 1, said);
    assert.ok(said.includes(`cannot listen on 127.0.0.1:${taken}: another program listens there`), said);
  }
  assert.equal((await ask(url, modernCall('echo'))).status, 200);
  await weir.restart('SIGKILL');
  assert.equal((await ask(url, modernCall('echo'))).status, 200);
});

test('retain_bytes holds over the streams of all workers, and what was removed is told', async (t) => {
  const record = { segment_bytes: '1MiB', retain_bytes: '6MiB' };
  const { weir, url } = await place(t, { listen: { workers: 2 }, record });
  const filler = 'x'.repeat(200_000);
  await Promise.all(Array.from({ length: 6 }, async () => {
    for (let i = 0; i < 10; ++i) assert.equal((await ask(url, modernCall('echo', { filler }))).status, 200);
  }));
  let gauges;
  await eventually(async () => {
    gauges = await weir.gauges();
    return gauges.weir_record_segments_removed_total > 0 && gauges.weir_record_disk_bytes <= 6 << 20;
  });
  let told;
  await eventually(async () => { // An entry is written a moment behind what it tells.
    const { code, out } = await weir.cli('sessions', 'tail', '--json', '--no-follow', '--lines', '100000');
    assert.equal(code, 0);
    told = out.trim().split('\n').map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'pruned');
    return told.length > 0;
  });
  for (const { segment, first_seq: first, last_seq: last, bytes } of told) assert.ok(segment > 0 && last >= first && bytes > 0);
});
