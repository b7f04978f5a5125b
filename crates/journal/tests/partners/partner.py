"""A partner that uses nats.py: reads its feed, sends a command, then tries everything it must not be able to do."""

import asyncio
import json
import ssl
import sys

import nats
from nats.errors import Error, NoRespondersError, TimeoutError as NatsTimeout

ROLE = json.load(open(sys.argv[1]))
ATTACKS = json.load(open(ROLE["attacks"]))
MARK = b"CANARY"


def say(**what):
    print(json.dumps(what), flush=True)


async def hear():
    return json.loads(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))


def fill(text):
    for name, value in ROLE["names"].items():
        text = text.replace("{" + name + "}", value)
    return text


async def connect(credentials, **more):
    async def quiet(_):
        pass

    options = dict(allow_reconnect=False, error_cb=quiet, connect_timeout=3, max_reconnect_attempts=0)
    if ROLE.get("ca"):
        options["tls"] = ssl.create_default_context(cafile=ROLE["ca"])
        options["tls_handshake_first"] = True
    if credentials == "password":
        options.update(user="admin", password="admin")
    elif credentials != "anonymous":
        path = ROLE["credentials"][credentials]
        options["user_credentials" if path.endswith(".creds") else "nkeys_seed"] = path
    options.update(more)
    return await asyncio.wait_for(nats.connect(ROLE["url"], **options), 5)


def refusal(message):
    """Why an answer is a no; None if it is a yes."""
    headers = message.headers or {}
    if "Nats-Service-Error" in headers or headers.get("Status", "200") not in ("100", "200"):
        return "refused"
    try:
        body = json.loads(message.data)
    except ValueError:
        return None
    return "error" if isinstance(body, dict) and "error" in body else None


async def ask(nc, attack):
    body, headers = fill(attack.get("body", "")).encode(), attack.get("headers")
    try:
        message = await nc.request(fill(attack["subject"]), body, timeout=1.0, headers=headers)
    except (NoRespondersError, NatsTimeout, Error, ValueError) as why:
        return True, type(why).__name__
    return refusal(message) is not None, message.data[:120].decode(errors="replace")


async def beyond(attack):
    """More than the limits: whether one of many was refused, or the connection cut."""
    kind, count = attack["do"], attack["count"]
    if kind == "connections":
        opened = []
        try:
            for _ in range(count):
                opened.append(await connect("own"))
            return False
        except Exception:
            return True
        finally:
            for nc in opened:
                await nc.close()
    # The server complains, or cuts.
    trouble = asyncio.Event()

    async def note(*_):
        trouble.set()

    nc = await connect("own", error_cb=note, closed_cb=note, disconnected_cb=note)
    try:
        if kind == "subscriptions":
            for n in range(count):
                await nc.subscribe(f"_INBOX.more.{n}")
        elif kind == "payload":
            await nc.publish(attack["subject"], b"x" * count)
        else:
            async def one(n):
                headers = {"Nats-Msg-Id": f"flood-{n}"}
                return await nc.request(attack["subject"], b"{}", timeout=5, headers=headers)
            answers = await asyncio.gather(*(one(n) for n in range(count)), return_exceptions=True)
            return any(isinstance(a, Exception) or a.headers.get("Continuum-Status") == "429" for a in answers)
        await asyncio.wait_for(trouble.wait(), 5)
        return True
    except asyncio.TimeoutError:
        return False
    except Error:
        return True
    finally:
        await nc.close()


async def main():
    cut = asyncio.Event()

    async def closed():
        cut.set()

    nc = await connect("own", closed_cb=closed, disconnected_cb=closed)
    sinks = {}
    for attack in ATTACKS:
        if attack["do"] == "subscribe":
            sub = await nc.subscribe(fill(attack["subject"]))
            sinks[attack["name"]] = sub
    await nc.flush()
    say(at="subscribed")

    await hear()
    js = nc.jetstream(prefix="BR")
    reader = await js.pull_subscribe_bind(ROLE["names"]["A"], "FEED")
    feed = []
    while len(feed) < ROLE["messages"]:
        for message in await reader.fetch(10, timeout=5):
            feed.append(message.data.decode())
            await message.ack_sync()
    headers = {"Nats-Msg-Id": "same-key"}
    receipt = await nc.request("cmd.33.households.register", b"{}", timeout=5, headers=headers)
    say(at="own", feed=feed, receipt=json.loads(receipt.data))

    asked = [a for a in ATTACKS if a["do"] == "request"]
    outcomes = await asyncio.gather(*(ask(nc, attack) for attack in asked))
    for attack, (refused, detail) in zip(asked, outcomes):
        say(attack=attack["name"], refused=refused, detail=detail)
    for attack in ATTACKS:
        if attack["do"] in ("deputy", "publish"):
            detail = ""
            try:
                reply = fill(attack.get("reply", ""))
                body = fill(attack.get("body", "")).encode()
                await nc.publish(fill(attack["subject"]), body, reply=reply, headers=attack.get("headers"))
            except Exception as why:
                detail = type(why).__name__
            # What it did is seen by the house.
            say(attack=attack["name"], refused=True, detail=detail)
    await nc.flush()
    for name, sub in sinks.items():
        seen = []
        while sub.pending_msgs:
            seen.append((await sub.next_msg(0.1)).data)
        leaked = [data for data in seen if MARK in data]
        say(attack=name, refused=not leaked, detail=str(leaked[:1]))
    for attack in ATTACKS:
        if attack["do"] == "connect" and attack.get("only", ROLE["mode"]) == ROLE["mode"]:
            try:
                await (await connect(attack["credentials"])).close()
                say(attack=attack["name"], refused=False, detail="connected")
            except Exception as why:
                say(attack=attack["name"], refused=True, detail=type(why).__name__)
        elif "count" in attack:
            say(attack=attack["name"], refused=await beyond(attack), detail="")
    say(at="attacked", connected=nc.is_connected)

    await asyncio.wait_for(cut.wait(), 60)
    say(at="cut")
    while (await hear())["do"] == "again":
        try:
            await (await connect("own")).close()
            say(at="again", connected=True)
        except Exception as why:
            say(at="again", connected=False, detail=type(why).__name__)


asyncio.run(main())
