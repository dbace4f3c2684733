//! The self-check: outside the debug profile, what is unsafe does not start and says why, and what is doubtful is said once.

use std::process::Stdio;

use causerie::config::Config;
use rocket::figment::providers::Serialized;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Database, Instance, PATIENCE, SECRET};

/// What a production has right: nothing is found in it.
const GOOD: &str = "origins=[\"https://site.example\"]";

/// Runs `causerie` with these arguments in the release profile, to its end.
pub async fn run(
    arguments: &[&str],
    database: &str,
    settings: &str,
    environment: &[(&str, &str)],
) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causerie"));
    command
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", database)
        .env("CAUSERIE_JWT_SECRET", SECRET)
        .env("ROCKET_PORT", "0")
        .env("ROCKET_PROFILE", "release")
        .env("ROCKET_CAUSERIE", format!("{{{settings}}}"))
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output());
    let output = output.await.expect("it ends").expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("text");
    (output.status.code().expect("an exit code"), text)
}

/// Neither starts nor passes the check, and says why in these words.
async fn is_refused(settings: &str, environment: &[(&str, &str)], named: &str) {
    let nowhere = "postgres://causerie@127.0.0.1:1/causerie";
    for command in ["serve", "check"] {
        let (code, said) = run(&[command], nowhere, settings, environment).await;
        let what = format!("{command} {settings} {environment:?}: {said}");
        assert_eq!(code, 1, "{what}");
        assert!(said.contains(named), "{what}");
    }
}

#[tokio::test]
async fn a_secret_that_others_know_does_not_start() {
    let well_known = causerie::config::DEVELOPMENT_SECRET;
    let secret = |value| [("CAUSERIE_JWT_SECRET", value)];
    let known = "one that everybody knows";
    let missing = "set CAUSERIE_JWT_SECRET to at least 32 bytes";
    is_refused("", &secret(""), missing).await;
    is_refused("", &secret("short"), "is 5 bytes long; at least 32").await;
    is_refused("", &secret(well_known), known).await;
    let as_shown = "Your-256-bit-secret-for-everybody";
    is_refused("", &secret(as_shown), known).await;
    let before = [("CAUSERIE_JWT_SECRET_BEFORE", well_known)];
    is_refused("", &before, known).await;
    let [first] = secret(well_known);
    is_refused("", &[first, ("ROCKET_PROFILE", "staging")], known).await;
    // The demo hands out tokens to anybody, with the secret that everybody knows alone.
    is_refused("demo=true", &secret(well_known), known).await;
    is_refused("keys=[{secret=\"x\"}]", &[], "is 1 bytes long").await;
}

#[tokio::test]
async fn what_lets_everybody_in_does_not_start_and_names_the_setting() {
    let any = "would let every page call";
    for (origins, named) in [
        ("\"*\"", any),
        ("\"https://site.example\",\"null\"", any),
        ("\"https://*.site.example\"", "is no origin"),
        ("\"https://site.example/\"", "is no origin"),
    ] {
        is_refused(&format!("origins=[{origins}]"), &[], named).await;
        is_refused(&format!("origins=[{origins}]"), &[], "origins: ").await;
    }
    // Without what it says: as if there were no key, no proxy and no origin to name.
    for broken in [
        "origins=[\"https://site.example\"",
        "listen_url=\"a\nb\"",
        "}",
        "x",
    ] {
        is_refused(broken, &[], "ROCKET_CAUSERIE is not {name=value, …}").await;
    }
    for host in ["id.example", "10.0.0.1:8080", "[2001:db8::1]"] {
        let keys = format!(
            "keys=[{{jwks=\"http://{host}/keys.json\",algorithms=[\"RS256\"],issuer=\"i\",audience=\"a\"}}]"
        );
        is_refused(&keys, &[], "keys: jwks by http:// from another host").await;
    }
}

#[tokio::test]
async fn a_password_for_the_mail_server_does_not_travel_in_plain_and_half_a_setting_does_not_start()
{
    let whole = "mail={from=\"chat@example.org\",public_url=\"https://chat.example\"}";
    let url = |url| [("CAUSERIE_SMTP_URL", url)];
    for open in [
        "smtp://chat:hidden-word@mx.example",
        "smtp://chat:hidden-word@10.0.0.1:587?tls=opportunistic",
    ] {
        is_refused(whole, &url(open), "does not insist on TLS").await;
    }
    let half = "from or public_url is not";
    is_refused("", &url("smtp://localhost"), half).await;
    for (mail, smtp, named) in [
        (whole, "mx.example:25", "smtp_url is none of"),
        (whole, "smtps://", "smtp_url is none of"),
        (
            "mail={from=\"a@b.example\\nBcc: c@d.example\",public_url=\"https://chat.example\"}",
            "",
            "from is no address",
        ),
        (
            "mail={public_url=\"http://chat.example\"}",
            "",
            "public_url is no https:// address",
        ),
        ("mail={timeout_secs=61}", "", "1 to 60"),
        ("mail={password=\"x\"}", "", "password"),
    ] {
        is_refused(mail, &url(smtp), named).await;
    }
    let database = Database::create().await;
    for smtp in [
        "smtp://localhost",
        "smtp://a:hidden-word@127.0.0.1",
        "smtps://a:hidden-word@mx.example",
        "smtp://a:hidden-word@mx.example?tls=required",
    ] {
        let (_, said) = run(&["check"], &database.url, whole, &url(smtp)).await;
        assert!(
            !said.contains("mail:") && !said.contains("hidden-word"),
            "{smtp}: {said}"
        );
    }
}

#[tokio::test]
async fn keys_are_published_by_https_or_in_a_file_and_by_nothing_else() {
    for (place, scheme) in [
        ("file:///etc/keys.json", "file"),
        ("ftp://id.example/keys.json", "ftp"),
        ("data:application/json,{}", "data"),
        ("HTTPX://id.example/keys.json", "httpx"),
    ] {
        let keys = format!(
            "keys=[{{jwks=\"{place}\",algorithms=[\"RS256\"],issuer=\"i\",audience=\"a\"}}]"
        );
        is_refused(&keys, &[], &format!("keys: jwks by {scheme}: ")).await;
    }
}

#[test]
fn no_secret_is_printed_with_the_settings() {
    let canary = "canary-4711-of-the-settings-that-is-long-enough";
    let key = |key: &str| json!([{ key: canary, "algorithms": ["RS256"] }]);
    let smtp = format!("smtps://chat:{canary}@mx.example");
    let mail = json!({ "smtp_url": smtp, "from": "chat@site.example", "public_url": "https://chat.site.example" });
    let settings = [
        ("jwt_secret", json!(canary)),
        ("jwt_secret_before", json!(canary)),
        ("listen_url", json!(format!("postgres://a:{canary}@b/c"))),
        ("mail", mail),
        ("keys", json!([{ "secret": canary }])),
        ("keys", key("pem")),
        ("keys", key("jwks")),
    ];
    for (name, value) in settings {
        let figment = causerie::config::figment();
        let figment = figment.merge(Serialized::global("causerie.jwt_secret", SECRET));
        let figment = figment.merge(Serialized::global(&format!("causerie.{name}"), value));
        let config = Config::read(&figment).expect("good settings");
        let keys = config.keys();
        for printed in [
            format!("{config:?} {keys:?}"),
            format!("{config:#?} {keys:#?}"),
        ] {
            assert!(!printed.contains("canary"), "{name}: {printed}");
        }
    }
}

/// The checks that a start in the release profile warned of, as often as it did.
async fn warned(database: &Database, settings: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let release = ("ROCKET_PROFILE", "release");
    warned_by(database, settings, &[environment, &[release]].concat()).await
}

async fn warned_by(
    database: &Database,
    settings: &str,
    environment: &[(&str, &str)],
) -> Vec<String> {
    let instance = Instance::start(&database.url, settings, environment).await;
    let log = instance.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = lines.filter(|line| line["check"].is_string());
    found
        .map(|line| {
            assert_eq!(line["level"], "WARN", "{line}");
            assert!(
                line["message"].as_str().is_some_and(|text| text.len() > 40),
                "{line}"
            );
            line["check"].as_str().unwrap_or_default().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn what_is_doubtful_is_said_once_and_starts() {
    let database = Database::create().await;
    assert_eq!(
        warned(&database, GOOD, &[]).await,
        Vec::<String>::new(),
        "all is well"
    );
    let key = |more: &str| {
        format!(
            "{GOOD},keys=[{{jwks=\"http://127.0.0.1:9/keys.json\",algorithms=[\"RS256\"]{more}}}]"
        )
    };
    let public = ("ROCKET_ADDRESS", "0.0.0.0");
    for (settings, environment, expected) in [
        ("origins=[]".to_owned(), &[][..], &["no-origins"][..]),
        (
            "origins=[\"http://site.example\"]".to_owned(),
            &[],
            &["http-origins"],
        ),
        (key(",issuer=\"i\""), &[], &["keys-without-issuer"]),
        (key(",audience=\"i\""), &[], &["keys-without-issuer"]),
        (key(",issuer=\"i\",audience=\"a\""), &[], &[]),
        (
            GOOD.to_owned(),
            &[(
                "CAUSERIE_JWT_SECRET_BEFORE",
                "another-secret-that-is-long-enough-too",
            )],
            &["previous-secret"],
        ),
        (
            GOOD.to_owned(),
            &[("RUST_LOG", "causerie=debug,warn")],
            &["debug-log"],
        ),
        (GOOD.to_owned(), &[public], &["no-trusted-proxies"]),
        (
            format!("{GOOD},trusted_proxies=[\"10.0.0.0/8\"]"),
            &[public],
            &[],
        ),
    ] {
        let found = warned(&database, &settings, environment).await;
        assert_eq!(found, expected, "{settings} {environment:?}");
    }
    // A word to the developer would be noise, but where anybody can come in.
    let throw_away = ("CAUSERIE_JWT_SECRET", "");
    for (environment, expected) in [
        (&[public][..], &[][..]),
        (&[throw_away], &[]),
        (&[throw_away, public], &["development-secret"]),
    ] {
        let found = warned_by(&database, "", environment).await;
        assert_eq!(found, expected, "{environment:?}");
    }
}

#[tokio::test]
async fn the_check_prints_all_findings_without_starting_anything() {
    let nowhere = "postgres://causerie:pass@db.example/causerie";
    let (code, said) = run(
        &["check"],
        &format!("{nowhere}?sslmode=verify-full"),
        GOOD,
        &[],
    )
    .await;
    assert_eq!(
        (code, said.trim()),
        (0, "0 warnings, nothing that is refused")
    );
    for (url, finding) in [
        (nowhere, "database-without-tls"),
        (
            &format!("{nowhere}?sslmode=disable"),
            "database-without-tls",
        ),
        (&format!("{nowhere}?sslmode=prefer"), "database-without-tls"),
        (
            "postgres://causerie@203.0.113.7/causerie",
            "database-without-tls",
        ),
        ("", "embedded-database"),
    ] {
        let (code, said) = run(&["check"], url, GOOD, &[]).await;
        assert_eq!(code, 0, "{said}");
        assert!(
            said.starts_with(&format!("warning {finding}: ")),
            "{url}: {said}"
        );
        assert!(
            said.ends_with("1 warnings, nothing that is refused\n"),
            "{url}: {said}"
        );
    }
    for local in [
        "postgres://a@localhost/c",
        "postgres://a@127.0.0.1/c",
        "postgres://a@[::1]/c",
        "postgres:///c?host=/run/pg",
    ] {
        let (_, said) = run(&["check"], local, GOOD, &[]).await;
        assert!(said.starts_with("0 warnings"), "{local}: {said}");
    }
    let listen = format!("{GOOD},listen_url=\"{nowhere}\"");
    let (_, said) = run(&["check"], "postgres://a@localhost/c", &listen, &[]).await;
    assert!(said.contains("database-without-tls"), "{said}");
    let (code, said) = run(&["check"], nowhere, "", &[("ROCKET_PROFILE", "debug")]).await;
    assert_eq!(code, 0, "{said}");
    for finding in ["debug-profile", "no-origins", "database-without-tls"] {
        assert!(said.contains(&format!("warning {finding}: ")), "{said}");
    }
}
