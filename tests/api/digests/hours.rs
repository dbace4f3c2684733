//! Quiet hours and times of day by the person's own clock, also where it is put forward or back.

use causerie::store::jobs::Ending;

use super::{Site, later};

const NIGHT: &str =
    "insert into notification_preferences (tenant_id, user_id, time_zone, quiet_from, quiet_to)
    values ('default', 'bob', 'Europe/Paris', 1320, 420)";

#[tokio::test]
async fn the_night_ends_at_seven_by_the_persons_clock_when_clocks_are_put_forward() {
    // 2026-03-29, 02:00 is 03:00: seven is 05:00 by UTC, a day before it was 06:00.
    let site = Site::build().await;
    site.run(NIGHT).await;
    site.says(1, "2026-03-28 00:30").await;
    assert_eq!(
        site.tell("2026-03-28 00:35").await,
        later("2026-03-28 06:00")
    );
    site.reads(1, "2026-03-28 01:00").await;
    site.says(2, "2026-03-29 00:30").await;
    site.says(2, "2026-03-29 01:25").await;
    let morning = later("2026-03-29 05:00");
    for night in [
        "2026-03-29 00:59:59",
        "2026-03-29 01:30",
        "2026-03-29 04:59:59",
    ] {
        assert_eq!(site.tell(night).await, morning, "{night}");
    }
    assert_eq!(site.subjects().await, [""; 0]);
    // Counted anew: one more has come meanwhile.
    site.says(3, "2026-03-29 04:50").await;
    assert_eq!(site.tell("2026-03-29 05:00").await, Ending::Done);
    let told = "3 messages non lus dans 2 conversations depuis 01:30";
    assert_eq!(site.subjects().await, [told]);
}

#[tokio::test]
async fn the_night_ends_at_seven_by_the_persons_clock_when_clocks_are_put_back() {
    // 2026-10-25, 03:00 is 02:00 again: seven is 06:00 by UTC, a day before it was 05:00.
    let site = Site::build().await;
    site.run(NIGHT).await;
    site.says(1, "2026-10-24 00:30").await;
    assert_eq!(
        site.tell("2026-10-24 00:35").await,
        later("2026-10-24 05:00")
    );
    site.reads(1, "2026-10-24 01:00").await;
    // 02:30 for the second time; an hour before it was 02:30 as well.
    site.says(2, "2026-10-25 01:30").await;
    let morning = later("2026-10-25 06:00");
    for night in [
        "2026-10-25 00:59:59",
        "2026-10-25 01:35",
        "2026-10-25 05:59:59",
    ] {
        assert_eq!(site.tell(night).await, morning, "{night}");
    }
    assert_eq!(site.tell("2026-10-25 06:00").await, Ending::Done);
    let told = "1 message non lu dans 1 conversation depuis 02:30";
    assert_eq!(site.subjects().await, [told]);
}

#[tokio::test]
async fn what_came_on_another_day_says_which() {
    for (language, words) in [
        (
            "fr",
            "1 message non lu dans 1 conversation depuis le 21/11 à 23:50",
        ),
        (
            "en",
            "1 unread message in 1 conversation since 21 Nov 23:50",
        ),
    ] {
        let site = Site::build().await;
        site.run(&format!(
            "insert into notification_preferences (tenant_id, user_id, language) values ('default', 'bob', '{language}')"
        ))
        .await;
        // By UTC it is the same day.
        site.says(1, "2026-11-21 22:50").await;
        assert_eq!(site.tell("2026-11-21 23:10").await, Ending::Done);
        assert_eq!(site.subjects().await, [words]);
    }
}
