// lib/wire.mjs - what wire-level tests send and read: JSON-RPC over fetch, event streams parsed by the WHATWG rules,
// and octets over a bare socket. Nothing here is lenient: what comes is handed over as it came.
import { connect } from 'node:net';
import { patience_ms } from './processes.mjs';

export const versions = ['2025-03-26', '2025-06-18', '2025-11-25'];
export const modernVersion = '2026-07-28';
const key = 'io.modelcontextprotocol';

/** A `_meta` that 2026-07-28 asks for; `more` is merged into it, a value `undefined` takes a key away. */
export const modernMeta = (more = {}) => ({ [`${key}/protocolVersion`]: modernVersion,
  [`${key}/clientCapabilities`]: {}, [`${key}/clientInfo`]: { name: 'weir-e2e', version: '1' }, ...more });

/** A modern request for `method`. */
export const modernRequest = (method, params = {}, id = 1) =>
  ({ jsonrpc: '2.0', id, method, params: { ...params, _meta: modernMeta(params._meta) } });

/** A modern tools/call of `name`. */
export const modernCall = (name, args = {}, id = 1, meta = { progressToken: 'p' }) =>
  modernRequest('tools/call', { name, arguments: args, _meta: meta }, id);

/** The headers of 2026-07-28 that belong to the body `message`. */
export function modernHeaders(message) {
  const name = message.params?.name ?? message.params?.uri;
  return { 'mcp-protocol-version': message.params?._meta?.[`${key}/protocolVersion`] ?? modernVersion, 'mcp-method': message.method,
           ...(name !== undefined && ['tools/call', 'prompts/get', 'resources/read'].includes(message.method) && { 'mcp-name': name }) };
}

/**
 * Posts `body` (an object, or text as it is). Unless `options.headers` has them, the headers of the body's era are set;
 * a header given as `undefined` is left out, one given as `null` too.
 */
export function post(url, body, options = {}) {
  const isModern = typeof body === 'object' && body?.params?._meta?.[`${key}/protocolVersion`] !== undefined;
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream',
                    ...(isModern && modernHeaders(body)), ...options.headers };
  for (const name of Object.keys(headers)) if (headers[name] === undefined || headers[name] === null) delete headers[name];
  return fetch(url, { ...options, method: 'POST', headers, body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) });
}

/** Posts, and reads a JSON answer or the JSON-RPC messages of a stream: `{ status, headers, body, messages }`. */
export async function ask(url, body, options) {
  const response = await post(url, body, options);
  return answerOf(response);
}

export async function answerOf(response) {
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/event-stream')) {
    const { events } = await readEvents(response);
    const messages = events.filter((event) => event.data !== '').map((event) => JSON.parse(event.data));
    return { status: response.status, headers: response.headers, messages, body: messages.at(-1) };
  }
  const text = await response.text();
  let parsed;
  if (text !== '') { try { parsed = JSON.parse(text); } catch { parsed = undefined; } }
  return { status: response.status, headers: response.headers, text, body: parsed, messages: parsed === undefined ? [] : [parsed] };
}

export const initialize = (version, capabilities = {}) => ({ jsonrpc: '2.0', id: 'init', method: 'initialize',
  params: { protocolVersion: version, capabilities, clientInfo: { name: 'weir-e2e', version: '1' } } });

/** Opens a legacy session: `{ id, version, result }`. */
export async function openSession(url, version = '2025-11-25', capabilities = {}) {
  const answer = await ask(url, initialize(version, capabilities));
  if (answer.status !== 200 || !answer.body?.result) throw new Error(`no session: ${answer.status} ${JSON.stringify(answer.body ?? answer.text)}`);
  const session = { id: answer.headers.get('mcp-session-id') ?? undefined, version: answer.body.result.protocolVersion, result: answer.body.result };
  const initialized = await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, { headers: legacyHeaders(session) });
  if (initialized.status !== 202) throw new Error(`notifications/initialized: ${initialized.status}`);
  return session;
}

/** The headers that a legacy client sends in `session`. */
export const legacyHeaders = (session) => ({ ...(session.id !== undefined && { 'mcp-session-id': session.id }),
  ...(session.version !== '2025-03-26' && { 'mcp-protocol-version': session.version }) });

/** Splits the text of an event stream, as it comes, into events and comments. */
export class EventReader {
  events = [];
  comments = 0;
  #buffer = '';
  #event = { data: undefined, id: undefined, event: undefined, retry: undefined };
  #onEvent;
  constructor(onEvent) { this.#onEvent = onEvent; }
  push(text) {
    this.#buffer += text;
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#buffer);
      if (!end) return;
      const line = this.#buffer.slice(0, end.index);
      this.#buffer = this.#buffer.slice(end.index + end[0].length);
      this.#line(line);
    }
  }
  #line(line) {
    const event = this.#event;
    if (line === '') {
      if (event.data !== undefined || event.id !== undefined || event.retry !== undefined) {
        const done = { ...event, data: event.data ?? '' };
        this.events.push(done);
        this.#event = { data: undefined, id: undefined, event: undefined, retry: undefined };
        this.#onEvent?.(done);
      }
      return;
    }
    if (line.startsWith(':')) { ++this.comments; return; }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`;
    else event[field] = value;
  }
}

/** Reads a stream to its end, or until `options.until(event)` is true (then it is let go): `{ status, events, comments, cut }`. */
export async function readEvents(response, options = {}) {
  let stop = false;
  const reader = new EventReader((event) => { if (options.until?.(event)) stop = true; });
  let cut = false;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body) {
      reader.push(decoder.decode(chunk, { stream: true }));
      if (stop) break;
    }
  } catch {
    cut = true; // The connection broke off.
  }
  return { status: response.status, headers: response.headers, events: reader.events, comments: reader.comments, cut };
}

/** Asks `condition` until it is true; throws after `ms`. */
export async function eventually(condition, ms = patience_ms) {
  const deadline = Date.now() + ms;
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`not true within ${ms} ms: ${condition}`);
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
}

/**
 * Sends `octets` over a bare connection and reads until the peer closes, or `options.enough(text)` is true:
 * `{ text, closed, error }`, text as latin-1. `options.shutdown`: our side is closed after sending.
 */
export function raw(port, octets, options = {}) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    const timer = setTimeout(() => done('time-out'), options.ms ?? patience_ms);
    const done = (how) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, closed: how === 'closed', reset: how === 'reset', timedOut: how === 'time-out' });
    };
    socket.setEncoding('latin1');
    socket.on('data', (piece) => { text += piece; if (options.enough?.(text)) done('enough'); });
    socket.on('end', () => done('closed'));
    socket.on('error', () => done('reset'));
    socket.on('connect', () => {
      socket.write(Buffer.from(octets, 'latin1'));
      if (options.shutdown) socket.end();
    });
  });
}

/** The status of the last whole answer head in `text`; 0: there is none. 1xx do not count. */
export function statusOf(text) {
  const heads = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1])).filter((status) => status >= 200);
  return heads[0] ?? 0;
}

/** True when `text` holds one whole answer after any 1xx: by its length, by its last chunk, or because it has no body. */
export function wholeAnswer(text) {
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const head = rest.slice(0, end);
    const body = rest.slice(end + 4);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    if (status >= 100 && status < 200) { rest = body; continue; }
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    if (length) return body.length >= Number(length[1]);
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) return /(^|\r\n)0\r\n\r\n$/.test(body);
    return status === 204 || status === 304;
  }
}

/** Waits until `weir` has nothing under way but the question how it is: no stream, no slab, nothing unwritten in its record. */
export async function atRest(weir) {
  let gauges;
  const rests = async () => {
    gauges = await weir.gauges();
    return gauges.weir_exchanges_open === 1 && gauges.weir_streams_open === 0 && gauges.weir_record_queue_bytes === 0 &&
      gauges.weir_slabs_free === gauges.weir_slabs_total;
  };
  await eventually(rests).catch(() => { throw new Error(`not at rest: ${JSON.stringify(gauges)}`); });
}
