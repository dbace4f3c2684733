"""Follows the stream at $URL as the owner of $TOKEN with httpx-sse, again and again, resuming by Last-Event-ID.

A line of JSON for each event: its id, type and data. Ends by itself after four minutes.
"""

import json
import os
import signal
import time

import httpx
from httpx_sse import connect_sse

signal.alarm(240)
last = ""
with httpx.Client(timeout=30, trust_env=False) as client:
    while True:
        headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
        if last:
            headers["Last-Event-ID"] = last
        try:
            with connect_sse(client, "GET", os.environ["URL"], headers=headers) as source:
                source.response.raise_for_status()
                for event in source.iter_sse():
                    last = event.id
                    print(json.dumps({"id": event.id, "type": event.event, "data": event.json()}), flush=True)
        except httpx.TransportError:
            pass  # cut: go on from the last id
        time.sleep(0.3)
