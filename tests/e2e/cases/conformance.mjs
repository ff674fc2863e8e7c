// cases/conformance.mjs - what must hold: the MCP conformance suite finds the same through weir as directly, check by
// check, for each revision it knows: without policies, with a Lua handler on every message that lets it pass, and with
// a record that is durable before anything is done. A check is told apart by scenario, id, name and how often it came.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { node, root, run, startServer, stopAll } from '../lib/processes.mjs';
import { startWeir } from '../lib/weir.mjs';

const suite = join(root, 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');
// What a good server passes: a smaller number says that the suite did not run, or our server broke.
const passing = { '2025-03-26': 3, '2025-06-18': 56, '2025-11-25': 84, '2026-07-28': 152 };
// It reads all there is, so that requests go on as weir's own re-serialisation of what was judged and answers are walked
// by a mask; nothing is to change by that but `outputSchema`, which tools lose where a mask may touch their answers.
const noop = `
local function read(value) if value ~= nil then return json.canon(value) end end
policy "noop/requests" { on = "request", match = {}, decide = function(call) read(call.args) return pass() end }
policy "noop/lists" { on = "list", match = {}, decide = function(entry) assert(entry.tool or entry.prompt or entry.resource) return pass() end }
policy "noop/answers" { on = "response", match = {}, decide = function(call) read(call.args) read(call.result) read(call.error) return pass() end }
policy "noop/masks" { on = "response", match = {}, decide = mask { fields = { ["**.no_such_member"] = "drop" } } }
`;
const ways = {
  'without policies': {},
  'with a handler on every message': { policies: { 'noop.lua': noop } },
  'with a strict record': { record: { durability: 'strict' } },
};

/** Runs the suite against `url`: a map from check to verdict. */
async function verdicts(url, version) {
  const out = await mkdtemp(join(tmpdir(), 'weir-conformance-'));
  try {
    const { said } = await run(node, [suite, 'server', '--url', url, '--suite', 'all', '--spec-version', version, '-o', out]);
    const found = new Map();
    for (const folder of (await readdir(out)).sort()) {
      const scenario = folder.replace(/-\d{4}-\d\d-\d\dT.*$/, '');
      for (const check of JSON.parse(await readFile(join(out, folder, 'checks.json'), 'utf8'))) {
        // What the suite tells about events it saw is no check, and their number may differ.
        if (check.status === 'INFO' && check.specReferences === undefined) continue;
        let name = `${scenario} / ${check.id} / ${check.name}`;
        for (let again = 2; found.has(name); ++again) name = `${scenario} / ${check.id} / ${check.name} #${again}`;
        found.set(name, { status: check.status, error: check.errorMessage });
      }
    }
    assert.ok(found.size > 0, said);
    return found;
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/**
 * The verdicts once `faults` finds none in them, or those of the last of some tries: the suite waits for two to five seconds
 * for what takes longer on a machine that is busy with something else. What is wrong is wrong each time.
 */
async function verdictsWithout(faults, url, version) {
  for (let tries = 4; ; --tries) {
    const found = await verdicts(url, version);
    const wrong = faults(found);
    if (wrong.length === 0 || tries === 1) return { found, wrong };
    console.log(`conformance: ${version} is tried again at ${url}:\n  ${wrong.join('\n  ')}`);
  }
}

let modern;
const direct = {};
before(async () => { modern = await startServer('modern.mjs'); });
after(() => stopAll(modern));

describe('directly', { concurrency: 2, timeout: 900_000 }, () => {
  for (const [version, count] of Object.entries(passing))
    test(`the reference server passes all ${count} checks of ${version}`, async () => {
      const { found, wrong } = await verdictsWithout((all) => [...all].filter(([, { status }]) => !['SUCCESS', 'INFO', 'SKIPPED'].includes(status))
        .map(([name, { status, error }]) => `${name}: ${status} ${error ?? ''}`), modern.url, version);
      direct[version] = found;
      assert.deepEqual(wrong, []);
      assert.equal([...found.values()].filter(({ status }) => status === 'SUCCESS').length, count);
    });
});

for (const [way, options] of Object.entries(ways))
  describe(`through weir ${way}`, { concurrency: 2, timeout: 900_000 }, () => {
    let weir;
    // The suite's scenario of DNS rebinding comes with weir's own origin and must be let in.
    before(async () => { weir = await startWeir({ servers: [{ name: 'modern', url: modern.url }], listen: (address) => ({ origins: [`http://${address}`] }), ...options }); });
    after(() => stopAll(weir));
    for (const version of Object.keys(passing))
      test(`every check of ${version} has the verdict it has directly, ${way}`, async () => {
        const { wrong } = await verdictsWithout((through) => [...new Set([...direct[version].keys(), ...through.keys()])]
          .filter((name) => direct[version].get(name)?.status !== through.get(name)?.status)
          .map((name) => `${name}: directly ${direct[version].get(name)?.status ?? 'absent'}, through weir ${through.get(name)?.status ?? 'absent'} ${through.get(name)?.error ?? ''}`),
          weir.url('modern'), version);
        assert.deepEqual(wrong, []);
      });
  });
