//! A poll that says a constant, and a poll that asks Postgres.

use rocket::response::content::RawJson;
use rocket::{State, get};
use sqlx::PgPool;

use crate::person::Person;
use crate::sends::Failure;

/// The body of an idle poll of the service, byte for byte.
pub struct Constant(pub String);

#[get("/constant")]
pub fn constant(constant: &State<Constant>) -> RawJson<&str> {
    RawJson(&constant.0)
}

/// One SELECT: the caller's conversations, and the newest thing in them. The body is as long as the service's.
#[get("/select?<since>")]
pub async fn select<'r>(
    person: Person,
    since: i64,
    pool: &State<PgPool>,
    constant: &'r State<Constant>,
) -> Result<RawJson<&'r str>, Failure> {
    let newest: Option<i64> = sqlx::query_scalar(
        "select max(c.last_position) from members m
           join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
          where m.tenant_id = 'default' and m.user_id = $1 and m.left_position is null",
    )
    .bind(person.0)
    .fetch_one(pool.inner())
    .await?;
    if newest.is_none_or(|newest| newest > since) {
        return Err("not idle".into());
    }
    Ok(RawJson(&constant.0))
}
