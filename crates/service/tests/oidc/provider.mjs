// A real provider of OpenID Connect, for the tests of the sign-in.
//
// Takes one argument, JSON: { client: the registration of the one client, acr, amr, account: the claims of the one account }.
// Writes its issuer on the first line of standard output once it listens. Ends when its standard input does.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import { Provider } from 'oidc-provider';

// What the provider warns of (keys and cookies of a test) is no news; standard output is for the issuer.
console.info = console.warn = () => {};

const { client, acr, amr, account } = JSON.parse(process.argv[2]);

process.stdin.resume().on('end', () => process.exit(0));

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

function key(kind, options, alg) {
  const { privateKey } = generateKeyPairSync(kind, options);
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: `test-${alg}` };
}

const provider = new Provider(issuer, {
  acrValues: ['eidas1', 'eidas2', 'eidas3'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], siret: ['siret'], acr: null, amr: null, auth_time: null },
  clients: [client],
  cookies: { keys: ['for the length of a test'] },
  features: {
    claimsParameter: { enabled: true },
    devInteractions: { enabled: false },
    jwtUserinfo: { enabled: true },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...account }) }),
  jwks: {
    keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')],
  },
  // The one client is trusted with what it asks for: no page asks the person.
  async loadExistingGrant(ctx) {
    const grant = new provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope('openid email siret');
    grant.addOIDCClaims(['acr', 'amr', 'auth_time']);
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
  scopes: ['openid', 'email', 'siret'],
});

const callback = provider.callback();

async function interaction(request, response) {
  if (request.method === 'GET') {
    const { uid } = await provider.interactionDetails(request, response);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<form method="post" action="/interaction/${uid}"><input name="login"></form>`);
    return;
  }
  let form = '';
  for await (const part of request) form += part;
  const accountId = new URLSearchParams(form).get('login');
  await provider.interactionFinished(request, response, { login: { accountId, acr, amr } });
}

server.on('request', (request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    callback(request, response);
    return;
  }
  interaction(request, response).catch((error) => {
    response.statusCode = 400;
    response.end(String(error));
  });
});

process.stdout.write(`${issuer}\n`);
