#!/usr/bin/env bash
# Follows the stream at $URL as the owner of $TOKEN with `curl -N`, again and again, resuming by Last-Event-ID.
# A line of JSON for each event: its id, type and data. Ends by itself after four minutes.
set -u

last=''
while [ "$SECONDS" -lt 240 ]; do
    id='' type='' data=''
    resume=()
    [ -z "$last" ] || resume=(-H "Last-Event-ID: $last")
    while IFS= read -r line; do
        case $line in
        'id: '*) id=${line#id: } ;;
        'event: '*) type=${line#event: } ;;
        'data: '*) data=${line#data: } ;;
        # Only a blank line completes an event; before that a cut may have taken the rest.
        '')
            last=${id:-$last}
            [ -z "$data" ] || printf '{"id":"%s","type":"%s","data":%s}\n' "$id" "$type" "$data"
            id='' type='' data=''
            ;;
        esac
    done < <(curl -q -sN --noproxy '*' --max-time 240 -H "Authorization: Bearer $TOKEN" ${resume[@]+"${resume[@]}"} "$URL")
    sleep 0.3
done
