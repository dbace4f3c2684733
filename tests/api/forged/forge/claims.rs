//! Well signed, by a key that may not say that.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
use serde_json::{Value, json};

use super::{Forge, Named};

impl Forge<'_> {
    /// Signed by the RSA key, with claims that are not right.
    fn says(&self, name: &str, claims: &Value) -> Named {
        (name.to_owned(), self.rsa.sign(claims))
    }

    pub fn timed(&self) -> Vec<Named> {
        let now = chrono::Utc::now().timestamp();
        let mut made = vec![self.says("no exp", &self.without("exp"))];
        for exp in [
            json!(null),
            json!("9999999999"),
            json!(9_999_999_999.5),
            json!(-1),
            json!([now + 60]),
            json!(true),
            json!({}),
        ] {
            made.push(self.says(&format!("exp {exp}"), &self.with("exp", exp)));
        }
        for number in ["1e400", "1e20", "99999999999999999999"] {
            let claims = self
                .with("exp", json!("EXP"))
                .to_string()
                .replace("\"EXP\"", number);
            let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.rsa.kid });
            made.push((
                format!("exp {number}"),
                self.signed(&header, &URL.encode(claims)),
            ));
        }
        made.push(self.says("nbf to come", &self.with("nbf", json!(now + 120))));
        made.push(self.says("nbf a text", &self.with("nbf", json!("soon"))));
        for iat in [json!(now + 120), json!("1"), json!([1])] {
            made.push(self.says(&format!("iat {iat}"), &self.with("iat", iat)));
        }
        made
    }

    /// What the key may not say.
    pub fn out_of_bounds(&self) -> Vec<Named> {
        let mut made = vec![
            self.says("no iss", &self.without("iss")),
            self.says("no aud", &self.without("aud")),
            self.says("no sub", &self.without("sub")),
        ];
        let over = chrono::Utc::now().timestamp() - 3600;
        for (name, value) in [
            ("iss", json!("https://issuer.example/")),
            ("iss", json!("https://ISSUER.example")),
            ("iss", json!(["https://issuer.example"])),
            ("aud", json!("other")),
            ("aud", json!(["other", "CAUSERIE"])),
            ("aud", json!([])),
            ("tenant", json!("other")),
            ("tenant", json!("Default")),
            // Which tenant, or whose role, it means is not for us to guess.
            ("tenant", json!(["other"])),
            ("tenant", json!([])),
            ("tenant", json!({ "id": "other" })),
            ("tenant", json!(true)),
            ("tenant", json!(1.5)),
            ("role", json!("service")),
            ("role", json!(["service"])),
            ("role", json!({ "name": "service" })),
            ("role", json!(false)),
            // Two people would be one, rounded.
            ("sub", json!(1e20)),
            ("sub", json!(1.0)),
            ("sub", json!("")),
            ("sub", json!("a\0b")),
            ("sub", json!("x".repeat(129))),
            ("sub", json!(["alice"])),
            ("sub", json!({ "id": "alice" })),
        ] {
            let what = format!("{name} {:.30}", value.to_string());
            let mut claims = self.with(name, value);
            made.push(self.says(&what, &claims));
            // Nor is it said that it was right once.
            claims["exp"] = json!(over);
            made.push(self.says(&format!("{what}, and over"), &claims));
        }
        made
    }
}
