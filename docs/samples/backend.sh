#!/bin/sh
# What the site's backend says of its people. TOKEN is the token of a service, CAUSERIE_URL where the service is.
set -eu

call() {
    curl -sS --fail-with-body -X "$1" "$CAUSERIE_URL$2" \
        -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d "$3"
    echo
}

# Who they are. Somebody who never came here can be written to once the service knows them.
call PUT /v1/users '[
  { "id": "ann", "name": "Ann Lee", "imageUrl": "https://www.example.org/ann.jpg" },
  { "id": "salon", "name": "Salon Lumière" }
]'

# A conversation on behalf of both, with a first word of the site's own. Asked again, it is found again.
call POST /v1/conversations '{
  "type": "PRIVATE", "memberIds": ["ann", "salon"], "subject": "Haircut",
  "context": { "type": "APPOINTMENT", "id": "rdv-7", "title": "Haircut", "startsAt": "2026-12-01T09:30:00Z", "unique": true },
  "systemMessage": { "content": "Your appointment is confirmed.", "clientMessageId": "booked-rdv-7" }
}'
