//! When somebody is told, and of what: by a clock that is set, minute by minute.

use causerie::model::UserKey;
use causerie::store::digests::is_unread_still;
use causerie::store::jobs::Ending;

use super::{Site, assert_moot, at, later};

const ONE: &str = "1 message non lu dans 1 conversation depuis 14:02";

#[tokio::test]
async fn somebody_is_told_once_when_a_message_was_unread_for_five_minutes() {
    let site = Site::build().await;
    assert_moot(&site.tell("2026-01-10 13:00").await);
    site.says(1, "2026-01-10 13:02").await;
    assert_eq!(
        site.tell("2026-01-10 13:02:30").await,
        later("2026-01-10 13:07")
    );
    assert_eq!(
        site.tell("2026-01-10 13:06:59").await,
        later("2026-01-10 13:07")
    );
    assert_eq!(site.subjects().await, [""; 0]);
    assert_eq!(site.tell("2026-01-10 13:07").await, Ending::Done);
    assert_eq!(site.subjects().await, [ONE]);
    assert_eq!(
        site.tell("2026-01-10 13:07").await,
        later("2026-01-10 13:12")
    );
    for again in ["2026-01-10 13:12", "2026-01-12 13:00"] {
        assert_moot(&site.tell(again).await);
    }
    assert_eq!(site.subjects().await, [ONE]);
}

#[tokio::test]
async fn three_messages_in_two_conversations_are_one_email() {
    let site = Site::build().await;
    site.says(1, "2026-01-10 13:02").await;
    site.says(1, "2026-01-10 13:04").await;
    site.says(2, "2026-01-10 13:06").await;
    assert_eq!(site.tell("2026-01-10 13:07").await, Ending::Done);
    let french = "3 messages non lus dans 2 conversations depuis 14:02";
    assert_eq!(site.subjects().await, [french]);
    // Of what is new in a third one there is another, of it alone, when its own time has come; and not within the period.
    site.says(2, "2026-01-10 13:08").await;
    site.says(3, "2026-01-10 13:06:30").await;
    site.run("update notification_preferences set language = 'en'")
        .await;
    site.run("insert into notification_preferences (tenant_id, user_id, language) values ('default', 'bob', 'en')")
        .await;
    assert_eq!(
        site.tell("2026-01-10 13:11:59").await,
        later("2026-01-10 13:12")
    );
    assert_eq!(
        site.tell("2026-01-10 13:12").await,
        later("2026-01-10 14:07")
    );
    let english = "1 unread message in 1 conversation since 14:06";
    assert_eq!(site.subjects().await, [french, english]);
    assert_eq!(site.tell("2026-01-10 14:07").await, Ending::Done);
    let english_two = "2 unread messages in 1 conversation since 14:06";
    assert_eq!(site.subjects().await, [french, english, english_two]);
}

#[tokio::test]
async fn what_was_read_in_time_is_nobodys_news() {
    let site = Site::build().await;
    site.says(1, "2026-01-10 13:02").await;
    site.says(2, "2026-01-10 13:03").await;
    site.reads(1, "2026-01-10 13:04").await;
    assert_eq!(
        site.tell("2026-01-10 13:07").await,
        later("2026-01-10 13:08")
    );
    site.reads(2, "2026-01-10 13:07:30").await;
    assert_moot(&site.tell("2026-01-10 13:08").await);
    assert_eq!(site.subjects().await, [""; 0]);
}

#[tokio::test]
async fn the_next_email_about_a_conversation_waits_longer_each_time_and_a_visit_ends_that() {
    let site = Site::build().await;
    site.says(1, "2026-01-10 00:00").await;
    assert_eq!(site.tell("2026-01-10 00:05").await, Ending::Done);
    // Told an hour, 6 hours and 24 hours after the one before, and so on.
    for (said, told) in [
        ("2026-01-10 00:20", "2026-01-10 01:05"),
        ("2026-01-10 01:10", "2026-01-10 07:05"),
        ("2026-01-10 07:10", "2026-01-11 07:05"),
        ("2026-01-11 07:10", "2026-01-12 07:05"),
        ("2026-01-12 07:10", "2026-01-13 07:05"),
    ] {
        site.says(1, said).await;
        let soon = at(said) + super::PERIOD;
        assert_eq!(site.tell_in("default", soon).await, later(told), "{said}");
        assert_eq!(site.tell(told).await, Ending::Done);
    }
    assert_eq!(site.subjects().await.len(), 6);
    // Bob looks at another page of the site, and reads nothing.
    site.is_seen("2026-01-13 08:00", "2026-01-13 08:01").await;
    assert_moot(&site.tell("2026-01-13 08:10").await);
    site.says(1, "2026-01-13 09:00").await;
    assert_eq!(site.tell("2026-01-13 09:05").await, Ending::Done);
    site.says(1, "2026-01-13 09:10").await;
    assert_eq!(
        site.tell("2026-01-13 09:15").await,
        later("2026-01-13 10:05")
    );
    // Or reads another conversation, with his presence hidden.
    site.run("update presence set hidden = true").await;
    site.reads(2, "2026-01-13 09:20").await;
    assert_eq!(site.tell("2026-01-13 09:25").await, Ending::Done);
    assert_eq!(site.subjects().await.len(), 8);
}

#[tokio::test]
async fn whoever_is_there_is_told_after_they_have_left() {
    let site = Site::build().await;
    site.is_seen("2026-01-10 13:06", "2026-01-10 13:07:15")
        .await;
    site.says(1, "2026-01-10 13:02").await;
    assert_eq!(
        site.tell("2026-01-10 13:07").await,
        later("2026-01-10 13:12:15")
    );
    // Also where nobody looked while they were there.
    assert_eq!(
        site.tell("2026-01-10 13:08").await,
        later("2026-01-10 13:12:15")
    );
    // Who hides is not said to be there.
    site.run("update presence set hidden = true").await;
    assert_eq!(site.tell("2026-01-10 13:07").await, Ending::Done);
    assert_eq!(site.subjects().await, [ONE]);
}

#[tokio::test]
async fn nobody_is_told_who_does_not_want_it_or_of_what_they_have_put_away() {
    let now = "2026-01-10 13:07";
    for (why, sql) in [
        ("no e-mails at all", "update users set email_off = true"),
        ("no address", "update users set email = null"),
        ("erased", "update users set is_erased = true where id = 'bob'"),
        ("not of this type", "insert into notification_preferences (tenant_id, user_id, types)
            values ('default', 'bob', '[{\"type\":\"UNREAD_DIGEST\",\"inApp\":true,\"email\":false}]')"),
        ("archived", "update members set archived_up_to = 1"),
        ("deleted for oneself", "update members set deleted_up_to = 1"),
        ("left", "update members set left_position = 2 where user_id = 'bob'"),
        ("deleted messages", "update messages set deleted_at = now(), content = null"),
        ("notices", "update messages set notice = '{\"type\":\"JOINED\"}'"),
        ("by an erased person", "update users set erased_position = 1 where id = 'alice'"),
        ("one's own", "update messages set sender_id = 'bob'"),
    ] {
        let site = Site::build().await;
        site.says(1, "2026-01-10 13:02").await;
        site.run(sql).await;
        assert!(matches!(site.tell(now).await, Ending::Moot(_)), "{why}");
        assert_eq!(site.subjects().await, [""; 0], "{why}");
    }
    let other_type = "insert into notification_preferences (tenant_id, user_id, types)
        values ('default', 'bob', '[{\"type\":\"NEWS\",\"inApp\":true,\"email\":false}]')";
    let site = Site::build().await;
    site.says(1, "2026-01-10 13:02").await;
    site.run(other_type).await;
    assert_eq!(site.tell(now).await, Ending::Done);
}

#[tokio::test]
async fn begun_many_times_at_once_it_puts_one_email() {
    for _ in 0..5 {
        let site = Site::build().await;
        for conversation in [1, 2, 3] {
            site.says(conversation, "2026-01-10 13:02").await;
        }
        let all = (0..8).map(|n| {
            let now = at("2026-01-10 13:07") + chrono::TimeDelta::milliseconds(n);
            site.tell_in("default", now)
        });
        let endings = futures::future::join_all(all).await;
        assert_eq!(site.subjects().await.len(), 1, "{endings:?}");
        let done = endings.iter().filter(|one| **one == Ending::Done);
        assert_eq!(done.count(), 1, "{endings:?}");
    }
}

#[tokio::test]
async fn somebody_of_another_tenant_with_the_same_id_is_somebody_else() {
    let site = Site::build().await;
    site.tenant("other").await;
    site.says_in("other", 1, "2026-01-10 13:02").await;
    assert_moot(&site.tell("2026-01-10 13:07").await);
    let now = at("2026-01-10 13:07");
    assert_eq!(site.tell_in("other", now).await, Ending::Done);
    site.says(1, "2026-01-10 13:02").await;
    assert_eq!(site.tell("2026-01-10 13:08").await, Ending::Done);
    assert_eq!(site.subjects().await, [ONE, ONE]);
}

#[tokio::test]
async fn an_email_has_nothing_to_say_once_all_is_read_or_a_newer_one_says_it() {
    let site = Site::build().await;
    let bob = UserKey::new("default", "bob");
    let is_unread = async |when: &str| {
        let still = is_unread_still(&site.db, &bob, at(when)).await;
        still.expect("an answer")
    };
    site.says(1, "2026-01-10 13:02").await;
    site.says(2, "2026-01-10 13:02").await;
    assert_eq!(site.tell("2026-01-10 13:07").await, Ending::Done);
    assert!(is_unread("2026-01-10 13:07").await);
    site.reads(1, "2026-01-10 13:07").await;
    assert!(is_unread("2026-01-10 13:07").await);
    // A newer message of a conversation that was read is another e-mail's.
    site.says(1, "2026-01-10 13:08").await;
    site.reads(2, "2026-01-10 13:09").await;
    assert!(!is_unread("2026-01-10 13:07").await);
    assert_eq!(site.tell("2026-01-10 13:13").await, Ending::Done);
    assert!(is_unread("2026-01-10 13:13").await);
}
