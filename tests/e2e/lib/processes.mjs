// lib/processes.mjs - children of a test: started, waited for, ended by their id. Nothing outlives the test process:
// what is still there at its end is killed. And ports that only this process uses.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** How long is waited for what comes at once, unless the machine is busy with something else. */
export const patience_ms = 120_000;
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
export async function until(child, pattern, ms = patience_ms) {
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
export async function end(child, ms = patience_ms) {
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  child.kill('SIGTERM');
  const ended = await child.ended;
  clearTimeout(timer);
  return ended;
}

/** A server that listens there, or undefined when somebody else does. */
const listening = (...where) => new Promise((resolve) => {
  const server = createServer();
  server.once('error', () => resolve(undefined)).listen(...where, () => resolve(server));
});

// Ports that may be left and taken again, as by a weir that is started anew, must not go to anybody else meanwhile: they
// are none of those that the kernel gives to whoever asks for any, and each is claimed, by an abstract socket of its name
// that ends with this process.
const lowest = 10_000, beyond = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t')[0]);
let next = lowest + Math.floor(Math.random() * (beyond - lowest));

/** `count` ports of 127.0.0.1 that nobody listens on and that no other test is given. */
export async function freePorts(count) {
  const ports = [];
  for (let tries = beyond - lowest; ports.length < count; --tries) {
    if (tries === 0) throw new Error('there is no free port');
    const port = next;
    next = next + 1 < beyond ? next + 1 : lowest;
    const claim = await listening(`\0weir-e2e port ${port}`);
    if (!claim) continue;
    const probe = await listening(port, '127.0.0.1');
    if (probe) {
      claim.unref();
      ports.push(port);
      await new Promise((resolve) => { probe.close(resolve); });
    } else {
      claim.close();
    }
  }
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
