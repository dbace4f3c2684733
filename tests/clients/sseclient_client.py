"""Follows the stream at $URL as the owner of $TOKEN with sseclient-py over requests, resuming by Last-Event-ID.

A line of JSON for each event: its id, type and data. Ends by itself after four minutes.
"""

import json
import os
import signal
import sys
import time

import requests
import sseclient

signal.alarm(240)
last = ""
session = requests.Session()
session.trust_env = False
while True:
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Accept": "text/event-stream"}
    if last:
        headers["Last-Event-ID"] = last
    try:
        with session.get(os.environ["URL"], headers=headers, stream=True, timeout=30) as answer:
            if answer.status_code != 200:
                sys.exit(f"{answer.status_code} {answer.text}")
            for event in sseclient.SSEClient(answer).events():
                last = event.id or last
                print(json.dumps({"id": event.id or "", "type": event.event, "data": json.loads(event.data)}), flush=True)
    except requests.RequestException:
        pass  # cut: go on from the last id
    time.sleep(0.3)
