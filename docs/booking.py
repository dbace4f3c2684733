#!/usr/bin/env python3
"""A booking never fails because messaging did: a host's backend that books first and announces afterwards.

    booking.py book ID CLIENT SALON TITLE   books, then tries once to announce
    booking.py deliver                      announces what waits; to be run every minute

BOOKINGS_DB is the host's own database, CAUSERIE_URL the service, CAUSERIE_JWT_SECRET what the host signs tokens with.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 3
# Stands for the host's own accounts.
ACCOUNTS = {"alice": "Alice Martin", "salon": "Salon Lumière"}


def database():
    db = sqlite3.connect(os.environ["BOOKINGS_DB"], isolation_level=None)
    db.execute("create table if not exists bookings (id text primary key, client text, salon text, title text)")
    db.execute("create table if not exists outbox (n integer primary key, method text, path text, body text, refused text)")
    return db


def book(db, booking, client, salon, title):
    """The booking and what is to be said about it, in one transaction. Nothing here asks Causerie."""
    db.execute("begin immediate")
    known = db.execute("insert into bookings values (?, ?, ?, ?) on conflict do nothing", (booking, client, salon, title))
    if known.rowcount:
        say(db, "PUT", "/v1/users", [{"id": id, "name": ACCOUNTS[id]} for id in (client, salon)])
        say(db, "POST", "/v1/conversations", {
            "type": "PRIVATE", "memberIds": [client, salon], "subject": title,
            # One conversation per appointment, whoever is in it: asked for again, it is found.
            "context": {"type": "APPOINTMENT", "id": booking, "title": title, "unique": True},
            "systemMessage": {"content": f"Rendez-vous confirmé : {title}.", "clientMessageId": f"booked-{booking}"},
        })
    db.execute("commit")
    print(f"booked {booking}", flush=True)


def say(db, method, path, body):
    db.execute("insert into outbox (method, path, body) values (?, ?, ?)", (method, path, json.dumps(body)))


def deliver(db):
    """In order, each until it is acknowledged; whoever is cut off before the `delete` sends it again, which is safe."""
    rows = db.execute("select n, method, path, body from outbox where refused is null order by n").fetchall()
    for n, method, path, body in rows:
        try:
            call(method, path, body)
        except urllib.error.HTTPError as error:
            if error.code in (401, 408, 429) or error.code >= 500:
                return print(f"waits: {error.code}", flush=True)
            # Sent again it would be refused again: for a person to look at.
            db.execute("update outbox set refused = ? where n = ?", (error.read().decode(), n))
            print(f"refused: {error.code}", flush=True)
            continue
        except OSError as error:  # no connection, or no answer in time: it may have been stored
            return print(f"waits: {error}", flush=True)
        db.execute("delete from outbox where n = ?", (n,))
    print("nothing waits", flush=True)


def call(method, path, body):
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}
    request = urllib.request.Request(os.environ["CAUSERIE_URL"] + path, body.encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        answer.read()


def token():
    """The host's backend, for a minute."""
    now = int(time.time())
    claims = {"sub": "booking", "role": "service", "iat": now, "exp": now + 60}
    parts = [base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signature = hmac.new(os.environ["CAUSERIE_JWT_SECRET"].encode(), b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64url(signature)]).decode()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:] or ["help"]
    if command == "book" and len(arguments) == 4:
        book(database(), *arguments)
    elif command != "deliver":
        sys.exit(__doc__)
    deliver(database())
