//! Words that nobody says by chance, and where they are still found.

use sqlx::{Connection, PgConnection};

use crate::support::{App, eventually};

/// Stands in everything that the person to be erased writes, and in their name.
pub const CANARY: &str = "kanarienvogel";

#[track_caller]
pub fn assert_free(text: &str, place: &str) {
    if let Some(at) = text.find(CANARY) {
        let before: Vec<char> = text[..at].chars().rev().take(300).collect();
        let before: String = before.into_iter().rev().collect();
        panic!("{place}: …{before}{CANARY}");
    }
}

/// The tables of which some row holds `word`, in any column of any type: as text, or as the bytes of it.
pub async fn tables_with(app: &App, word: &str) -> Vec<String> {
    let text = "
        select t.relname::text from pg_class t join pg_namespace n on n.oid = t.relnamespace and n.nspname = 'public'
         where t.relkind = 'r' and (xpath('/row/found/text()', query_to_xml(format(
                   'select exists (select from %I r where to_jsonb(r)::text like %L or to_jsonb(r)::text like %L) as found',
                   t.relname, '%' || $1 || '%', '%' || encode($1::bytea, 'hex') || '%'), false, true, '')))[1]::text = 'true'
         order by t.relname";
    let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
    let found = sqlx::query_scalar(text).bind(word);
    found.fetch_all(&mut connection).await.expect("the catalog")
}

/// Waits until every erasure has come to its end.
pub async fn finished(app: &App) {
    let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
    eventually("the end of the erasure", async || {
        let text = "select count(*) > 0 and bool_and(finished_at is not null) from erasures";
        let query = sqlx::query_scalar(text);
        let done: bool = query.fetch_one(&mut connection).await.expect("a row");
        done.then_some(())
    })
    .await;
}

/// From now on nobody goes on with an erasure: what it hides is hidden by its own commit alone. Until `release`.
pub async fn hold(app: &App) {
    let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
    let text = "
        create function hold() returns trigger language plpgsql as
            'begin new.claimed_until := now() + interval ''1 hour''; return new; end';
        create trigger hold before insert on erasures for each row execute function hold()";
    let done = sqlx::raw_sql(text).execute(&mut connection).await;
    done.expect("a trigger");
}

pub async fn release(app: &App) {
    let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
    let text = "drop trigger hold on erasures; drop function hold; update erasures set claimed_until = null";
    let done = sqlx::raw_sql(text).execute(&mut connection).await;
    done.expect("no trigger");
}
