//! Things of others that are named in a body or a query, where one's own thing is asked for: refused as a random one is.

use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{EARLY, Outsider, Scene};
use super::{assert_silent, told};
use crate::strangers::bare;
use crate::support::Answer;

type Theirs = fn(&Scene) -> &str;

/// What is called, with what in place of `THEIRS`, and what is answered. `OWN` is a conversation of the caller's own.
struct Naming {
    who: fn(&Outsider) -> bool,
    path: &'static str,
    body: &'static str,
    theirs: Theirs,
    refusal: (u16, &'static str),
}

const ANYBODY: fn(&Outsider) -> bool = |_| true;
/// In one tenant everybody may write to everybody whom they can name.
const OF_ANOTHER_TENANT: fn(&Outsider) -> bool = |outsider| outsider.what.contains("tenant");

fn namings() -> Vec<Naming> {
    let naming = |who, path, body, theirs, refusal| Naming {
        who,
        path,
        body,
        theirs,
        refusal,
    };
    let (invalid, unknown) = ((422, "invalid-body"), (422, "user-unknown"));
    let (late, early, private): (Theirs, Theirs, Theirs) = (
        |s| &s.group.message,
        |s| &s.early_message,
        |s| &s.private.message,
    );
    let conversations = "/v1/conversations";
    let mut all = Vec::new();
    for message in [late, early, private] {
        for (path, body) in [
            (
                "/v1/conversations/OWN/messages",
                r#"{"content":"x","replyToId":"THEIRS"}"#,
            ),
            (
                conversations,
                r#"{"type":"GROUP","memberIds":["friend"],"firstMessage":{"content":"x","replyToId":"THEIRS"}}"#,
            ),
        ] {
            all.push(naming(ANYBODY, path, body, message, invalid));
        }
    }
    let organization = r#"{"type":"GROUP","memberIds":["friend"],"organizationId":"THEIRS"}"#;
    all.push(naming(
        ANYBODY,
        conversations,
        organization,
        |_| "early-LEAK-organization",
        invalid,
    ));
    for body in [
        r#"{"type":"PRIVATE","recipientId":"THEIRS"}"#,
        r#"{"type":"GROUP","memberIds":["friend","THEIRS"]}"#,
        r#"{"type":"GROUP","members":[{"userId":"THEIRS","role":"ADMIN"}]}"#,
    ] {
        all.push(naming(
            OF_ANOTHER_TENANT,
            conversations,
            body,
            |_| "bob",
            unknown,
        ));
    }
    let add = r#"{"memberIds":["THEIRS"]}"#;
    all.push(naming(
        OF_ANOTHER_TENANT,
        "/v1/conversations/OWN/members",
        add,
        |_| "bob",
        unknown,
    ));
    all
}

impl Naming {
    async fn ask(&self, outsider: &Outsider, theirs: &str) -> Answer {
        let path = self.path.replace("OWN", &outsider.own);
        let body: Value = serde_json::from_str(&self.body.replace("THEIRS", theirs)).expect("JSON");
        outsider.person.post(&path, &body).await
    }
}

#[tokio::test]
async fn what_a_body_names_of_others_is_refused_like_what_does_not_exist() {
    let scene = Scene::set().await;
    let before = scene.stored().await;
    for naming in namings() {
        let random = uuid::Uuid::now_v7().to_string();
        for outsider in scene
            .outsiders
            .iter()
            .filter(|outsider| (naming.who)(outsider))
        {
            let what = format!("{} {} by {}", naming.path, naming.body, outsider.what);
            let theirs = naming.ask(outsider, (naming.theirs)(&scene)).await;
            let nothing = naming.ask(outsider, &random).await;
            assert_eq!(
                (theirs.status, theirs.code()),
                naming.refusal,
                "{what}: {}",
                theirs.text
            );
            assert_eq!(bare(&theirs), bare(&nothing), "{what}");
            assert_silent(&told(&theirs), &scene.forbidden(outsider), &what);
        }
    }
    assert_eq!(scene.stored().await, before, "nothing changed");
}

#[tokio::test]
async fn a_ticket_of_another_site_and_a_key_of_others_tell_nothing() {
    let scene = Scene::set().await;
    let buy = scene.alice.request(Method::POST, "/v1/stream-tickets");
    let bought = scene
        .alice
        .send(buy.header("Origin", "https://site.example"))
        .await
        .ok();
    let ticket = bought["ticket"].as_str().expect("a ticket").to_owned();
    let key = json!({ "type": "GROUP", "memberIds": ["friend"], "key": format!("{EARLY}-key") });
    for outsider in &scene.outsiders {
        let mut answers = Vec::new();
        for ticket in [&*ticket, "00000000000000000000000000000000"] {
            let path = format!("/v1/events/stream?ticket={ticket}");
            let open = outsider.person.request(Method::GET, &path);
            let open = open.header("Origin", "https://other.example");
            let mut answer = outsider.person.send(open).await;
            // Its words stand in another order each time.
            answer.headers.remove("Access-Control-Expose-Headers");
            answers.push(answer);
        }
        assert_eq!(
            (answers[0].status, answers[0].code()),
            (401, "ticket-invalid"),
            "{}",
            outsider.what
        );
        assert_eq!(bare(&answers[0]), bare(&answers[1]), "{}", outsider.what);
        // That the key is taken is what the contract says; in another tenant it is not.
        let answer = outsider.person.post("/v1/conversations", &key).await;
        let expected = if outsider.what.contains("tenant") {
            201
        } else {
            409
        };
        assert_eq!(
            answer.status, expected,
            "{}: {}",
            outsider.what, answer.text
        );
        assert_silent(&told(&answer), &scene.forbidden(outsider), outsider.what);
    }
}
