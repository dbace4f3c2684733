//! What pages import: each one file, fetched again only once it has changed, through a proxy that compresses as well.

use reqwest::header::HeaderMap;

use crate::support::App;
use crate::support::nginx::Nginx;

/// Status and headers of a file, asked for with these headers.
async fn ask(url: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap) {
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.headers().clone())
}

fn etag(headers: &HeaderMap) -> &str {
    headers["etag"].to_str().expect("text")
}

#[tokio::test]
async fn who_has_a_file_is_told_so_however_the_tag_comes_back() {
    let app = App::start().await;
    for name in ["client.js", "elements.js"] {
        let url = format!("{}/{name}", app.instances[0].url);
        let (status, headers) = ask(&url, &[]).await;
        assert_eq!(
            (status, &headers["content-type"]),
            (200, &"text/javascript".parse().expect("a type"))
        );
        let tag = etag(&headers);
        let (weak, several) = (format!("W/{tag}"), format!("\"other\" , W/{tag}"));
        for given in [tag, &weak, &several, "*"] {
            let (status, headers) = ask(&url, &[("If-None-Match", given)]).await;
            assert_eq!((status, etag(&headers)), (304, tag), "{given}");
        }
        for given in ["\"other\"", "W/\"other\"", tag.trim_matches('"'), ""] {
            assert_eq!(
                ask(&url, &[("If-None-Match", given)]).await.0,
                200,
                "{given}"
            );
        }
    }
}

#[tokio::test]
async fn behind_the_recommended_nginx_a_file_comes_compressed_and_once() {
    let app = App::start().await;
    let nginx = Nginx::as_recommended(&app.instances).await;
    let url = format!("{}/elements.js", nginx.url);
    let gzip = ("Accept-Encoding", "gzip");
    let (status, headers) = ask(&url, &[gzip]).await;
    assert_eq!(
        (status, &headers["content-encoding"]),
        (200, &"gzip".parse().expect("a value"))
    );
    let again = ask(&url, &[gzip, ("If-None-Match", etag(&headers))]).await;
    assert!(etag(&headers).starts_with("W/") && again.0 == 304);
}
