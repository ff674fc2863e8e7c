// lib/weir.mjs - one weir of its own for a test: a temporary directory with its weir.toml, policies and state, free
// ports, ended with SIGTERM; a weir that does not end with code 0 fails the test that stopped it.
//
// WEIR names the program (default: build/weir of this work tree).
import http from 'node:http';
import https from 'node:https';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { accepts, end, freePorts, patience_ms, root, run, start, until } from './processes.mjs';

export const program = resolve(process.env.WEIR ?? join(root, '..', '..', 'build', 'weir'));

const quoted = (value) => JSON.stringify(value);

/** A value of TOML from a value of JavaScript: strings, numbers, booleans, lists, and tables inline. */
function toml(value) {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`;
  if (typeof value === 'object') return `{ ${Object.entries(value).map(([key, item]) => `${/^[\w-]+$/.test(key) ? key : quoted(key)} = ${toml(item)}`).join(', ')} }`;
  return typeof value === 'string' ? quoted(value) : String(value);
}

const table = (head, values) => [head, ...Object.entries(values).map(([key, value]) => `${key} = ${toml(value)}`), ''].join('\n');

// What takes longer on a machine that is busy with something else: it runs out only where a test wants it to.
const patient = { tls_handshake_max: '2m', first_octet_max: '2m', head_max: '2m', body_max: '2m', body_grace: '2m', linger_max: '30s',
                  upstream_connect_max: '2m', policy_cpu_max: '200ms', policy_wall_max: '10s' };

/**
 * Starts weir and waits until it is ready.
 *
 * options.servers   list of `{ name, url, ... }` as in [[server]]; `anonymous = true` and `default = "allow"` unless said
 * options.issuers   list of those of [[issuer]]
 * options.policies  object of file name to Lua text; absent: no policies
 * options.certificates  list of `{ chain, key }`: clients then come with https
 * options.listen, admin, record, limits   keys of those tables; listen may be a function of the address; limits of time are
 *                                         generous unless said
 * options.prepare(dir)             done before weir starts; its state is in `dir`/state
 *
 * Gives `{ port, origin, url(name), config, dir, child, keysOf(issuer), gauges(), cli(...), json(...), sessions(), entries(id), restart(signal), stop() }`.
 */
export async function startWeir(options) {
  const dir = await mkdtemp(join(tmpdir(), 'weir-e2e-'));
  const [port, adminPort] = await freePorts(2);
  const address = `127.0.0.1:${port}`;
  const parts = [
    table('[listen]', { address, workers: 2, ...(typeof options.listen === 'function' ? options.listen(address) : options.listen) }),
    table('[state]', { dir: join(dir, 'state') }),
    table('[record]', { durability: 'batch', ...options.record }),
    table('[admin]', { address: `127.0.0.1:${adminPort}`, ...options.admin }),
  ];
  parts.push(table('[limits]', { ...patient, ...options.limits }));
  if (options.policies) {
    const policies = join(dir, 'policies');
    parts.push(table('[policies]', { dir: policies }));
    for (const [name, text] of Object.entries(options.policies)) {
      await mkdir(dirname(join(policies, name)), { recursive: true });
      await writeFile(join(policies, name), text);
    }
  }
  for (const issuer of options.issuers ?? []) parts.push(table('[[issuer]]', issuer));
  for (const certificate of options.certificates ?? []) parts.push(table('[[certificate]]', certificate));
  for (const server of options.servers)
    parts.push(table('[[server]]', { default: 'allow', anonymous: true, ...server }));
  const config = join(dir, 'weir.toml');
  await writeFile(config, parts.join('\n'));
  await mkdir(join(dir, 'state'), { recursive: true });
  await options.prepare?.(dir);

  const begin = async () => {
    const begun = start(program, ['run', '-c', config]);
    await ready(begun, adminPort, port, options.admin?.tls);
    return begun;
  };
  let child = await begin();

  const cli = async (...args) => run(program, [...args, '-c', config]);
  const json = async (...args) => {
    const { code, out, said } = await cli(...args, '--json');
    if (code !== 0) throw new Error(`weir ${args.join(' ')} ended with ${code}: ${said}`);
    return JSON.parse(out);
  };
  let stopped;
  return {
    port, adminPort, origin: `http://${address}`, address, config, dir, cli, json,
    get child() { return child; },
    url: (name) => `http://${address}${options.servers.find((server) => server.name === name).path ?? `/mcp/${name}`}`,
    /** Once it has keys of `issuer`: before that it can let in nobody who has a token of it. */
    keysOf: (issuer) => until(child, new RegExp(`"issuer_keys",.*"${issuer}"`)),
    /** The gauges of this weir, by name. Each time over a connection of its own, which they count. */
    async gauges() {
      const { text } = await asked(adminPort, '/metrics');
      return Object.fromEntries([...text.matchAll(/^(weir_\w+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]));
    },
    sessions: () => json('sessions', 'list'),
    entries: (id = 'last') => json('sessions', 'show', id),
    /** Ends weir with `signal` and starts it again on the same state, once `change` is done. */
    async restart(signal, change) {
      child.kill(signal);
      const { code } = await child.ended;
      if (signal === 'SIGTERM' && code !== 0) throw new Error(`weir ended with ${code}:\n${child.said}`);
      await change?.();
      child = await begin();
    },
    /** Ends weir; throws when it was not a clean end. Safe to call twice. */
    stop() {
      stopped ??= (async () => {
        const { code, signal } = await end(child);
        await rm(dir, { recursive: true, force: true });
        if (code !== 0) throw new Error(`weir ended with ${code ?? signal}:\n${child.said}`);
      })();
      return stopped;
    },
  };
}

/** What is answered to a GET of `path`, over a connection of its own, by https if `tls`. */
const asked = (port, path, tls = false) => new Promise((resolve, reject) => {
  (tls ? https : http).get({ host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false }, (answer) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('error', reject);
    answer.on('end', () => resolve({ status: answer.statusCode, text }));
  }).on('error', reject);
});

/** Asks /readyz until it says 200, by https if `tls`. */
async function ready(child, adminPort, port, tls) {
  const deadline = Date.now() + patience_ms;
  let gone = false;
  child.ended.then(({ error }) => { gone = error ?? true; });
  while (!gone && Date.now() < deadline) {
    if (await accepts(adminPort)) {
      const { status } = await asked(adminPort, '/readyz', tls).catch(() => ({}));
      if (status === 200 && await accepts(port)) return;
    }
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  throw new Error(`weir is not ready${gone ? ': it ended' : ''}:\n${gone.message ?? ''}${child.said}`);
}
