// cases/kills.mjs - kill -9 at every step of a ticket's life, two hundred times over. After each the client asks again for
// the same, and somebody approves what waits, until there is a last word: the call ran once and its answer came, or it may
// have run and weir says that it does not know. What ran is counted at the upstream, in this process, which nobody kills.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { refusalOf } from '../lib/approvals.mjs';
import { startWeir } from '../lib/weir.mjs';
import { ask, eventually, modernCall } from '../lib/wire.mjs';

const lanes = 4, rounds = 50;
/** What happens in the life of a ticket; weir is killed some milliseconds behind one of these. */
const steps = ['asked', 'seen', 'approving', 'approved', 'reached', 'answering', 'answered'];
const behind_ms = [0, 1, 2, 4, 8];

/** An upstream that counts what it is asked to do, by the argument `n`. */
async function startCounting(life) {
  const effects = new Map();
  const server = createServer(async (request, response) => {
    let text = '';
    try { for await (const part of request) text += part; } catch { return; } // Cut before it was whole: nothing is done.
    const { id, params } = JSON.parse(text);
    const { n } = params.arguments;
    effects.set(n, (effects.get(n) ?? 0) + 1);
    life.emit('reached', n);
    await pause(3);
    life.emit('answering', n);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: `done ${n}` }] } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { effects, url: `http://127.0.0.1:${server.address().port}/mcp`,
           stop: () => { server.closeAllConnections(); server.close(); } };
}

/** Asks the control socket; rejects while weir is away. */
function control(weir, method, path, body) {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ socketPath: join(weir.dir, 'state', 'control.sock'), method, path,
      headers: body && { 'content-type': 'application/json' } }, async (answer) => {
      let text = '';
      try {
        for await (const part of answer) text += part;
        resolve({ status: answer.statusCode, body: JSON.parse(text) });
      } catch (error) { reject(error); }
    });
    asked.on('error', reject);
    asked.end(body && JSON.stringify(body));
  });
}

/** Somebody who approves whatever waits, until stopped. */
function startApproving(weir, life) {
  const approved = new Set(); // the arguments of calls that were given a yes, from before it is sent
  let stopped = false;
  const work = (async () => {
    while (!stopped) {
      await pause(2);
      try {
        const { body } = await control(weir, 'GET', '/api/v1/approvals');
        for (const { id, state } of body.approvals ?? []) {
          if (state !== 'pending') continue;
          const { body: ticket } = await control(weir, 'GET', `/api/v1/approvals/${id}`);
          const { n } = JSON.parse(ticket.body).params.arguments;
          life.emit('seen', n);
          approved.add(n);
          life.emit('approving', n);
          const { status } = await control(weir, 'POST', `/api/v1/approvals/${id}/decision`, { decision: 'approve', note: 'go' });
          if (status === 200) life.emit('approved', n);
        }
      } catch { /* weir is away, or was killed meanwhile */ }
    }
  })();
  return { approved, stop() { stopped = true; return work; } };
}

/** One round of asking, as a client of 2026-07-28 does it; undefined: weir went away meanwhile. */
async function askOnce(url, message) {
  let current = message;
  for (;;) {
    let answer;
    try {
      answer = await ask(url, current);
    } catch { return undefined; }
    const result = answer.body?.result;
    if (result === undefined && (answer.status >= 500 || answer.body?.error === undefined)) return undefined; // cut off
    assert.ok(result, `HTTP ${answer.status} ${JSON.stringify(answer.body)}`);
    if (result.resultType !== 'input_required') return result;
    current = { ...message, params: { ...message.params, requestState: result.requestState } };
  }
}

async function live(n, there) {
  const { weir, url, life } = there;
  const at = steps[n % steps.length], wait_ms = behind_ms[Math.floor(n / steps.length) % behind_ms.length];
  let killed;
  const kill = (about) => {
    if (about !== n || killed) return;
    killed = there.restarting = pause(wait_ms).then(() => weir.restart('SIGKILL'));
  };
  life.on(at, kill);
  let last;
  for (let turn = 1; last === undefined; ++turn) {
    assert.ok(turn < 200, `no last word about ${n}`);
    const asked = askOnce(url, modernCall('pay', { n }, `${n}-${turn}`));
    life.emit('asked', n);
    const result = await asked;
    if (result === undefined) await killed;
    else if (result._meta?.['dev.weir/approval'] === undefined && refusalOf(result) !== 'approval_unavailable') last = result;
    // else it waits, or a slow disk had no word of it: ask again
  }
  life.emit('answered', n);
  await killed;
  life.off(at, kill);
  return { last, killed: killed !== undefined };
}

describe('kill -9', { concurrency: lanes, timeout: 900_000 }, () => {
  for (let lane = 0; lane < lanes; ++lane) {
    test(`promises 3 and 4: a call has its effect once, whenever weir is killed: ${rounds} rounds, ${lane + 1} of ${lanes}`, async () => {
      const life = new EventEmitter();
      const upstream = await startCounting(life);
      const weir = await startWeir({
        servers: [{ name: 'own', url: upstream.url, default: 'block' }], listen: { workers: 1 }, limits: { hold: '300ms' },
        policies: { 'p.lua': 'policy "kills/ask" { on = "request", match = { tools = { "pay" } }, decide = approve { by = { "ops" }, within = "10m" } }' },
      });
      const people = startApproving(weir, life);
      const there = { weir, url: weir.url('own'), life, restarting: undefined };
      try {
        const outcomes = { done: 0, ambiguous: 0, killed: 0 };
        for (let round = 0; round < rounds; ++round) {
          const n = lane * rounds + round;
          const { last, killed } = await live(n, there);
          const effects = upstream.effects.get(n) ?? 0;
          if (killed) ++outcomes.killed;
          if (last.isError) {
            assert.equal(refusalOf(last), 'approval_ambiguous', JSON.stringify(last));
            assert.ok(killed && effects <= 1, `${n}: ${effects} effects`);
            ++outcomes.ambiguous;
          } else {
            assert.equal(last.content[0].text, `done ${n}`);
            assert.equal(effects, 1, `${n}: ${effects} effects of an answered call`);
            ++outcomes.done;
          }
          assert.ok(effects === 0 || people.approved.has(n), `${n} ran without a yes`);
        }
        assert.equal(outcomes.killed, rounds);
        assert.ok(outcomes.done > 0 && outcomes.ambiguous > 0, JSON.stringify(outcomes));

        // What ran is in the record as approved and taken, and each ticket has one decision and at most one run.
        let approvals;
        await eventually(async () => {
          ({ approvals } = await weir.json('approvals', 'list', '--all'));
          return approvals.every(({ state }) => state === 'answered' || state === 'ambiguous');
        });
        const { sessions } = await weir.sessions();
        const told = (await Promise.all(sessions.map(({ id }) => weir.entries(id)))).flatMap(({ entries }) => entries)
          .filter(({ worker }) => worker === 'control');
        const ran = new Set();
        for (const { id } of approvals) {
          const kinds = told.filter(({ ticket }) => ticket === id).map(({ kind }) => kind);
          assert.deepEqual(kinds.slice(0, 2), ['held', 'approved'], `${id}: ${kinds}`);
          assert.ok(kinds.filter((kind) => kind === 'executing').length <= 1, `${id}: ${kinds}`);
          const { body } = await weir.json('approvals', 'show', id);
          if (kinds.includes('executing')) ran.add(JSON.parse(body).params.arguments.n);
        }
        for (const n of upstream.effects.keys()) assert.ok(ran.has(n), `${n} ran and the record does not say so`);
      } finally {
        await people.stop();
        await there.restarting?.catch(() => {});
        await weir.stop().finally(() => upstream.stop());
      }
    });
  }
});
