// lib/provider.mjs - a real provider of identities (npm oidc-provider) whose access tokens are JWTs for the resource that
// was asked for: people sign in with its pages for development, the client `robot` with a secret.
//
// Its keys are new at each start, so that a restart on the same port is a rotation.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import Provider from 'oidc-provider';
import { freePorts } from './processes.mjs';

export const robot = { id: 'robot', secret: 'planted-robot-secret-5c1d' };

function keys() {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  return { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: randomUUID() }] };
}

/** Gives `{ url, start(), stop(), token({ resource, scope }), requests }`. It runs when this returns. */
export async function startProvider({ scopes }) {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const requests = [];
  let server;
  const start = async () => {
    const provider = new Provider(url, {
      jwks: keys(),
      cookies: { keys: [randomUUID()] },
      scopes: ['openid', 'offline_access', ...scopes],
      clients: [{ client_id: robot.id, client_secret: robot.secret, grant_types: ['client_credentials'], redirect_uris: [],
                  response_types: [], scope: scopes.join(' ') }],
      clientDefaults: { scope: ['openid', ...scopes].join(' ') },
      findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      extraTokenClaims: (ctx, token) => ({ groups: ['dev'], name: token.accountId === undefined ? 'Robot' : `Person ${token.accountId}` }),
      ttl: { AccessToken: 600, ClientCredentials: 600, Session: 600, Grant: 600, Interaction: 600 },
      features: {
        devInteractions: { enabled: true },
        registration: { enabled: true },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: (ctx, client, one) => one,
          useGrantedResource: () => true,
          getResourceServerInfo: (ctx, resource) => ({ scope: scopes.join(' '), audience: resource, accessTokenFormat: 'jwt',
                                                       jwt: { sign: { alg: 'RS256' } } }),
        },
      },
    });
    provider.use(async (ctx, next) => {
      requests.push(`${ctx.method} ${ctx.path}`);
      await next();
    });
    server = provider.listen(port, '127.0.0.1');
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
