"""Says to Causerie who is logged in. Nothing but Python is needed."""

import base64
import hashlib
import hmac
import json
import os
import time

SECONDS = 15 * 60


def messages_token(id, name, picture=None):
    """`id` is the site's own, never given to anybody else; `name` and `picture` (https) are what others see."""
    now = int(time.time())
    claims = {"sub": str(id), "name": name, "picture": picture, "iat": now, "exp": now + SECONDS}
    signed = b".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    signature = hmac.new(os.environ["CAUSERIE_JWT_SECRET"].encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64url(signature)).decode()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")
