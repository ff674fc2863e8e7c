// cases/approvals.mjs - what must hold of calls that wait for people: the seven promises, by their names; every SDK client,
// unmodified, gets the approved answer, however long people take; and the command line decides, tells and watches. The
// effects of a call are counted at its upstream. All tests run at once, each with tools of its own; those that end a
// weir, count what it counts or need other limits have their own. Some sleep: how long people take is what they are about.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { briefly, Desk, pendingOf, policies, refusalOf, startAsking } from '../lib/approvals.mjs';
import { elicited, openClient, textOf } from '../lib/clients.mjs';
import { end, freePorts, start, stopAll, until } from '../lib/processes.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { program, startWeir } from '../lib/weir.mjs';
import { answerOf, ask, eventually, initialize, legacyHeaders, modernCall, modernHeaders, modernRequest, openSession, post } from '../lib/wire.mjs';

let own;
let brief; // for who waits until a hold is over
let slow; // with the limits that operators get
const operators = { limits: { hold: '45s' } }, sdks = { timeout: 60_000 }; // what calls get from their SDK
before(async () => { [own, brief, slow] = await Promise.all([startAsking(), startAsking({ limits: briefly }), startAsking(operators)]); });
after(() => stopAll(own, brief, slow));

/** `body` with a weir and an upstream of its own. */
const alone = (body, options) => async () => {
  const there = await startAsking(options);
  try {
    await body(there);
  } finally {
    await there.stop();
  }
};
const legacyCall = (name, args, id = 1) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });
const withState = (message, requestState) => ({ ...message, params: { ...message.params, requestState } });
const resultOf = ({ body }) => { assert.ok(body?.result, JSON.stringify(body)); return body.result; };
const later = (seconds) => new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });

/** Asks as SDKs do: again with the state that came, as long as one comes. */
async function askOn(url, message, { state, send = ask } = {}) {
  for (let current = state === undefined ? message : withState(message, state); ;) {
    const result = resultOf(await send(url, current));
    if (result.resultType !== 'input_required') return result;
    current = withState(message, result.requestState);
  }
}

/** As ask, over a connection of its own, which any worker may get. */
const askAlone = (url, message) => new Promise((resolve, reject) => {
  const sent = request(url, { method: 'POST', agent: false,
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...modernHeaders(message) } }, (res) => {
    const headers = new Headers({ 'content-type': res.headers['content-type'] ?? '' });
    const pieces = [];
    res.on('data', (piece) => pieces.push(piece)).on('error', reject);
    res.on('end', () => answerOf(new Response(Buffer.concat(pieces), { status: res.statusCode, headers })).then(resolve, reject));
  });
  sent.on('error', reject).end(JSON.stringify(message));
});

/** The kinds of entries that the record has of the ticket and of the calls that it held, in order of time. */
async function storyOf(weir, ticket) {
  const { sessions } = await weir.sessions();
  const all = (await Promise.all(sessions.map(({ id }) => weir.entries(id)))).flatMap(({ entries }) => entries);
  const calls = new Set(all.filter((entry) => entry.ticket === ticket && entry.exchange !== 0).map(({ worker, exchange }) => `${worker} ${exchange}`));
  return all.filter((entry) => entry.ticket === ticket || calls.has(`${entry.worker} ${entry.exchange}`))
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}
const namesOf = (story) => story.map(({ kind, worker }) => (worker === 'control' ? `people: ${kind}` : kind));
const peopleOf = (story) => namesOf(story).filter((name) => name.startsWith('people: '));
/** The story once `good` says that it is all there: an entry is written a moment behind what it tells. */
async function storyOnce(weir, ticket, good) {
  let story;
  await eventually(async () => good(story = await storyOf(weir, ticket)));
  return story;
}
/** Once `weir` knows that no client waits there any more; it counts the one that asks it. */
const deserted = (weir) => eventually(async () => (await weir.gauges()).weir_exchanges_open === 1);

describe('calls that wait for people', { concurrency: 12, timeout: 900_000 }, () => {
  for (const kind of ['sdk', 'legacy', 'auto', 'modern']) {
    const client = (body, from = () => own, options) => async () => {
      const there = from();
      const opened = await openClient(kind, there.url, options);
      try {
        await body(opened, there);
      } finally {
        await opened.close();
      }
    };
    const counted = () => {
      const calls = { count: 0 };
      return [calls, { fetch: (input, init) => {
        if (typeof init?.body === 'string' && init.body.includes('"tools/call"')) ++calls.count;
        return fetch(input, init);
      } }];
    };

    test(`a call is answered once it is approved (${kind})`, client(async ({ call }, { desk, reached }) => {
      const tool = `pay_soon_${kind}`;
      const answer = call(tool, { amount: 900 });
      const ticket = await desk.ticket(tool, 'pending');
      assert.equal(reached(tool).length, 0);
      const { state, decided_by } = await desk.decide(tool);
      assert.equal(state, 'approved');
      assert.match(decided_by, /^unix:\d+:\S+$/);
      const result = await answer;
      assert.notEqual(result.isError, true);
      assert.deepEqual(JSON.parse(textOf(result)), { amount: 900 });
      assert.equal(reached(tool).length, 1);
      await eventually(async () => (await desk.show(ticket.id)).state === 'answered');
    }));
    {
      const [calls, options] = counted();
      test(`a call is answered though people take longer than a hold (${kind})`, client(async ({ call, era }, { desk, reached }) => {
        const tool = `pay_late_${kind}`;
        const answer = call(tool, { amount: 1 });
        if (era === 'modern') {
          await eventually(() => calls.count >= 3); // It has asked by itself again, twice.
          await desk.decide(tool);
          assert.deepEqual(JSON.parse(textOf(await answer)), { amount: 1 });
        } else {
          const pending = await answer;
          assert.equal(pending.isError, true);
          assert.equal(pending.structuredContent, undefined);
          assert.match(textOf(pending), /^Not executed: .*approval.*money moves.*exactly the same arguments/);
          const { id } = await desk.ticket(tool, 'pending');
          assert.equal(pendingOf(pending), id);
          assert.equal(reached(tool).length, 0);
          await desk.decide(tool);
          assert.deepEqual(JSON.parse(textOf(await call(tool, { amount: 1 }))), { amount: 1 });
        }
        assert.equal(reached(tool).length, 1);
        assert.equal((await desk.all(tool)).length, 1);
      }, () => brief, options));
    }
    test(`a refusal is told with its reason, and stands (${kind})`, client(async ({ call }, { desk, reached }) => {
      const tool = `pay_denied_${kind}`;
      const answer = call(tool);
      await desk.decide(tool, 'deny', '--reason', 'not on a Friday');
      for (const result of [await answer, await call(tool)]) {
        assert.equal(result.isError, true);
        assert.match(textOf(result), /^Not executed: .*refused: not on a Friday/);
        assert.equal(refusalOf(result), 'approval_denied');
      }
      assert.equal(reached(tool).length, 0);
      assert.equal((await desk.all(tool)).length, 1);
    }));
    test(`progress names the ticket at once (${kind})`, client(async ({ call }, { desk, reached }) => {
      const tool = `pay_told_${kind}`;
      const told = [];
      const answer = call(tool, {}, { onprogress: (one) => told.push(one) });
      await eventually(() => told.length > 0);
      const { id } = await desk.ticket(tool, 'pending');
      assert.equal(told[0].message, `waiting for approval ${id}`);
      await desk.decide(tool);
      assert.notEqual((await answer).isError, true);
      assert.equal(reached(tool).length, 1);
    }));
    const inRounds = kind === 'auto' || kind === 'modern';
    test(`people take 50 seconds, with the limits that operators get (${kind})`, client(async ({ call }, { desk, reached }) => {
      const tool = `pay_50s_${kind}`;
      const answer = call(tool);
      await desk.ticket(tool, 'pending');
      await later(50);
      await desk.decide(tool);
      const first = await answer;
      if (!inRounds) assert.ok(pendingOf(first));
      assert.notEqual((inRounds ? first : await call(tool)).isError, true);
      assert.equal(reached(tool).length, 1);
    }, () => slow, sdks));
    if (inRounds)
      test(`people take three minutes, and the client asks on by itself (${kind})`, client(async ({ call }, { desk, reached }) => {
        const tool = `pay_180s_${kind}`;
        const answer = call(tool);
        await desk.ticket(tool, 'pending');
        await later(180);
        await desk.decide(tool);
        assert.notEqual((await answer).isError, true);
        assert.equal(reached(tool).length, 1);
      }, () => slow, sdks));
  }

  test('promise 1: not one octet of a held call reaches its upstream before it is approved', async () => {
    const { url, desk, reached, weir } = brief;
    const tool = 'pay_first';
    const session = await openSession(url);
    const tries = [];
    for (let i = 0; i < 8; ++i) {
      tries.push(ask(url, modernCall(tool, { n: 1 }, `m${i}`)));
      tries.push(ask(url, legacyCall(tool, { n: 1 }, i), { headers: legacyHeaders(session) }));
      tries.push(ask(url, withState(modernCall(tool, { n: 1 }, `s${i}`), 'not a state of yours')));
    }
    await desk.ticket(tool, 'pending');
    const answers = await Promise.all(tries);
    assert.equal(reached(tool).length, 0);
    for (const { status, body } of answers) {
      assert.equal(status, 200);
      if (body.result.resultType !== 'input_required') assert.ok(pendingOf(body.result), JSON.stringify(body));
    }
    const { requestState } = answers[0].body.result;
    // A state is no permission: not for other arguments, not changed, not twice in a row.
    for (const state of [requestState, `${requestState.slice(0, -2)}AA`]) {
      const { body } = await ask(url, withState(modernCall(tool, { n: state === requestState ? 2 : 1 }, 9), state));
      if (state === requestState) assert.equal(body.error.code, -32602, JSON.stringify(body));
      else assert.ok(body.error?.code === -32602 || body.result.resultType === 'input_required', JSON.stringify(body));
    }
    const old = await openSession(url, '2025-03-26');
    const batch = await ask(url, [legacyCall(tool, { n: 1 }, 'b')], { headers: legacyHeaders(old) });
    assert.equal(refusalOf(batch.body[0].result), 'approval_needed', JSON.stringify(batch.body));
    assert.equal(reached(tool).length, 0);
    assert.equal((await weir.gauges()).weir_approvals_waiting > 0, true);
    await desk.decide(tool, 'deny');
    assert.equal(reached(tool).length, 0);
  });

  test('promise 1: whichever worker a call lands on, and whatever that one knows of the tool, it is the same call', async () => {
    const { url, desk, reached, upstream } = brief;
    const tool = 'pay_everywhere';
    upstream.tools.push({ name: tool, description: 'pays', inputSchema: { type: 'object' } });
    assert.equal((await askAlone(url, modernCall(tool, { n: 1 }, 'unlisted'))).body.result.resultType, 'input_required');
    const list = await ask(url, modernRequest('tools/list'));
    assert.ok(list.body.result.tools.some(({ name }) => name === tool));
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => askAlone(url, modernCall(tool, { n: 1 }, i))));
    assert.equal((await desk.all(tool)).length, 1);
    // Each state is good on each worker.
    const again = Promise.all(answers.map(({ body }, i) =>
      askOn(url, modernCall(tool, { n: 1 }, `again ${i}`), { state: body.result.requestState, send: askAlone })));
    await desk.decide(tool);
    for (const { content } of await again) assert.deepEqual(JSON.parse(content[0].text), { n: 1 });
    assert.equal(reached(tool).length, 1);
  });

  test('promise 2: what was approved is what runs, octet by octet, for whoever asks for the same', async () => {
    const { url, desk, reached } = brief;
    const tool = 'pay_same';
    const params = `{"name":"${tool}","arguments":{"amount":900.10,"to":"B\\u00f6rse","big":9007199254740993}}`;
    const text = (inside, id) => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${inside}}`;
    const session = await openSession(url);
    const headers = legacyHeaders(session);
    assert.ok(pendingOf(resultOf(await ask(url, text(params, 1), { headers }))));
    const ticket = await desk.show((await desk.ticket(tool, 'pending')).id);
    // The parsed view written once: numbers and order as they came, strings with the escapes that JSON needs.
    const kept = params.replace('\\u00f6', 'ö');
    assert.equal(ticket.body, `{"method":"tools/call","params":${kept}}`);
    await desk.decide(tool);
    // The same call, written otherwise.
    const again = await ask(url, text(`{ "_meta" : {"progressToken":"mine"}, "arguments":{"big":9007199254740993, "to":"Börse","amount":900.10}, "name":"${tool}"}`, '"again"'), { headers });
    assert.equal(again.body.id, 'again');
    assert.notEqual(resultOf(again).isError, true);
    assert.equal(reached(tool).length, 1);
    const [sent] = reached(tool);
    assert.equal(sent.text, `{"jsonrpc":"2.0","id":"again","method":"tools/call","params":{"_meta":{"progressToken":"mine"},${kept.slice(1)}}`);
    assert.equal((await desk.all(tool)).length, 1);
  });

  test('promise 2: one changed octet is another call, and waits for itself', async () => {
    const { url, desk, reached } = brief;
    const tool = 'pay_changed';
    let id1 = 0;
    const ask1 = (args) => ask(url, `{"jsonrpc":"2.0","id":${++id1},"method":"tools/call","params":{"name":"${tool}","arguments":${args}}}`,
                               { headers: legacyHeaders(session) });
    const session = await openSession(url);
    await ask1('{"amount":900}');
    const { id } = await desk.ticket(tool, 'pending');
    await desk.weir.json('approvals', 'approve', id);
    const others = ['{"amount":901}', '{"amount":900.0}', '{"amount":9e2}', '{"amount":"900"}', '{"amount":900,"x":null}', '{"Amount":900}', '{}'];
    const answers = await Promise.all(others.map(ask1));
    const ids = new Set(answers.map((answer) => pendingOf(resultOf(answer))));
    assert.equal(ids.size, others.length);
    assert.equal(ids.has(id), false);
    assert.equal(reached(tool).length, 0);
    assert.equal(resultOf(await ask1('{"amount":900}')).isError, undefined);
    assert.equal(reached(tool).length, 1);
  });

  test('promise 3: of all who ask for the same one runs it, and all get its answer', alone(async ({ url, desk, reached, upstream }) => {
    const tool = 'pay_race';
    const session = await openSession(url);
    const racers = [];
    for (let i = 0; i < 10; ++i) {
      racers.push(askOn(url, modernCall(tool, { n: 1 }, `m${i}`)));
      racers.push(ask(url, legacyCall(tool, { n: 1 }, i), { headers: legacyHeaders(session) }).then(resultOf));
    }
    await eventually(async () => (await desk.all(tool)).length === 1 && (await desk.weir.gauges()).weir_held_total === 20);
    await desk.decide(tool);
    for (const result of await Promise.all(racers)) assert.deepEqual(JSON.parse(result.content[0].text), { n: 1 });
    assert.equal(reached(tool).length, 1);
    assert.equal(upstream.requests.filter(({ text }) => text.includes(tool)).length, 1);
  }));

  test('promise 3: two retries race for a grant that nobody used, and one call runs', alone(async ({ url, desk, reached, upstream, weir }) => {
    const args = { key: 'two' };
    const session = await openSession(url);
    const once = (id, more) => ask(url, legacyCall('hold', args, id), { headers: legacyHeaders(session), ...more });
    const leaving = new AbortController();
    const left = once(1, { signal: leaving.signal }).catch((error) => error.name);
    await desk.ticket('hold', 'pending');
    leaving.abort();
    assert.equal(await left, 'AbortError');
    await deserted(weir);
    await desk.decide('hold');
    const two = [once(2), once(3)];
    await eventually(async () => (await weir.gauges()).weir_held_total === 3); // Who comes when all is over asks for another.
    upstream.release('two');
    for (const answer of await Promise.all(two)) assert.equal(resultOf(answer).content[0].text, 'held');
    assert.equal(reached('"two"').length, 1);
  }));

  test('promise 3: a call whose connection broke behind its first octet is not sent again', alone(async ({ url, desk, reached, upstream, weir }) => {
    const tool = 'pay_broken';
    upstream.answer((request, res) => {
      if (request.body?.params?.name !== tool) return false;
      res.destroy();
      return true;
    });
    const answer = askOn(url, modernCall(tool, { n: 1 })).catch((error) => error);
    const { id } = await desk.ticket(tool, 'pending');
    await desk.decide(tool);
    await answer;
    await eventually(async () => (await desk.show(id)).state === 'ambiguous');
    assert.equal(reached(tool).length, 1);
    // Who asks again learns that it may have run; who asks once more has a ticket that says so.
    const told = resultOf(await ask(url, modernCall(tool, { n: 1 }, 2)));
    assert.equal(refusalOf(told), 'approval_ambiguous');
    assert.match(told.content[0].text, /may have run/);
    const next = ask(url, modernCall(tool, { n: 1 }, 3));
    const anew = await desk.ticket(tool, 'pending');
    assert.notEqual(anew.id, id);
    assert.match(anew.reason, /may already have run/);
    await desk.decide(tool, 'deny');
    await next;
    assert.equal(reached(tool).length, 1);
    await storyOnce(weir, id, (story) => namesOf(story).includes('ambiguous'));
  }));

  test('promise 3: a server that cannot be reached uses up no approval', async () => {
    const [port] = await freePorts(1);
    const weir = await startWeir({ policies, servers: [{ name: 'own', url: `http://127.0.0.1:${port}/mcp` }], limits: { hold: '10m' } });
    const desk = new Desk(weir);
    let upstream;
    try {
      const answer = ask(weir.url('own'), modernCall('pay_nobody_there', { n: 1 }));
      const { id } = await desk.decide('pay_nobody_there');
      assert.equal((await answer).body.error !== undefined, true);
      await eventually(async () => (await desk.show(id)).state === 'approved');
      upstream = await startUpstream(port);
      assert.deepEqual(JSON.parse((await askOn(weir.url('own'), modernCall('pay_nobody_there', { n: 1 }, 2))).content[0].text), { n: 1 });
      assert.equal(upstream.requests.length, 1);
      await eventually(async () => (await desk.show(id)).state === 'answered');
    } finally {
      await stopAll(weir, upstream);
    }
  });

  test('what opens a session does not wait: to ask for people there is to say no', async () => {
    const upstream = await startUpstream();
    const weir = await startWeir({
      servers: [{ name: 'own', url: upstream.url }],
      policies: { 'open.lua': 'policy "open/ask" { on = "request", match = { methods = "initialize" }, decide = approve{ by = { "sre" }, reason = "who comes" } }' },
    });
    try {
      const answer = await ask(weir.url('own'), initialize('2025-11-25'));
      assert.equal(answer.body.id, 'init');
      assert.notEqual(answer.body.error, undefined);
      assert.equal(upstream.requests.length, 0);
      assert.deepEqual((await weir.json('approvals', 'list', '--all')).approvals, []);
    } finally {
      await stopAll(weir, upstream);
    }
  });

  test('promise 4: a client that leaves loses nothing: the ticket stays, and the grant waits for the same call', alone(async ({ url, desk, reached, weir }) => {
    const tool = 'pay_left';
    const leaving = new AbortController();
    const left = post(url, modernCall(tool, { n: 1 }), { signal: leaving.signal }).then((response) => response.text()).catch((error) => error.name);
    const { id } = await desk.ticket(tool, 'pending');
    leaving.abort();
    assert.equal(await left, 'AbortError');
    await deserted(weir);
    await desk.decide(tool);
    const session = await openSession(url); // Whatever else happens meanwhile, nobody waits, so nothing runs.
    assert.equal((await desk.show(id)).state, 'approved');
    assert.equal(reached(tool).length, 0);
    assert.equal(resultOf(await ask(url, legacyCall(tool, { n: 1 }), { headers: legacyHeaders(session) })).isError, undefined);
    assert.equal(reached(tool).length, 1);
    await eventually(async () => (await desk.show(id)).state === 'answered');
  }));

  test('promise 4: a client that leaves while its approved call runs gets the answer when it asks again', alone(async ({ url, desk, reached, upstream, weir }) => {
    const args = { key: 'detached' };
    const leaving = new AbortController();
    const left = post(url, modernCall('hold', args), { signal: leaving.signal }).catch((error) => error.name);
    const { id } = await desk.ticket('hold', 'pending');
    await desk.decide('hold');
    await upstream.reached('detached');
    leaving.abort();
    await left;
    const joined = askOn(url, modernCall('hold', args, 'joined'));
    await eventually(async () => (await weir.gauges()).weir_held_total === 2);
    assert.equal((await desk.show(id)).state, 'executing');
    upstream.release('detached');
    assert.equal(await upstream.outcome('detached'), 'finished');
    assert.equal((await joined).content[0].text, 'held');
    assert.equal(reached('"detached"').length, 1);
  }));

  for (const signal of ['SIGTERM', 'SIGKILL'])
    test(`promise 4: a ticket outlives a weir that ends with ${signal}, while it waits and after it was approved`, alone(async ({ url, desk, reached, weir }) => {
      const tool = 'pay_restart';
      const call = (n, id) => ask(url, modernCall(tool, { n }, id)).catch((error) => error);
      const waiting = [call(1, 1), call(2, 2)];
      await eventually(async () => (await desk.all(tool)).length === 2);
      const before = await desk.all(tool);
      await weir.restart(signal);
      const said = await Promise.all(waiting);
      for (const each of said)
        if (signal === 'SIGTERM') assert.ok(pendingOf(resultOf(each)), JSON.stringify(each.body));
      assert.deepEqual((await desk.all(tool)).map(({ id, state, digest, expires_unix_ns }) => [id, state, digest, expires_unix_ns]),
                       before.map(({ id, digest, expires_unix_ns }) => [id, 'pending', digest, expires_unix_ns]));
      await Promise.all(before.map(({ id }) => weir.json('approvals', 'approve', id)));
      await weir.restart(signal);
      for (const { id } of before) assert.equal((await desk.show(id)).state, 'approved');
      assert.equal(reached(tool).length, 0);
      for (const n of [1, 2]) assert.deepEqual(JSON.parse((await askOn(url, modernCall(tool, { n }, `after ${n}`))).content[0].text), { n });
      assert.equal(reached(tool).length, 2);
      for (const { id } of before) await eventually(async () => (await desk.show(id)).state === 'answered');
      await weir.restart(signal);
      for (const { id } of before) assert.equal((await desk.show(id)).state, 'answered');
    }));

  test('promise 4: what ran when weir was killed is ambiguous afterwards, and is not run again', alone(async ({ url, desk, reached, upstream, weir }) => {
    const cut = post(url, modernCall('hold', { key: 'killed' })).then(answerOf).catch((error) => error);
    const { id } = await desk.ticket('hold', 'pending');
    await desk.decide('hold');
    await upstream.reached('killed');
    await weir.restart('SIGKILL');
    await cut;
    assert.equal((await desk.show(id)).state, 'ambiguous');
    const told = resultOf(await ask(url, modernCall('hold', { key: 'killed' }, 2)));
    assert.equal(refusalOf(told), 'approval_ambiguous');
    assert.equal(reached('"killed"').length, 1);
    const story = await storyOnce(weir, id, (one) => namesOf(one).includes('people: ambiguous'));
    assert.deepEqual(peopleOf(story), ['people: held', 'people: approved', 'people: executing', 'people: ambiguous']);
  }));

  test('promise 5: no answer is a no', async () => {
    const { url, desk, reached, weir } = own;
    const tool = 'brief_unanswered';
    const refused = await askOn(url, modernCall(tool, { n: 1 }));
    assert.equal(refusalOf(refused), 'approval_expired');
    assert.match(refused.content[0].text, /^Not executed: nobody decided/);
    const { id, state } = await desk.ticket(tool);
    assert.equal(state, 'expired');
    const { code, said } = await weir.cli('approvals', 'approve', id);
    assert.equal(code, 8);
    assert.match(said, new RegExp(`${id} is expired already, decided by weir|${id} is expired already`));
    assert.equal(reached(tool).length, 0);
    const story = await storyOnce(weir, id, (one) => namesOf(one).includes('people: expired') && namesOf(one).includes('answered'));
    assert.deepEqual(peopleOf(story), ['people: held', 'people: expired']);
    assert.equal(namesOf(story).includes('forwarded'), false);
  });

  test('promise 5: an approval that nobody uses in time is over, too', alone(async ({ url, desk, reached, weir }) => {
    const tool = 'pay_unused';
    const leaving = new AbortController();
    const left = post(url, modernCall(tool, { n: 1 }), { signal: leaving.signal }).catch(() => {});
    const { id } = await desk.ticket(tool, 'pending');
    leaving.abort();
    await left;
    await deserted(weir);
    await desk.decide(tool);
    await eventually(async () => (await desk.show(id)).state === 'expired');
    const next = ask(url, modernCall(tool, { n: 1 }, 2));
    assert.equal(refusalOf(resultOf(await next)), 'approval_expired');
    assert.equal(reached(tool).length, 0);
    assert.equal((await weir.cli('approvals', 'revoke', id)).code, 8);
  }, { limits: { claim_max: '1s' } }));

  test('promise 6: the record has every turn, in order: asked, held, decided, forwarded, answered', alone(async ({ url, desk, weir }) => {
    const tool = 'pay_recorded';
    const session = await openSession(url);
    const once = () => ask(url, legacyCall(tool, { n: 1 }), { headers: legacyHeaders(session) });
    assert.ok(pendingOf(resultOf(await once())));
    const { id, digest } = await desk.ticket(tool, 'pending');
    await desk.decide(tool, 'approve', '--reason', 'seen and good');
    assert.equal(resultOf(await once()).isError, undefined);
    const story = await storyOnce(weir, id, (one) => one.length >= 12);
    assert.deepEqual(namesOf(story).filter((name) => !name.startsWith('people: ')),
                     ['asked', 'held', 'answered', 'asked', 'held', 'allowed', 'forwarded', 'answered']);
    assert.deepEqual(peopleOf(story), ['people: held', 'people: approved', 'people: executing', 'people: answered']);
    const at = (name) => namesOf(story).indexOf(name);
    assert.ok(at('asked') < at('people: held') && at('people: held') <= at('held') && at('answered') < at('people: approved'));
    assert.ok(at('people: approved') < at('allowed') && at('people: executing') < at('forwarded'));
    assert.ok(story.filter(({ worker }) => worker === 'control').every((entry) => entry.ticket === id && entry.sha256 === digest));
    const approved = story[at('people: approved')];
    assert.match(approved.by, /^unix:\d+:\S+$/);
    assert.equal(approved.text, 'seen and good');
    const allowed = story.find(({ kind }) => kind === 'allowed');
    assert.equal(allowed.ticket, id);
    assert.equal(allowed.reason, 'approved');
    const { out } = await weir.cli('sessions', 'show', 'last');
    assert.match(out, new RegExp(`\\tcontrol\\t\\d+\\t0\\tapproved\\t${id}, by unix:\\d+:\\S+, seen and good\\n`));
  }, { limits: briefly }));

  test('promise 7: an approval never overrides a block: policies are asked again', alone(async ({ url, desk, reached, weir }) => {
    const tools = ['pay_blocked', 'pay_waits'];
    const left = tools.map((tool) => ask(url, modernCall(tool, { n: 1 })).catch((error) => error));
    await Promise.all(tools.map((tool) => desk.ticket(tool, 'pending')));
    const { id } = await desk.decide(tools[0]);
    await left[0];
    const here = reached(tools[0]).length; // It ran at once for who still waited.
    assert.equal(here, 1);
    await weir.json('approvals', 'show', id);
    const waits = await desk.ticket(tools[1], 'pending');
    await weir.restart('SIGTERM', () => writeFile(join(weir.dir, 'policies', 'more.lua'),
      'policy "people/never" { on = "request", match = { tools = { "pay_waits" } }, decide = block("not any more", { code = "never" }) }\n'));
    await left[1];
    await weir.json('approvals', 'approve', waits.id);
    const refused = resultOf(await ask(url, modernCall(tools[1], { n: 1 }, 2)));
    assert.equal(refused.isError, true);
    assert.match(refused.content[0].text, /not any more/);
    assert.equal(reached(tools[1]).length, 0);
    assert.equal((await desk.show(waits.id)).state, 'approved'); // and never used
    await weir.json('approvals', 'revoke', waits.id);
    assert.equal((await desk.show(waits.id)).state, 'revoked');
  }));

  test('promise 7: a tool that was changed is asked about again, before and after the approval', alone(async ({ url, desk, reached, upstream }) => {
    const tool = 'pay_changing';
    const definition = { name: tool, description: 'pays', inputSchema: { type: 'object' } };
    upstream.tools.push(definition);
    const list = (description) => {
      definition.description = description;
      return ask(url, modernRequest('tools/list'));
    };
    await list('pays');
    const first = askOn(url, modernCall(tool, { n: 1 }, 1));
    const asked = await desk.ticket(tool, 'pending');
    await list('pays twice');
    await desk.decide(tool); // of what the approver saw: the tool as it was
    const told = await first;
    assert.equal(refusalOf(told), 'approval_denied');
    assert.match(told.content[0].text, /the tool was changed/);
    assert.equal(reached(`"${tool}","arguments"`).length, 0);
    const second = askOn(url, modernCall(tool, { n: 1 }, 2));
    const anew = await desk.ticket(tool, 'pending');
    assert.notEqual(anew.id, asked.id);
    await eventually(async () => (await desk.show(asked.id)).state === 'revoked');
    await desk.decide(tool);
    assert.deepEqual(JSON.parse((await second).content[0].text), { n: 1 });
    assert.equal(reached(`"${tool}","arguments"`).length, 1);
  }));

  test('a server that asks for input first gets it under the same approval', alone(async ({ url, desk, upstream, weir }) => {
    const tool = 'pay_asks_back';
    const calls = [];
    upstream.answer(({ body }, res) => {
      if (body?.params?.name !== tool) return false;
      calls.push(body);
      const done = { resultType: 'complete', content: [{ type: 'text', text: JSON.stringify(body.params.inputResponses?.who) }] };
      const more = { resultType: 'input_required', requestState: 'of the server', inputRequests: { who: { method: 'elicitation/create',
        params: { mode: 'form', message: 'Who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } } } } };
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: body.params.inputResponses === undefined ? more : done }));
      return true;
    });
    const opened = await openClient('modern', url);
    try {
      const answer = opened.call(tool, { n: 1 });
      const { id } = await desk.decide(tool);
      assert.deepEqual(JSON.parse(textOf(await answer)).content, elicited.content);
      assert.equal(opened.asked.elicitation, 1);
      assert.equal(calls.length, 2);
      assert.equal(calls[1].params.requestState, 'of the server');
      assert.deepEqual(calls.map(({ params }) => params.arguments), [{ n: 1 }, { n: 1 }]);
      assert.equal((await desk.all(tool)).length, 1);
      await eventually(async () => (await desk.show(id)).state === 'answered');
      const story = await storyOnce(weir, id, (one) => namesOf(one).includes('people: answered'));
      assert.deepEqual(peopleOf(story),
                       ['people: held', 'people: approved', 'people: executing', 'people: approved', 'people: executing', 'people: answered']);
      // The effect has happened: the next call is another one.
      const next = opened.call(tool, { n: 1 });
      await desk.decide(tool, 'deny');
      assert.equal((await next).isError, true);
      assert.equal(calls.length, 2);
    } finally {
      await opened.close();
    }
  }));

  test('who asks for the same from another session joins the ticket', async () => {
    const { url, desk, reached } = own;
    const tool = 'pay_joined';
    const [one, other] = await Promise.all([openSession(url), openSession(url)]);
    const modern = askOn(url, modernCall(tool, { n: 1 }, 'modern'));
    const legacy = [one, other].map((session) => ask(url, legacyCall(tool, { n: 1 }, 7), { headers: legacyHeaders(session) }));
    await desk.ticket(tool, 'pending');
    await eventually(async () => (await storyOf(own.weir, (await desk.ticket(tool)).id)).filter(({ kind, worker }) => kind === 'held' && worker !== 'control').length >= 3);
    await desk.decide(tool);
    for (const result of [await modern, ...(await Promise.all(legacy)).map(resultOf)]) assert.deepEqual(JSON.parse(result.content[0].text), { n: 1 });
    assert.equal(reached(tool).length, 1);
    assert.equal((await desk.all(tool)).length, 1);
  });

  test('what is no tool call waits as well, and is told as an error', async () => {
    const { url, desk, reached } = brief;
    const session = await openSession(url);
    const read = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'pay://resource' } };
    const first = await ask(url, read, { headers: legacyHeaders(session) });
    assert.equal(first.body.error.code, 40302);
    assert.equal(first.body.error.data.weir.id, (await desk.ticket('pay://resource', 'pending')).id);
    assert.equal(reached('pay://resource').length, 0);
    await desk.decide('pay://resource');
    assert.ok(resultOf(await ask(url, read, { headers: legacyHeaders(session) })));
    assert.equal(reached('pay://resource').length, 1);
  });

  test('what needs nobody is not kept waiting', async () => {
    assert.notEqual((await askOn(own.url, modernCall('free_tool', { n: 1 }))).isError, true);
    assert.equal((await own.desk.all('free_tool')).length, 0);
  });

  test('too many calls that wait: the next is refused in clear text, and all else goes on', alone(async ({ url, desk, reached }) => {
    const waiting = ['pay_cap_1', 'pay_cap_2'].map((tool) => askOn(url, modernCall(tool)));
    await Promise.all(['pay_cap_1', 'pay_cap_2'].map((tool) => desk.ticket(tool, 'pending')));
    const refused = resultOf(await ask(url, modernCall('pay_cap_3')));
    assert.equal(refusalOf(refused), 'approval_unavailable');
    assert.match(refused.content[0].text, /too many calls wait for approval/);
    assert.notEqual((await askOn(url, modernCall('free_cap'))).isError, true);
    await desk.decide('pay_cap_1', 'deny');
    await desk.decide('pay_cap_2', 'withdraw', '--reason', 'never mind');
    const [, withdrawn] = await Promise.all(waiting);
    assert.match(withdrawn.content[0].text, /withdrawn: never mind/);
    assert.equal(reached('pay_cap').length, 0);
  }, { limits: { approvals_max: 2 } }));

  test('the command line: one decision counts, whoever is late learns which', async () => {
    const { url, desk, weir } = own;
    const answer = askOn(url, modernRequest('tools/call', { name: 'pay_decided', arguments: { note: 'a\u202eb\u001b[2J' } }));
    const { id } = await desk.ticket('pay_decided', 'pending');
    const page = await weir.cli('approvals', 'show', id.slice(0, 12));
    assert.equal(page.code, 0);
    assert.match(page.out, new RegExp(`^${id}  pending, \\d+m \\d+s left\\n`));
    assert.ok(page.out.includes('"note": "a\\u{202e}b\\u001b[2J"') || page.out.includes('a\\u{202e}b\\u{1b}[2J'), page.out);
    assert.equal(/[\u202e\u001b]/.test(page.out), false);
    assert.match(page.out, /approvers ops or owner:own/);
    const line = await weir.cli('approvals', 'list');
    assert.match(line.out, new RegExp(`^${id}\\tpending\\tanonymous\\town/pay_decided\\t\\S+Z\\t\\S+Z\\tmoney moves$`, 'm'));
    const races = await Promise.all(['approve', 'deny', 'withdraw'].map((verb) => weir.cli('approvals', verb, id, '--reason', `${verb} it`)));
    assert.deepEqual(races.map(({ code }) => code).sort(), [0, 8, 8]);
    for (const { code, said } of races)
      if (code === 8) assert.match(said, new RegExp(`weir: ${id} is (approved|executing|answered|denied|withdrawn) already, decided by unix:`));
    await answer;
    for (const [word, code] of [['ap_', 2], ['nosuch', 6], [`ap_${'0'.repeat(26)}`, 6]])
      assert.equal((await weir.cli('approvals', 'show', word)).code, code, word);
  });

  test('the command line: weir call waits, says so, and runs on approval', alone(async ({ desk, reached, weir }) => {
    const call = weir.cli('call', 'own/pay_by_hand', 'amount=7');
    await desk.ticket('pay_by_hand', 'pending');
    const approved = await weir.cli('approvals', 'approve', 'last', '--wait', '--timeout', '10m', '--json');
    assert.equal(approved.code, 0, approved.said);
    assert.equal(JSON.parse(approved.out).state, 'answered');
    assert.deepEqual(await call.then(({ code, out }) => [code, out]), [0, '{"amount":7}\n']);
    assert.equal(reached('pay_by_hand').length, 1);
    const legacy = await weir.cli('call', 'own/pay_by_hand', 'amount=8', '--era', 'legacy');
    assert.equal(legacy.code, 7);
    assert.match(legacy.said, /^weir: Not executed: this call waits for the approval of a person \(request ap_/);
    assert.equal((await weir.json('status')).approvals_waiting, 1);
    assert.equal((await weir.cli('approvals', 'deny', 'last')).code, 0);
    assert.equal((await weir.cli('approvals', 'deny', 'last')).code, 6);
    const denied = await weir.cli('call', 'own/pay_by_hand', 'amount=8', '--era', 'legacy');
    assert.equal(denied.code, 5);
    assert.equal(reached('pay_by_hand').length, 1);
  }, { limits: briefly }));

  test('approvals watch, in a pipe: a line for each ticket that comes or changes', alone(async ({ url, desk, weir }) => {
    const watching = start(program, ['approvals', 'watch', '-c', weir.config]);
    const json = start(program, ['approvals', 'watch', '--json', '-c', weir.config]);
    try {
      const answer = askOn(url, modernCall('pay_watched'));
      const { id } = await desk.ticket('pay_watched', 'pending');
      await until(watching, new RegExp(`^\\S+Z\\t${id}\\tpending\\tanonymous\\town/pay_watched\\tmoney moves\\t\\t\\n`, 'm'));
      await until(json, /"state":"pending"/); // Both look before it is decided: a watcher is told of what still waits.
      await desk.decide('pay_watched', 'deny', '--reason', 'no');
      await until(watching, new RegExp(`\\t${id}\\tdenied\\t.*\\tunix:\\d+:\\S+\\tno\\n`));
      const [, line] = await until(json, /(\{.*"state":"denied".*\})\n/);
      assert.equal(JSON.parse(line).id, id);
      await answer;
    } finally {
      await Promise.all([watching, json].map((each) => end(each)));
    }
  }));

  test('approvals watch, on a terminal: tickets come, one is opened, approved with a reason, and runs', alone(async ({ url, desk, reached, weir }) => {
    const command = `stty rows 24 cols 100; exec '${program}' approvals watch -c '${weir.config}'`;
    const terminal = start('script', ['-qec', command, '/dev/null'], { env: { ...process.env, TERM: 'xterm', SHELL: '/bin/sh' } });
    try {
      await until(terminal, /nothing waits for approval/);
      const answer = askOn(url, modernCall('pay_on_screen', { amount: 41 }));
      const { id } = await desk.ticket('pay_on_screen', 'pending');
      await until(terminal, new RegExp(`> .*${id}.*own/pay_on_screen`));
      terminal.stdin.write('a');
      await until(terminal, /"amount": 41/);
      await until(terminal, new RegExp(`approve ${id}`));
      assert.equal((await desk.show(id)).state, 'pending'); // No single key decides.
      terminal.stdin.write('fine');
      await until(terminal, /fine/);
      terminal.stdin.write('\r');
      await until(terminal, new RegExp(`${id} approved`));
      assert.notEqual((await answer).isError, true);
      assert.equal(reached('pay_on_screen').length, 1);
      assert.equal((await desk.show(id)).decided_note, 'fine');
      terminal.stdin.write('q');
      assert.equal((await terminal.ended).code, 0);
      assert.ok(terminal.said.trimEnd().endsWith('\u001b[?25h\u001b[?1049l'), 'the terminal is as it was');
    } finally {
      await end(terminal);
    }
  }));
});
