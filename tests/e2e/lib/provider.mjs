// lib/provider.mjs - a real provider of identities (npm oidc-provider) whose access tokens are JWTs for the resource that
// was asked for: people sign in with its pages for development, the client `robot` with a secret.
//
// Its keys are new at each start, so that a restart on the same port is a rotation.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';
import { freePorts } from './processes.mjs';

export const app = 'weir-cli';
export const robot = { id: 'robot', secret: 'planted-robot-secret-5c1d' };

function keys() {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  return { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: randomUUID() }] };
}

/** `tls`: `{ cert, key }` for https. `clients`: more of them, as the provider has them. `defaultResource()`: what tokens are for when nobody says; `defaultScope` likewise (RFC 6749, section 3.3). `groupsOf(person)`: the groups in a token; `app` is a program of people, who sign in by the device flow. Gives `{ url, start(), stop(), token({ resource, scope }), requests }`. It runs when this returns. */
export async function startProvider({ scopes, groupsOf = () => ['dev'], accessTokenSeconds = 600, tls, clients = [], defaultResource, defaultScope }) {
  const [port] = await freePorts(1);
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const requests = [];
  let server;
  const start = async () => {
    const provider = new Provider(url, {
      jwks: keys(),
      cookies: { keys: [randomUUID()] },
      scopes: ['openid', 'offline_access', ...scopes],
      clients: [{ client_id: robot.id, client_secret: robot.secret, grant_types: ['client_credentials'], redirect_uris: [],
                  response_types: [], scope: scopes.join(' ') },
                { client_id: app, client_name: 'weir', token_endpoint_auth_method: 'none', application_type: 'native', redirect_uris: [], response_types: [],
                  grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'], scope: ['openid', 'offline_access', ...scopes].join(' ') }, ...clients],
      clientDefaults: { scope: ['openid', ...scopes].join(' ') },
      findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      extraTokenClaims: (ctx, token) => ({ groups: groupsOf(token.accountId), name: token.accountId === undefined ? 'Robot' : `Person ${token.accountId}` }),
      ttl: { AccessToken: accessTokenSeconds, RefreshToken: 600, DeviceCode: 600, ClientCredentials: 600, Session: 600, Grant: 600, Interaction: 600 },
      features: {
        devInteractions: { enabled: true },
        registration: { enabled: true },
        clientCredentials: { enabled: true },
        deviceFlow: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: (ctx, client, one) => one ?? defaultResource?.(),
          useGrantedResource: () => true,
          getResourceServerInfo: (ctx, resource) => ({ scope: scopes.join(' '), audience: resource, accessTokenFormat: 'jwt',
                                                       jwt: { sign: { alg: 'RS256' } } }),
        },
      },
    });
    provider.use(async (ctx, next) => {
      requests.push(`${ctx.method} ${ctx.path}`);
      if (defaultScope && ctx.path === '/auth' && !ctx.query.scope) ctx.query = { ...ctx.query, scope: defaultScope };
      await next();
    });
    server = tls ? createServer(tls, provider.callback()).listen(port, '127.0.0.1') : provider.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await start();
  return {
    url, requests, start,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => { server.close(resolve); });
    },
    async token({ resource, scope = scopes.join(' ') }) {
      const answer = await fetch(`${url}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${robot.id}:${robot.secret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
      });
      const body = await answer.json();
      if (!body.access_token) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.access_token;
    },
  };
}

/** A browser of one person, as far as the provider's pages need one: follows `url` to the client's redirect, gives it. */
export async function signIn(url, person, redirect) {
  const jar = new Map();
  let at = new URL(url);
  let form;
  for (let steps = 0; steps < 20; ++steps) {
    const answer = await fetch(at, {
      redirect: 'manual', method: form ? 'POST' : 'GET', body: form,
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    form = undefined;
    const location = answer.headers.get('location');
    if (location) {
      at = new URL(location, at);
      if (at.href.startsWith(redirect)) return at;
      continue;
    }
    const page = await answer.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page);
    if (!prompt) throw new Error(`a page without a form (${answer.status}): ${page.slice(0, 2000)}`);
    form = new URLSearchParams(prompt[1] === 'login' ? { prompt: 'login', login: person, password: 'any' } : { prompt: prompt[1] });
    at = new URL(/action="([^"]+)"/.exec(page)[1], at);
  }
  throw new Error('the provider never came back to the client');
}

/** The browser of a person who opens `url` and says yes to whatever the provider asks, until the device is signed in. */
export async function enterCode(url, person) {
  const jar = new Map();
  let at = new URL(url);
  let form;
  for (let steps = 0; steps < 30; ++steps) {
    const answer = await fetch(at, {
      redirect: 'manual', method: form ? 'POST' : 'GET', body: form,
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    form = undefined;
    const location = answer.headers.get('location');
    const page = await answer.text();
    if (location) {
      at = new URL(location, at);
      continue;
    }
    if (/Sign-in Success/.test(page)) return;
    const action = /action="([^"]+)"/.exec(page);
    if (!action) throw new Error(`a page without a form (${answer.status}): ${page.slice(0, 2000)}`);
    form = new URLSearchParams([...page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) =>
      [/name="([^"]*)"/.exec(input)[1], /value="([^"]*)"/.exec(input)?.[1] ?? '']));
    if (form.get('prompt') === 'login') form = new URLSearchParams({ prompt: 'login', login: person, password: 'any' });
    if (!form.has('user_code') && /name="user_code"/.test(page)) form.set('user_code', at.searchParams.get('user_code'));
    at = new URL(action[1].replaceAll('&amp;', '&'), at);
  }
  throw new Error('the device was never signed in');
}

/** A token of `person` for `resource`, got as a program of theirs gets it. */
export async function tokenOf(provider, person, resource, scope) {
  const post = async (path, form) => (await fetch(`${provider.url}${path}`, { method: 'POST', body: new URLSearchParams(form) })).json();
  const code = await post('/device/auth', { client_id: app, scope, resource });
  if (!code.device_code) throw new Error(`no device code: ${JSON.stringify(code)}`);
  await enterCode(code.verification_uri_complete, person);
  const tokens = await post('/token', { client_id: app, grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: code.device_code });
  if (!tokens.access_token) throw new Error(`no token: ${JSON.stringify(tokens)}`);
  return tokens.access_token;
}
