// lib/clients.mjs - the real SDK clients behind one face, so that a test can be written once for all of them.
//
//   sdk         @modelcontextprotocol/sdk 1.x, which knows only the legacy era
//   legacy      @modelcontextprotocol/client 2.x with its default negotiation: initialize
//   auto        the same, asking server/discover first and falling back
//   modern      the same, pinned to 2026-07-28
//
// Each answers sampling, elicitation and roots with what the constants below say.
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema,
         LoggingMessageNotificationSchema, PromptListChangedNotificationSchema,
         ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { patience_ms } from './processes.mjs';

export const sampled = { role: 'assistant', model: 'of-the-test', content: { type: 'text', text: 'a sampled answer' }, stopReason: 'endTurn' };
export const elicited = { action: 'accept', content: { name: 'Ada', username: 'ada', email: 'ada@example.org' } };
export const roots = { roots: [{ uri: 'file:///the/root', name: 'The root' }] };

const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
const oldNotices = {
  'notifications/message': LoggingMessageNotificationSchema,
  'notifications/tools/list_changed': ToolListChangedNotificationSchema,
  'notifications/prompts/list_changed': PromptListChangedNotificationSchema,
  'notifications/resources/updated': ResourceUpdatedNotificationSchema,
};

/**
 * Connects a client of `kind` to `url`.
 *
 * Gives `{ client, transport, era, call(name, args, options), notices, notice(method), close() }`: `notices` holds what
 * the server told without being asked, `notice` waits for the first of a method that nobody waited for yet.
 * options: `fetch` replaces the transport's, `transport` adds options to it, `timeout` is that of a call in ms.
 */
export async function openClient(kind, url, options = {}) {
  const old = kind === 'sdk';
  const timeout = options.timeout ?? 600_000; // The SDKs' own is a minute.
  const identity = { name: `weir-e2e-${kind}`, version: '1.0.0' };
  const client = old ? new OldClient(identity, { capabilities })
    : new Client(identity, { capabilities, versionNegotiation: { mode: kind === 'modern' ? { pin: '2026-07-28' } : kind } });
  // What a server says by itself is lost until the client's GET has been answered, so that is waited for below.
  let listening;
  const streaming = new Promise((resolve) => { listening = resolve; });
  const fetched = options.fetch ?? fetch;
  const watched = async (input, init) => {
    const response = await fetched(input, init);
    if ((init?.method ?? 'GET') === 'GET') listening();
    return response;
  };
  const transport = new (old ? OldTransport : StreamableHTTPClientTransport)(new URL(url),
    { fetch: watched, ...options.transport });

  const asked = { sampling: 0, elicitation: 0, roots: 0 };
  const answer = (what, value) => async () => { ++asked[what]; return value; };
  client.setRequestHandler(old ? CreateMessageRequestSchema : 'sampling/createMessage', answer('sampling', sampled));
  client.setRequestHandler(old ? ElicitRequestSchema : 'elicitation/create', answer('elicitation', elicited));
  client.setRequestHandler(old ? ListRootsRequestSchema : 'roots/list', answer('roots', roots));

  const notices = [];
  const waiting = [];
  const take = (method) => {
    const at = notices.findIndex((notice) => notice.method === method);
    return at < 0 ? undefined : notices.splice(at, 1)[0];
  };
  for (const method of Object.keys(oldNotices))
    client.setNotificationHandler(old ? oldNotices[method] : method, (notice) => {
      notices.push(notice);
      const at = waiting.findIndex((waiter) => waiter.method === method);
      if (at >= 0) waiting.splice(at, 1)[0].resolve(take(method));
    });

  await client.connect(transport, { timeout: patience_ms });
  const version = old ? transport.protocolVersion : client.getNegotiatedProtocolVersion();
  if (version !== '2026-07-28') await streaming;
  return {
    client, transport, version, asked, notices,
    era: version === '2026-07-28' ? 'modern' : 'legacy',
    call: (name, args = {}, callOptions = {}) => old
      ? client.callTool({ name, arguments: args }, CallToolResultSchema, { timeout, ...callOptions })
      : client.callTool({ name, arguments: args }, { timeout, ...callOptions }),
    notice(method, ms = patience_ms) {
      const there = take(method);
      if (there) return Promise.resolve(there);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${method} within ${ms} ms`)), ms);
        waiting.push({ method, resolve: (value) => { clearTimeout(timer); resolve(value); } });
      });
    },
    close: () => client.close(),
  };
}

/** The text of a tool's answer. */
export const textOf = (result) => result.content.filter((item) => item.type === 'text').map((item) => item.text).join('\n');
