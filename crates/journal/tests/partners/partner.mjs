// A partner that uses nats.js: reads its feed, sends a command, then tries everything it must not be able to do.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const role = JSON.parse(readFileSync(process.argv[2], "utf8"));
const attacks = JSON.parse(readFileSync(role.attacks, "utf8"));
// The libraries are in the build directory, not beside this file.
const require = createRequire(role.modules + "/");
const load = async (name) => await import(pathToFileURL(require.resolve(name)).href);
const { connect: open, credsAuthenticator, headers: newHeaders, nkeyAuthenticator, usernamePasswordAuthenticator } =
  await load("@nats-io/transport-node");
const { jetstream } = await load("@nats-io/jetstream");

const MARK = "CANARY";
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async () => JSON.parse((await lines.next()).value);
const fill = (text) =>
  Object.entries(role.names).reduce((filled, [name, value]) => filled.replaceAll(`{${name}}`, value), text ?? "");

async function connect(credentials) {
  const options = { servers: role.url, reconnect: false, timeout: 3000, maxReconnectAttempts: 0 };
  if (role.ca) options.tls = { caFile: role.ca, handshakeFirst: true };
  if (credentials === "password") {
    options.authenticator = usernamePasswordAuthenticator("admin", "admin");
  } else if (credentials !== "anonymous") {
    const path = role.credentials[credentials];
    const bytes = readFileSync(path);
    options.authenticator = path.endsWith(".creds")
      ? credsAuthenticator(bytes)
      : nkeyAuthenticator(new TextEncoder().encode(bytes.toString().trim()));
  }
  return await open(options);
}

function headersOf(attack) {
  if (!attack.headers) return undefined;
  const headers = newHeaders();
  for (const [name, value] of Object.entries(attack.headers)) headers.set(name, value);
  return headers;
}

// Whether an answer is a no.
function refuses(message) {
  const headers = message.headers;
  if (headers?.has("Nats-Service-Error") || (headers?.code ?? 0) >= 300) return true;
  try {
    const body = JSON.parse(message.string());
    return body !== null && typeof body === "object" && "error" in body;
  } catch {
    return false;
  }
}

async function ask(nc, attack) {
  try {
    const options = { timeout: 1000, headers: headersOf(attack) };
    const message = await nc.request(fill(attack.subject), fill(attack.body), options);
    return { refused: refuses(message), detail: message.string().slice(0, 120) };
  } catch (why) {
    return { refused: true, detail: why.name };
  }
}

// More than the limits: whether one of many was refused, or the connection cut.
async function beyond({ do: kind, subject, count }) {
  if (kind === "connections") {
    const opened = [];
    try {
      for (let n = 0; n < count; n++) opened.push(await connect("own"));
      return false;
    } catch {
      return true;
    } finally {
      for (const nc of opened) await nc.close();
    }
  }
  const nc = await connect("own");
  // The server complains, or cuts: whichever is first, or neither for five seconds.
  const complaint = new Promise((complain) => {
    nc.closed().then(() => complain(true));
    (async () => {
      for await (const status of nc.status()) if (status.type === "error") complain(true);
    })();
    setTimeout(() => complain(false), 5000).unref();
  });
  try {
    if (kind === "subscriptions") {
      for (let n = 0; n < count; n++) nc.subscribe(`_INBOX.more.${n}`, { callback: () => {} });
    } else if (kind === "payload") {
      nc.publish(subject, "x".repeat(count));
    } else {
      const one = (n) => {
        const headers = newHeaders();
        headers.set("Nats-Msg-Id", `flood-${n}`);
        return nc.request(subject, "{}", { timeout: 5000, headers });
      };
      const answers = await Promise.allSettled(Array.from({ length: count }, (_, n) => one(n)));
      return answers.some((a) => a.status === "rejected" || a.value.headers?.get("Continuum-Status") === "429");
    }
    return await complaint;
  } catch {
    return true;
  } finally {
    nc.close().catch(() => {});
  }
}

const nc = await connect("own");
const cut = nc.closed();
const sinks = new Map();
for (const attack of attacks.filter((a) => a.do === "subscribe")) {
  const seen = [];
  sinks.set(attack.name, seen);
  nc.subscribe(fill(attack.subject), { callback: (error, message) => error ?? seen.push(message.string()) });
}
await nc.flush();
say({ at: "subscribed" });

await hear();
const reader = await jetstream(nc, { apiPrefix: "BR", checkAPI: false }).consumers.get("FEED", role.names.A);
const feed = [];
while (feed.length < role.messages) {
  for await (const message of await reader.fetch({ max_messages: 10, expires: 1000 })) {
    feed.push(message.string());
    await message.ackAck();
    if (feed.length === role.messages) break;
  }
}
const same = newHeaders();
same.set("Nats-Msg-Id", "same-key");
const receipt = await nc.request("cmd.33.households.register", "{}", { timeout: 5000, headers: same });
say({ at: "own", feed, receipt: receipt.json() });

const asked = attacks.filter((a) => a.do === "request");
const outcomes = await Promise.all(asked.map((attack) => ask(nc, attack)));
asked.forEach((attack, n) => say({ attack: attack.name, ...outcomes[n] }));
for (const attack of attacks.filter((a) => a.do === "deputy" || a.do === "publish")) {
  let detail = "";
  try {
    const options = { headers: headersOf(attack), reply: attack.reply && fill(attack.reply) };
    nc.publish(fill(attack.subject), fill(attack.body), options);
  } catch (why) {
    detail = why.name;
  }
  // What it did is seen by the house.
  say({ attack: attack.name, refused: true, detail });
}
await nc.flush();
for (const [name, seen] of sinks) {
  const leaked = seen.filter((data) => data.includes(MARK));
  say({ attack: name, refused: leaked.length === 0, detail: leaked[0] ?? "" });
}
for (const attack of attacks) {
  if (attack.do === "connect" && (attack.only ?? role.mode) === role.mode) {
    try {
      await (await connect(attack.credentials)).close();
      say({ attack: attack.name, refused: false, detail: "connected" });
    } catch (why) {
      say({ attack: attack.name, refused: true, detail: why.name });
    }
  } else if (attack.count) {
    say({ attack: attack.name, refused: await beyond(attack), detail: "" });
  }
}
say({ at: "attacked", connected: !nc.isClosed() });

await cut;
say({ at: "cut" });
while ((await hear()).do === "again") {
  try {
    await (await connect("own")).close();
    say({ at: "again", connected: true });
  } catch (why) {
    say({ at: "again", connected: false, detail: why.name });
  }
}
process.exit(0);
