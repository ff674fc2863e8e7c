// lib/issuer.mjs - an issuer whose every move the test decides: what it answers for its metadata and its keys, and tokens
// with whatever claims, signed with a key that it shows or not. For what a real provider never does (lib/provider.mjs).
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A key with a name of its own: `{ kid, jwk, privateKey }`. */
export function makeKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomUUID();
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' } };
}

/**
 * Starts one; gives
 *   url, requests        what was asked for, by path
 *   keys                 those it shows; the first signs
 *   answer(path, fn)     from now on `fn(res)` answers `/keys` or `/metadata` in its place; undefined: as it should be
 *   token(claims, key)   a token for an hour; a claim given as `undefined` is left out
 *   stop()
 */
export async function startIssuer() {
  const requests = [];
  const answers = new Map();
  const issuer = { requests, keys: [makeKey()] };
  const server = createServer((req, res) => {
    const path = req.url.startsWith('/.well-known/') ? '/metadata' : req.url;
    requests.push(path);
    const own = answers.get(path);
    if (own) return own(res);
    const body = { '/metadata': { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` },
                   '/keys': { keys: issuer.keys.map(({ jwk }) => jwk) } }[path];
    res.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
    return res.end(JSON.stringify(body ?? {}));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return Object.assign(issuer, {
    url: `http://127.0.0.1:${server.address().port}`,
    answer: (path, fn) => { answers.set(path, fn); },
    token(claims, key = issuer.keys[0]) {
      const now = Math.floor(Date.now() / 1000);
      const text = `${part({ alg: 'ES256', typ: 'at+jwt', kid: key.kid })}.${part({ iss: issuer.url, sub: 'ann', client_id: 'test',
        iat: now, exp: now + 3600, jti: randomUUID(), ...claims })}`;
      return `${text}.${sign('sha256', Buffer.from(text), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => { server.close(resolve); });
    },
  });
}
