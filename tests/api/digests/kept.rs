//! What is kept of who was told of what, for how long; and whose clock it goes by.

use std::path::Path;

use causerie::model::UserKey;
use causerie::store::{digests, remnants};

use super::{Site, at};

const ROWS: &str = "select count(*) from digests";

#[tokio::test]
async fn what_was_told_a_month_ago_is_forgotten_and_of_an_erased_person_all_of_it() {
    let site = Site::build().await;
    site.tenant("other").await;
    for tenant in ["default", "other"] {
        site.run(&format!(
            "insert into digests select '{tenant}', u, md5('c' || n)::uuid, '2026-01-10 12:00Z'::timestamptz + n * interval '1 day', 1, 1
               from unnest(array['alice', 'bob']) u, generate_series(1, 3) n"
        ))
        .await;
    }
    let mut connection = site.database.connect().await;
    let gone = digests::prune(&mut connection, at("2026-01-12 00:00")).await;
    assert_eq!(gone.expect("pruned"), 4, "one of each");
    assert_eq!(site.database.number(ROWS).await, 8);
    let bob = UserKey::new("default", "bob");
    remnants::forget(site.db.pool(), &bob)
        .await
        .expect("forgotten");
    assert_eq!(site.database.number(ROWS).await, 6);
    let bobs = format!("{ROWS} where tenant_id = 'default' and user_id = 'bob'");
    assert_eq!(site.database.number(&bobs).await, 0);
}

#[test]
fn no_statement_of_these_asks_postgres_what_time_it_is() {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    for file in ["digests.rs", "digest_sweep.rs"] {
        let text = std::fs::read_to_string(store.join(file)).expect("readable");
        assert!(text.contains("query_as("), "{file} has statements");
        for clock in ["now()", "_timestamp", "current_"] {
            assert!(!text.contains(clock), "{file}: {clock}");
        }
    }
}
