//! What the benchmarks divide by: the plain ways of doing it, on a Rocket without fairings, as a process of its own.
//! `benches/load` starts it; alone it does nothing useful. The database is one of its own with our schema; the address
//! is in `DATABASE_URL`, and `BARE_CONSTANT` holds the body of an idle poll of the service.

mod person;
mod polls;
mod sends;
mod streams;

use rocket::Config;
use rocket::config::{Ident, LogLevel};
use rocket::fairing::AdHoc;
use sqlx::postgres::PgPoolOptions;

/// As many as the service has.
const POOL: u32 = 10;

type AnyError = Box<dyn std::error::Error>;

#[rocket::main]
async fn main() -> Result<(), AnyError> {
    let url = std::env::var("DATABASE_URL")?;
    let options = causerie::store::connect_options(&url)?;
    let pool = PgPoolOptions::new()
        .max_connections(POOL)
        .connect_with(options)
        .await?;
    sends::prepare(&pool).await?;
    let config = Config {
        port: 0,
        log_level: LogLevel::Off,
        cli_colors: false,
        keep_alive: 75,
        ident: Ident::none(),
        ..Config::release_default()
    };
    rocket::custom(config)
        .manage(pool)
        .manage(person::Known::new(&std::env::var("CAUSERIE_JWT_SECRET")?))
        .manage(polls::Constant(std::env::var("BARE_CONSTANT")?))
        .manage(streams::Hub::new())
        .mount("/", rocket::routes![polls::constant, polls::select])
        .mount("/", rocket::routes![sends::send, sends::send_and_notify])
        .mount("/", rocket::routes![streams::stream, streams::burst])
        // Runs once, at the start: nothing of it is in a request.
        .attach(AdHoc::on_liftoff("address", |rocket| {
            Box::pin(async move { println!("http://127.0.0.1:{}", rocket.config().port) })
        }))
        .launch()
        .await?;
    Ok(())
}
