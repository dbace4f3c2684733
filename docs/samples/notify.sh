#!/bin/sh
# The site tells somebody something. TOKEN is the token of a service, CAUSERIE_URL where the service is.
set -eu

# With the same key it is told once, however often this is sent.
curl -sS --fail-with-body "$CAUSERIE_URL/v1/notifications" \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H 'Idempotency-Key: rdv-7-moved' \
    -d '{ "userId": "ann", "type": "APPOINTMENT_MOVED", "title": "Your haircut was moved", "message": "Tuesday at ten, with Inès.", "link": "/appointments/7" }'
