//! Tokens: only what our key has signed, to the letter.

use std::sync::OnceLock;

use causerie::auth::{Claims, Keys, mint};
use causerie::config::{ClaimNames, KeySetting};
use causerie::model::Problems;
use futures::executor::block_on;

use crate::made_up::{Change, changed};

const SECRET: &str = "a-secret-of-the-fuzz-targets-that-is-long";
const ALPHABET: &[char] = &[
    'A', 'B', 'Q', 'a', 'z', '0', '9', '-', '_', '.', '=', '+', '/', ' ', '\n', '\0', 'é', 'e',
    'y', 'J',
];

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    let named = |name: &str| vec![name.to_owned()];
    KEYS.get_or_init(|| {
        let names = ClaimNames {
            user: named("sub"),
            tenant: named("tenant"),
            role: named("role"),
            name: named("name"),
            first_name: named("firstName"),
            last_name: named("lastName"),
            image: named("picture"),
            email: named("email"),
            organizations: named("organizations"),
        };
        Keys::new(&[KeySetting::of_secret(SECRET)], names).expect("keys")
    })
}

fn token(secret: &str, id: &str, lasts: i64) -> String {
    let now = chrono::Utc::now().timestamp();
    mint(secret, &Claims::new(id, now, now + lasts)).expect("a token")
}

fn is_accepted(token: &str) -> bool {
    block_on(keys().verify(token)).is_ok()
}

#[test]
fn a_good_token_is_taken_and_none_that_was_changed() {
    let good = token(SECRET, "alice", 86_400);
    bolero::check!()
        .with_type::<Vec<Change>>()
        .for_each(|changes| {
            let changed = changed(&good, changes, ALPHABET);
            assert_eq!(is_accepted(&changed), changed == good, "{changed}");
        });
}

#[test]
fn nothing_that_we_did_not_sign_is_taken() {
    let good = token(SECRET, "alice", 86_400);
    let parts: Vec<&str> = good.split('.').collect();
    let other = token(
        "another-secret-that-is-as-long-as-it-should-be",
        "alice",
        86_400,
    );
    let theirs: Vec<&str> = other.split('.').collect();
    bolero::check!()
        .with_type::<(u8, u8, u8, String)>()
        .for_each(|(head, payload, signature, noise)| {
            let none = "eyJhbGciOiJub25lIn0";
            let heads = [parts[0], none, noise, ""];
            let payloads = [parts[1], theirs[1], noise, ""];
            let signatures = [theirs[2], noise, "", parts[1]];
            let pick = |of: &[&str; 4], n: &u8| of[usize::from(*n) % 4].to_owned();
            let token = [
                pick(&heads, head),
                pick(&payloads, payload),
                pick(&signatures, signature),
            ]
            .join(".");
            assert!(!is_accepted(&token), "{token}");
            assert!(!is_accepted(noise), "{noise}");
        });
}

#[test]
fn a_token_says_who_it_is_for_and_no_longer_than_it_lasts() {
    bolero::check!()
        .with_type::<(String, i32)>()
        .for_each(|(id, lasts)| {
            let lasts = i64::from(*lasts % 100_000);
            // The second in which it runs out may be over by now.
            if (-32..=-28).contains(&lasts) {
                return;
            }
            let is_somebody = Problems::of_id(id).is_none();
            assert_eq!(
                is_accepted(&token(SECRET, id, lasts)),
                lasts > -30 && is_somebody,
                "{id:?} {lasts}"
            );
        });
}
