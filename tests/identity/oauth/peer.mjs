// oauth2-mock-server as a provider of accounts: tokens made by code that is not ours.
// `node peer.mjs <module> <issuer>` prints its address, then answers each line of JSON on stdin, a wish for the tokens to
// come, with `ok`: {claims, header, drop, forge}.
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { createInterface } from 'node:readline';

const { OAuth2Server } = await import(process.argv[2]);
const server = new OAuth2Server();
const jwk = await server.issuer.keys.generate('RS256', { kid: 'peer-1' });
await server.start(0, '127.0.0.1');
server.issuer.url = process.argv[3];

const publicPem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
const published = {
  ES256: await publish('ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  RS512: await publish('RS512', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
  RS256: await publish('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
};
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
let wish = {};

// Keys take turns for signing, so a key that is only to be published is shown in the answer, not put into the store.
async function publish(alg, key) {
  return { alg, key, jwk: { ...createPublicKey(key).export({ format: 'jwk' }), alg, use: 'sig', kid: `peer-${alg}` } };
}

const keys = server.issuer.keys.toJSON.bind(server.issuer.keys);
server.issuer.keys.toJSON = () => [...keys(), ...Object.values(published).map((one) => one.jwk)];

server.service.on('beforeTokenSigning', ({ header, payload }) => {
  Object.assign(header, wish.header ?? {});
  Object.assign(payload, wish.claims ?? {});
  for (const name of wish.drop ?? []) delete payload[name];
});

server.service.on('beforeResponse', (response) => {
  if (wish.forge && response.body.id_token) response.body.id_token = forge(response.body.id_token);
  if (wish.body) Object.assign(response.body, wish.body);
});

function forge(token) {
  const [head, body, signature] = token.split('.');
  const header = JSON.parse(Buffer.from(head, 'base64url'));
  const put = (change) => `${Buffer.from(JSON.stringify({ ...header, ...change })).toString('base64url')}.${body}`;
  switch (wish.forge) {
    case 'none':
      return `${put({ alg: 'none' })}.`;
    case 'HS256': {
      const text = put({ alg: 'HS256' });
      return `${text}.${createHmac('sha256', publicPem).update(text).digest('base64url')}`;
    }
    case 'body': {
      const claims = { ...JSON.parse(Buffer.from(body, 'base64url')), sub: 'somebody-else' };
      return `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
    }
    case 'stranger':
      return signed(put({}), 'sha256', stranger);
    default: {
      const { alg, key, jwk: own } = published[wish.forge];
      return signed(put({ alg, kid: own.kid }), alg.endsWith('512') ? 'sha512' : 'sha256', key);
    }
  }
}

function signed(text, hash, key) {
  return `${text}.${sign(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

console.log(`http://127.0.0.1:${server.address().port}`);
for await (const line of createInterface({ input: process.stdin })) {
  wish = JSON.parse(line);
  console.log('ok');
}
await server.stop();
