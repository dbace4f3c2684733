//! One feed over three transports.

use crate::support::App;

#[tokio::test]
async fn a_waiting_poll_wakes_when_a_message_arrives() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let cursor = bob.cursor().await;
    let waiting = bob.clone();
    let poll = tokio::spawn(async move { waiting.poll(&cursor, "&wait=30").await });
    crate::support::eventually("the poll waits", async || {
        (app.instances[0].metric("causerie_waits_open").await == 1.0).then_some(())
    })
    .await;
    alice.say(&conversation, "hi").await.ok();
    let page = poll.await.expect("no panic").ok();
    assert_eq!(page["events"][0]["data"]["message"]["content"], "hi");
    assert_eq!(page["unread"]["total"], 1);
}
