"""What schemathesis has to know of the service to get anywhere: who asks, what there is, and what must not be waited for.

Only what was generated as acceptable is exchanged, and never what a case tries out as wrong. Beside that it counts.
"""

import atexit
import json
import os
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

with open(os.environ["CAUSERIE_SCENE"], encoding="utf-8") as file:
    SCENE = json.load(file)
BASE = SCENE["base"]
OTHER = {"alice": "bob", "bob": "alice"}
OF_SERVICE = {
    "putUser", "putUsers", "traceMessage", "revokeTokens", "eraseUser", "exportUser", "createNotifications",
    "sendEmail", "getEmail", "listJobs", "retryJob", "cancelJob",
    "createReminder", "listReminders", "getReminder", "cancelReminder",
}
# What changes a conversation or a message for good gets one of its own, so that the others' stays as it is.
OF_A_NEW_GROUP = {"updateConversation", "deleteConversation", "updateMember", "removeMember"}
OF_A_NEW_MESSAGE = {"editMessage", "deleteMessage"}
OF_A_NEW_JOB = {"cancelScheduledMessage", "retryJob", "cancelJob"}
OF_A_NEW_REMINDER = {"getReminder", "cancelReminder"}

asked = Counter()
seen = defaultdict(Counter)


def post(person, path, body):
    headers = {"Authorization": f"Bearer {SCENE['tokens'][person]}"}
    answer = requests.post(BASE + path, json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer.json()


def newcomer():
    """Somebody whom nobody will miss."""
    person = f"newcomer-{asked['eraseUser']}"
    headers = {"Authorization": f"Bearer {SCENE['tokens']['backend']}"}
    requests.put(f"{BASE}/v1/users/{person}", json={}, headers=headers, timeout=30).raise_for_status()
    return person


def ahead(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()


def scheduled(operation, person):
    """A message that waits, or one that was given up."""
    new = {"content": "later", "deliverAt": ahead(86400)}
    job = post(person, f"/v1/conversations/{SCENE['group']}/messages", new)["id"]
    if operation == "retryJob":
        post(person, f"/v1/admin/jobs/{job}/cancel", {})
    return job


def be_told(person):
    """What is tried on their preferences may have turned it off: then nothing is shown."""
    headers = {"Authorization": f"Bearer {SCENE['tokens'][person]}"}
    wishes = {"channels": {"inApp": True}, "types": []}
    requests.patch(f"{BASE}/v1/me/preferences", json=wishes, headers=headers, timeout=30).raise_for_status()


def thing(operation, path, person):
    """The id of something that this person may do this to."""
    if operation in OF_A_NEW_GROUP:
        return post(person, "/v1/conversations", {"type": "GROUP", "memberIds": [OTHER[person]]})["id"]
    if operation in OF_A_NEW_MESSAGE:
        return post(person, f"/v1/conversations/{SCENE['group']}/messages", {"content": "to be changed"})["id"]
    if operation in {"readNotification", "deleteNotification"}:
        be_told(person)
        return post("backend", "/v1/notifications", {"userId": person, "type": "T", "title": "t"})["items"][0]["id"]
    if operation in OF_A_NEW_REMINDER:
        new = {"userIds": ["bob"], "at": ahead(86400), "notification": {"type": "T", "title": "t"}}
        return post("backend", "/v1/reminders", new)["id"]
    if operation in OF_A_NEW_JOB:
        return scheduled(operation, person)
    if operation == "revokeTokens":
        return "carol"
    if operation == "eraseUser":
        return newcomer()
    if operation == "getEmail":
        return SCENE["email"]
    if path.startswith("/v1/users"):
        return "bob"
    return SCENE["message"] if "/messages/{id}" in path else SCENE["group"]


def is_acceptable(case, location):
    part = case.meta.components.get(location) if case.meta else None
    return part is None or part.mode.is_positive


def at_most(query, name, most):
    """Long enough to be a wait, short enough for a test. What is no number is left as it is, to be refused."""
    if name in query and str(query[name]).isdecimal() and int(query[name]) > most:
        query[name] = most


def written_to_one(body):
    """Of what excludes one another, one."""
    for name in ("userId", "template", "deliverAt"):
        body.pop(name, None)
    body.update({"to": "alice@mail.example", "subject": "Bonjour", "text": "Bonjour"})


@schemathesis.hook
def before_call(ctx, case, kwargs):
    operation, path = case.operation.definition.raw["operationId"], case.operation.path
    asked[operation] += 1
    turn = asked[operation]
    person = "backend" if operation in OF_SERVICE else ("alice", "bob")[turn % 2]
    if path.startswith("/v1/") and not path.startswith("/v1/diagnostics/"):
        case.headers["Authorization"] = f"Bearer {SCENE['tokens'][person]}"
    kwargs["allow_redirects"] = False
    query = case.query if isinstance(case.query, dict) else {}
    at_most(query, "wait", 1)
    at_most(query, "seconds", 1)
    # A deletion or a revocation never meets what the other cases are about.
    of_its_own = OF_A_NEW_GROUP | OF_A_NEW_MESSAGE | OF_A_NEW_JOB | OF_A_NEW_REMINDER
    must_be_own = operation in of_its_own | {"revokeTokens", "eraseUser"}
    if case.path_parameters and is_acceptable(case, ParameterLocation.PATH):
        if must_be_own or turn % 4:
            if "id" in case.path_parameters:
                case.path_parameters["id"] = thing(operation, path, person)
            if "userId" in case.path_parameters:
                case.path_parameters["userId"] = OTHER[person]
            if "name" in case.path_parameters:
                case.path_parameters["name"] = "index.html"
    if turn % 4 == 0:
        return
    if is_acceptable(case, ParameterLocation.QUERY):
        query.pop("ticket", None)
        query.pop("pageToken", None)
        if operation in ("unsubscribe", "unsubscribePage"):
            query["token"] = SCENE["unsubscribe"]
        if "since" in query:
            query["since"] = SCENE["cursor"]
            for name in ("before", "after", "page"):
                query.pop(name, None)
    body = case.body
    if isinstance(body, dict) and is_acceptable(case, ParameterLocation.BODY):
        if operation == "delivered":
            body["cursor"] = SCENE["cursor"]
        if operation == "readConversation":
            body["upTo"] = 1
        if operation == "putUser":
            body.pop("id", None)
        if "email" in body:
            body["email"] = "bob@mail.example"
        if operation == "createReminder":
            body["userIds"], body["at"] = [OTHER["alice"]], ahead(3600)
            body.pop("expiresAt", None)
        if operation == "sendEmail":
            written_to_one(body)
        if operation in ("sendMessage", "createConversation"):
            for message in (body, body.get("firstMessage")):
                if isinstance(message, dict):
                    message.pop("replyToId", None)
                    if message.pop("deliverAt", None) is not None and operation == "sendMessage":
                        message["deliverAt"] = ahead(2)
        if operation in ("createConversation", "addMembers"):
            for name in ("recipientId", "members", "organizationId"):
                body.pop(name, None)
            body["memberIds"] = [OTHER[person]]


@schemathesis.hook
def filter_failure(ctx, failure, case, response):
    """That the diagnostics have only so many seats is no failure of the server, though its status is 503."""
    return not (response.status_code == 503 and response.json().get("code") == "diagnostics-full")


@schemathesis.hook
def after_call(ctx, case, response):
    seen[case.operation.definition.raw["operationId"]][response.status_code] += 1


@atexit.register
def write():
    with open(os.environ["CAUSERIE_SEEN"], "w", encoding="utf-8") as file:
        json.dump(seen, file)
