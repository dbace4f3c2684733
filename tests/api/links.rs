//! Where links may lead: any public host, or those that the site lists.

use serde_json::json;

use crate::support::{App, Person};

#[tokio::test]
async fn links_lead_where_the_site_allows() {
    let allowed = r#"link_hosts=["*.example.org","http://localhost:9000"]"#;
    let app = App::with(1, allowed).await;
    let service = Person::service(&app.instances[0].url);
    let (alice, _, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    for (n, (url, code)) in [
        ("https://cdn.example.org/a.jpg", None),
        ("http://localhost:9000/a.jpg", None),
        ("https://example.org/a.jpg", Some("host-not-allowed")),
        ("https://a.example/a.jpg", Some("host-not-allowed")),
        ("http://cdn.example.org/a.jpg", Some("invalid-url")),
    ]
    .into_iter()
    .enumerate()
    {
        let context = json!({ "type": "AD", "id": format!("{n}"), "url": url });
        let answers = [
            (
                "/attachments/0/url",
                alice
                    .post(
                        &path,
                        &json!({ "content": "x", "attachments": [{ "url": url, "type": "t" }] }),
                    )
                    .await,
            ),
            (
                "/imageUrl",
                service
                    .put("/v1/users/bob", &json!({ "imageUrl": url }))
                    .await,
            ),
            (
                "/context/url",
                alice
                    .post(
                        "/v1/conversations",
                        &json!({ "type": "PRIVATE", "recipientId": "bob", "context": context }),
                    )
                    .await,
            ),
        ];
        for (pointer, answer) in answers {
            match code {
                None => assert!(answer.text.contains(url), "{url}: {}", answer.text),
                Some(code) => {
                    let error = &answer.body["errors"][0];
                    assert_eq!(
                        (answer.status, &error["pointer"], &error["code"]),
                        (422, &json!(pointer), &json!(code))
                    );
                }
            }
        }
    }
}
