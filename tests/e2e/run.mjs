// run.mjs - runs the files of cases/ with Node's test runner, each in a process of its own, at most three at a time:
// most of them wait most of the time. The slowest start first.
import { run } from 'node:test';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { program } from './lib/weir.mjs';
import { accessSync, constants } from 'node:fs';

const here = dirname(fileURLToPath(import.meta.url));
const first = ['approvals', 'silence', 'conformance', 'sdk'];
const parts = readdirSync(join(here, 'cases')).filter((name) => name.endsWith('.mjs')).map((name) => name.slice(0, -4));
parts.sort((a, b) => (first.indexOf(a) + 1 || 99) - (first.indexOf(b) + 1 || 99) || (a < b ? -1 : 1));

const asked = process.argv.slice(2);
if (asked.includes('--list')) {
  console.log(parts.join('\n'));
  process.exit(0);
}
const unknown = asked.filter((name) => !parts.includes(name));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are: ${parts.join(', ')}`);
  process.exit(2);
}
try {
  accessSync(program, constants.X_OK);
} catch {
  console.error(`there is no ${program}; build it, or name it with WEIR=`);
  process.exit(1);
}

const began = Date.now();
const counts = { passed: 0, failed: 0 };
const failures = [];
const chosen = parts.filter((name) => asked.length === 0 || asked.includes(name));
const stream = run({ files: chosen.map((name) => join(here, 'cases', `${name}.mjs`)), concurrency: 3, timeout: 900_000, forceExit: true });

// Only leaves count. A file is a test of the runner's too: it counts only when it failed by itself (it did not load).
const partOf = (data) => data.file?.slice(data.file.lastIndexOf('/') + 1, -4) ?? '';
const leaf = (data) => data.details?.type !== 'suite';
const isFile = (data) => data.nesting === 0 && data.name.endsWith('.mjs');
function reason(error) {
  const cause = error?.cause ?? error;
  const below = cause?.cause === undefined ? '' : `\ncaused by ${cause.cause.code ?? ''} ${cause.cause.message ?? cause.cause}`;
  const text = `${cause?.stack ?? cause?.message ?? String(cause)}${below}`;
  return text.split('\n').map((line) => `      ${line}`).slice(0, 40).join('\n');
}
stream.on('test:pass', (data) => {
  if (isFile(data) || !leaf(data) || data.skip !== undefined) return;
  ++counts.passed;
  console.log(`  ok    ${partOf(data)}: ${data.name} (${Math.round(data.details.duration_ms)} ms)`);
});
stream.on('test:fail', (data) => {
  const error = data.details?.error;
  // A suite or file fails because something in it did, which was counted; else it failed by itself.
  if ((isFile(data) || !leaf(data)) && error?.failureType === 'subtestsFailed') return;
  ++counts.failed;
  failures.push(`${partOf(data)}: ${data.name}`);
  console.log(`  FAIL  ${partOf(data)}: ${data.name}\n${reason(error)}`);
});
stream.on('test:stderr', ({ message }) => process.stderr.write(message));
stream.on('test:stdout', ({ message }) => process.stdout.write(message));
stream.on('close', () => {
  if (failures.length > 0) console.log(`\nfailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
  console.log(`\nin ${((Date.now() - began) / 1000).toFixed(0)} s with ${program}`);
  console.log(`e2e: ${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
});
stream.resume();
