"""An SMTP server that writes what it accepts to a file, and does as another file says.

The first argument is a folder: `mode` in it says what becomes of a message (`accept`, `slow`, `late`, `hang`, or a code such as
450; `MAIL 530`: the code to that command),
`accepted` gets a line of JSON for each that was acknowledged, `tried` one for each that was begun. `settings` is JSON: the
port, and what is asked of clients. It says on which port it listens.
"""

import asyncio
import json
import logging
import ssl
import sys
from datetime import datetime, timezone
from email import message_from_bytes, policy
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER = Path(sys.argv[1])
SETTINGS = json.loads((FOLDER / "settings").read_text())


def note(name, what):
    with open(FOLDER / name, "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


# Clients that hang up are what tests are about.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        mode = (FOLDER / "mode").read_text().strip()
        if mode.startswith("MAIL "):
            return f"{mode.removeprefix('MAIL ')} as the test wants"
        envelope.mail_from = address
        return "250 go on"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.original_content
        message = message_from_bytes(raw, policy=policy.default)
        mode = (FOLDER / "mode").read_text().strip()
        note("tried", {"mode": mode, "id": message["Message-ID"]})
        if mode == "hang":
            await asyncio.sleep(3600)
        if mode == "slow":
            await asyncio.sleep(1.5)
        elif mode not in ("accept", "late"):
            # As servers do, with the address.
            return f"{mode} <{envelope.rcpt_tos[0]}> as the test wants"
        parts = [part for part in message.walk() if not part.is_multipart()]
        note("accepted", {
            "at": datetime.now(timezone.utc).isoformat(),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "login": session.auth_data,
            "tls": session.ssl is not None,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "names": [name for name, _ in message.items()],
            "raw": raw.decode("ascii"),
            "parts": {part.get_content_type(): part.get_content() for part in parts},
        })
        if mode == "late":
            await asyncio.sleep(3)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    login = f"{data.login.decode()}:{data.password.decode()}"
    return AuthResult(success=login == SETTINGS["login"], handled=False, auth_data=login)


async def main():
    tls = None
    if SETTINGS.get("certificate"):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(SETTINGS["certificate"], SETTINGS["key"])
    login = {"authenticator": authenticate, "auth_required": True} if SETTINGS.get("login") else {}
    def client():
        return SMTP(Handler(), hostname="mx.test", enable_SMTPUTF8=False, tls_context=tls, require_starttls=tls is not None, **login)
    server = await asyncio.get_running_loop().create_server(client, "127.0.0.1", SETTINGS["port"])
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
