// lib/processes.mjs - children of a test: started, waited for, ended by their id. Nothing outlives the test process:
// what is still there at its end is killed.
import { spawn } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const alive = new Set();
process.on('exit', () => { for (const child of alive) child.kill('SIGKILL'); });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

/** Starts `command`; what it says is kept in `child.said` (both streams, in order of arrival), at most the last 1 MiB. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  alive.add(child);
  child.said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      child.said = (child.said + text).slice(-(1 << 20));
      child.emit('said', child.said);
    });
  child.stdin.on('error', () => {}); // A child that went is told of by its exit.
  child.ended = new Promise((resolve) => {
    child.on('error', (error) => { alive.delete(child); resolve({ code: null, signal: null, error }); });
    child.on('close', (code, signal) => { alive.delete(child); resolve({ code, signal }); });
  });
  return child;
}

/** Waits until `child` has said something that `pattern` matches and gives the match; throws when it ends before. */
export async function until(child, pattern, ms = 20_000) {
  let found = pattern.exec(child.said);
  if (found) return found;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(reject, new Error(`did not say ${pattern} within ${ms} ms:\n${child.said}`)), ms);
    const look = () => { found = pattern.exec(child.said); if (found) done(resolve, found); };
    const gone = () => done(reject, new Error(`ended before it said ${pattern}:\n${child.said}`));
    const done = (settle, value) => {
      clearTimeout(timer);
      child.off('said', look);
      child.off('close', gone);
      settle(value);
    };
    child.on('said', look).on('close', gone);
  });
}

/** Runs `command` to its end: `{ code, said, out }`. */
export async function run(command, args, options = {}) {
  const child = start(command, args, options);
  let out = '';
  child.stdout.on('data', (text) => { out += text; });
  child.stdin.end();
  const { code, error } = await child.ended;
  if (error) throw error;
  return { code, said: child.said, out };
}

/** Ends `child` with SIGTERM, after `ms` with SIGKILL; gives `{ code, signal }`. */
export async function end(child, ms = 40_000) {
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  child.kill('SIGTERM');
  const ended = await child.ended;
  clearTimeout(timer);
  return ended;
}

/** `count` ports of 127.0.0.1 that nobody listens on at this moment. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); })));
  return ports;
}

/** True once something accepts connections at `port`. */
export function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

/** The Node that came with the tests' packages: one version everywhere, whatever the machine has. */
export const node = process.execPath;

/** Starts a server of `servers/` in a process of its own; gives `{ url, origin, child, stop }`. */
export async function startServer(file, ...args) {
  const child = start(node, [join(root, 'servers', file), ...args.map(String)]);
  const [, url] = await until(child, /listening (http:\S+)/);
  return { url, origin: new URL(url).origin, child, stop: async () => { child.stdin.end(); child.kill('SIGTERM'); await child.ended; } };
}

/** Stops each of `things` that is there, in order, even when one fails; then throws what failed first. */
export async function stopAll(...things) {
  const failures = [];
  for (const thing of things) await thing?.stop().catch((error) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
