"""A mail relay for the tests: takes mail under STARTTLS from whoever signs in, and says on its output what it took.

Its one argument is a JSON object: cert, key (files), user, password. Each line of its input is how it answers from then on:
"take", "later" (451), "never" (550).
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def say(what):
    print(json.dumps(what), flush=True)


class Relay:
    answers = {"take": "250 taken", "later": "451 come back later", "never": "550 nobody of that name"}

    def __init__(self):
        self.manner = "take"

    async def handle_DATA(self, server, session, envelope):
        say({
            "manner": self.manner,
            "secure": session.ssl is not None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "mail": envelope.content.decode("utf-8"),
        })
        return self.answers[self.manner]


async def main(role):
    relay = Relay()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(role["cert"], role["key"])

    def known(server, session, envelope, mechanism, said):
        wanted = (role["user"].encode(), role["password"].encode())
        return AuthResult(success=(said.login, said.password) == wanted)

    def connected():
        return SMTP(
            relay,
            hostname="relay.example",
            tls_context=tls,
            require_starttls=True,
            auth_required=True,
            auth_require_tls=True,
            authenticator=known,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connected, "127.0.0.1", 0)
    say({"port": server.sockets[0].getsockname()[1]})
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        relay.manner = line.decode().strip()
        say({"manner": relay.manner, "from": None})


asyncio.run(main(json.loads(sys.argv[1])))
