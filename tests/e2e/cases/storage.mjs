// cases/storage.mjs - when the database of approvals cannot be written (its disk is full, or another process holds its lock),
// calls that need people are refused in clear text and nothing of them is done; all other traffic goes on; and when the
// database is well again, so are approvals. One that is read-only from the start is no database for weir to start with.
// The file systems are real ones, made for the test.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { refusalOf, startAsking } from '../lib/approvals.mjs';
import { ask, eventually, modernCall } from '../lib/wire.mjs';

const execute = promisify(execFile);
const mounted = (options, place) => execute('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place]);
/** Whether this process may mount: else there is no disk to fill. */
const mayMount = await (async () => {
  const place = await mkdtemp(join(tmpdir(), 'weir-mount-'));
  try {
    await mounted('size=64k', place);
    await execute('umount', [place]);
    return true;
  } catch { return false; } finally { await rm(place, { recursive: true, force: true }); }
})();

/** What a call that needs people is answered, without its ticket: 'held' when it waits, else what was said against it. */
async function asked(url, tool, n) {
  const { body } = await ask(url, modernCall(tool, { n }, `${tool} ${n}`));
  const { result } = body;
  if (result.resultType === 'input_required') return 'held';
  return { code: refusalOf(result), text: result.content[0].text };
}

/** `break_` makes the database unwritable, `mend` makes it good again. */
async function trial({ url, desk, reached, weir }, break_, mend) {
  assert.equal(await asked(url, 'pay_before', 1), 'held');
  const ticket = await desk.ticket('pay_before', 'pending');
  await break_();
  let refused;
  for (let n = 2; ; ++n) { // A full disk may have room in what the database has already.
    refused = await asked(url, 'pay_broken', n);
    if (refused !== 'held') break;
    assert.ok(n < 400, 'never refused');
  }
  assert.equal(refused.code, 'approval_unavailable', JSON.stringify(refused));
  assert.match(refused.text, /^Not executed: .*approvals cannot be stored now/);
  const { code, said } = await weir.cli('approvals', 'approve', ticket.id);
  assert.equal(code, 1, said);
  assert.match(said, /nothing was decided/);
  for (let n = 0; n < 20; ++n) {
    const { status, body } = await ask(url, modernCall('free_of_it', { n }));
    assert.equal(status, 200);
    assert.notEqual(body.result.isError, true);
  }
  assert.equal(reached('pay_').length, 0);
  await mend();
  await eventually(async () => await asked(url, 'pay_after', 1) === 'held');
  await eventually(async () => (await weir.cli('approvals', 'approve', ticket.id)).code === 0);
  await eventually(async () => {
    const { body } = await ask(url, modernCall('pay_before', { n: 1 }, 'again'));
    return body.result?.content?.[0]?.text === '{"n":1}';
  });
  assert.equal(reached('pay_before').length, 1);
}

const limits = { hold: '100ms' };

test('another process holds the lock', async () => {
  const there = await startAsking({ limits });
  let other;
  try {
    await trial(there, async () => {
      const program = 'import sqlite3,sys\nd=sqlite3.connect(sys.argv[1],isolation_level=None)\nd.execute("BEGIN IMMEDIATE")\nprint("held",flush=True)\nsys.stdin.read()\n';
      other = spawn('python3', ['-c', program, join(there.weir.dir, 'state', 'weir.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
      await once(other.stdout, 'data');
    }, async () => {
      other.stdin.end();
      await once(other, 'exit');
    });
  } finally {
    other?.kill();
    await there.stop();
  }
});

/** A small disk with the database on it. */
async function withDisk(body) {
  const place = await mkdtemp(join(tmpdir(), 'weir-disk-'));
  await mounted('size=768k', place);
  await writeFile(join(place, 'weir.db'), '');
  try {
    await body(place, { limits, prepare: (dir) => symlink(join(place, 'weir.db'), join(dir, 'state', 'weir.db')) });
  } finally {
    await execute('umount', ['-l', place]);
    await rm(place, { recursive: true, force: true });
  }
}
const skip = mayMount ? false : 'this user may not mount';

test('the disk is full', { skip }, () => withDisk(async (place, options) => {
  const there = await startAsking(options);
  try {
    await trial(there, () => execute('sh', ['-c', 'cat /dev/zero > "$1/filler" || true', 'sh', place]), () => rm(join(place, 'filler')));
  } finally {
    await there.stop();
  }
}));

test('the disk is read-only: weir does not start, and says why', { skip }, () => withDisk(async (place, options) => {
  await execute('mount', ['-o', 'remount,ro', place]);
  await assert.rejects(startAsking(options), /approvals: .*weir\.db.*read-?only/);
}));
