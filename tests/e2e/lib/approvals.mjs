// lib/approvals.mjs - what tests of calls that wait for people share: a weir that asks for approval, tickets by the name
// of the tool that was called (each test calls tools of its own), decisions through the command line, and how often a
// call reached its upstream.
import { eventually } from './wire.mjs';
import { startUpstream } from './upstream.mjs';
import { startWeir } from './weir.mjs';

/** Asks for every tool but `free*`; `brief*` for two seconds only. */
export const policies = {
  'people.lua': `
policy "people/pay" { about = "Money moves with two pairs of eyes", on = "request",
  match = { methods = { "tools/call" }, servers = { "own" } }, unless = { tools = { "free*", "brief*" } },
  decide = approve { by = { "ops", "owner:{server}" }, reason = "money moves", within = "10m" } }
policy "people/brief" { on = "request", match = { methods = { "tools/call" }, servers = { "own" }, tools = { "brief*" } },
  decide = approve { by = { "ops" }, reason = "be quick", within = "2s" } }
policy "people/others" { on = "request", match = { methods = { "resources/read", "prompts/get" }, servers = { "own" } },
  decide = approve { by = { "ops" }, reason = "to be looked at" } }
`,
};

/** The tickets of a weir. */
export class Desk {
  constructor(weir) { this.weir = weir; }
  /** All tickets for `name`, the newest first. */
  async all(name) {
    const { approvals } = await this.weir.json('approvals', 'list', '--all');
    return approvals.filter((ticket) => ticket.name === name).sort((a, b) => b.created_unix_ns - a.created_unix_ns);
  }
  /** The newest ticket for `name`, once there is one in `state` (any, when that is not given). */
  async ticket(name, state) {
    let found;
    await eventually(async () => {
      found = (await this.all(name)).find((ticket) => state === undefined || ticket.state === state);
      return found !== undefined;
    });
    return found;
  }
  show(id) { return this.weir.json('approvals', 'show', id); }
  /** Decides `verb` about the pending ticket for `name` and gives the ticket as it is then. */
  async decide(name, verb = 'approve', ...more) {
    const { id } = await this.ticket(name, verb === 'revoke' ? 'approved' : 'pending');
    return this.weir.json('approvals', verb, id, ...more);
  }
}

/** For who waits until the hold of a call is over; not for who is to decide before that. */
export const briefly = { hold: '10s' };

/**
 * An upstream, a weir with the policies above in front of it, and its desk. `reached(tool)`: the calls that came through.
 * Requests are held for as long as a test takes to decide, however slow the machine.
 */
export async function startAsking(options = {}) {
  const upstream = await startUpstream();
  const reached = (tool) => upstream.requests.filter(({ text }) => text.includes(tool));
  const weir = await startWeir({ policies, servers: [{ name: 'own', url: upstream.url }], ...options,
    limits: { hold: '10m', drain_max: '3s', ...options.limits } });
  return { upstream, weir, desk: new Desk(weir), reached, url: weir.url('own'),
    async stop() { await weir.stop().finally(() => upstream.stop()); } };
}

/** The id of the ticket that a pending result names; undefined: the result is not a pending one. */
export const pendingOf = (result) => result?._meta?.['dev.weir/approval']?.id;
/** The code of weir's own no; undefined: the result is not one. */
export const refusalOf = (result) => result?._meta?.['dev.weir/decision']?.code;
