//! Users, headers and the rate limit over plain HTTP, and what a reload does to them.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::client::{ask, get};
use crate::program::Program;

/// bcrypt's least cost: some milliseconds without optimisation.
const CHEAP: u32 = 4;

pub(crate) fn users(users: &[(&str, &str)]) -> String {
    let mut text = "basic_auth_users:\n".to_owned();
    for (name, password) in users {
        let hash = bcrypt::hash(password, CHEAP).unwrap();
        writeln!(text, "  {name}: {hash}").unwrap();
    }
    text
}

pub(crate) fn started(config: &str, flags: &[&str]) -> (Program, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    fs::write(&path, config).unwrap();
    let flag = format!("--web.config.file={}", path.display());
    let mut all = vec![flag.as_str()];
    all.extend(flags);
    (Program::start(&all), folder)
}

fn rewrite(folder: &Path, config: &str) {
    let aside = folder.join("web.yml.new");
    fs::write(&aside, config).unwrap();
    fs::rename(aside, folder.join("web.yml")).unwrap();
}

pub(crate) fn basic(name: &str, password: &str) -> String {
    format!(
        "Authorization: Basic {}\r\n",
        STANDARD.encode(format!("{name}:{password}"))
    )
}

#[test]
fn with_users_everything_but_health_needs_credentials() {
    let (program, _folder) = started(&users(&[("keeper", "wick")]), &[]);
    let address = program.address();
    for path in ["/livez", "/readyz", "/healthz"] {
        for method in ["GET", "HEAD"] {
            assert_eq!(
                ask(address, method, path, "").status,
                200,
                "{method} {path}"
            );
        }
    }
    for path in [
        "/",
        "/metrics",
        "/teapot",
        "/nope",
        "/livez/",
        "/livez/../metrics",
        "//livez",
        "/%6civez",
        "/metrics?/livez",
        "/panic",
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let answer = ask(address, method, path, "Content-Length: 0\r\n");
            assert_eq!(answer.status, 401, "{method} {path}");
            assert!(
                answer
                    .header("www-authenticate")
                    .unwrap()
                    .starts_with("Basic ")
            );
        }
    }
    for (path, status) in [
        ("/", 200),
        ("/metrics", 200),
        ("/teapot", 418),
        ("/nope", 404),
    ] {
        assert_eq!(
            ask(address, "GET", path, &basic("keeper", "wick")).status,
            status,
            "{path}"
        );
    }
}

#[test]
fn only_the_right_name_with_the_right_password_gets_in() {
    let (program, _folder) = started(&users(&[("keeper", "wick"), ("other", "o:il")]), &[]);
    let status = |header: &str| ask(program.address(), "GET", "/teapot", header).status;
    // Twice: the second answer is the remembered one.
    for _ in 0..2 {
        assert_eq!(status(&basic("keeper", "wick")), 418);
        assert_eq!(status(&basic("other", "o:il")), 418);
        assert_eq!(status(&basic("keeper", "o:il")), 401);
        assert_eq!(status(&basic("keeper", "")), 401);
        assert_eq!(status(&basic("nobody", "wick")), 401);
        assert_eq!(status(&basic("", "")), 401);
    }
    for odd in [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Bearer a2VlcGVyOndpY2s=",
        "Basic /////w==",
        "\u{e4}",
    ] {
        assert_eq!(status(&format!("Authorization: {odd}\r\n")), 401, "{odd}");
    }
    assert_eq!(
        status(&basic("keeper", "wick").replace("Basic", "bASIC")),
        418
    );
}

#[test]
fn an_unknown_name_costs_as_much_as_a_known_one() {
    let costly = bcrypt::hash("wick", 9).unwrap();
    let (program, _folder) = started(&format!("basic_auth_users: {{keeper: {costly}}}"), &[]);
    let time = |name: &str| {
        let begun = Instant::now();
        assert_eq!(
            ask(program.address(), "GET", "/", &basic(name, "wrong")).status,
            401
        );
        begun.elapsed()
    };
    let (known, unknown) = (time("keeper"), time("nobody"));
    assert!(unknown > known / 4, "{unknown:?} against {known:?}");
    // A remembered verdict costs next to nothing, which shows that the first one did cost.
    assert!(time("nobody") < unknown, "{unknown:?}");
}

#[test]
fn checking_a_password_does_not_hold_up_health() {
    let costly = bcrypt::hash("wick", 11).unwrap();
    let (program, _folder) = started(&format!("basic_auth_users: {{keeper: {costly}}}"), &[]);
    let address = program.address();
    let guess = move |password: &str| ask(address, "GET", "/", &basic("keeper", password)).status;
    let begun = Instant::now();
    assert_eq!(guess("wrong"), 401);
    let one_check = begun.elapsed();
    let second = std::thread::spawn(move || guess("wrong as well"));
    std::thread::sleep(one_check / 10);
    let begun = Instant::now();
    assert_eq!(get(address, "/livez").status, 200);
    assert!(
        begun.elapsed() < one_check / 2,
        "{:?} of {one_check:?}",
        begun.elapsed()
    );
    assert_eq!(second.join().unwrap(), 401);
}

#[test]
fn passwords_that_wait_for_their_check_are_bounded() {
    let costly = bcrypt::hash("wick", 9).unwrap();
    let (program, _folder) = started(&format!("basic_auth_users: {{keeper: {costly}}}"), &[]);
    let address = program.address();
    let guesses: Vec<_> = (0..40)
        .map(|number| {
            std::thread::spawn(move || {
                ask(address, "GET", "/", &basic("keeper", &number.to_string())).status
            })
        })
        .collect();
    let statuses: Vec<_> = guesses
        .into_iter()
        .map(|guess| guess.join().unwrap())
        .collect();
    assert!(
        statuses.iter().all(|status| [401, 503].contains(status)),
        "{statuses:?}"
    );
    assert!(
        statuses.contains(&401) && statuses.contains(&503),
        "{statuses:?}"
    );
}

#[test]
fn a_reload_changes_users_and_headers_at_once() {
    let (program, folder) = started(&users(&[("keeper", "wick")]), &[]);
    assert_eq!(
        ask(
            program.address(),
            "GET",
            "/teapot",
            &basic("keeper", "wick")
        )
        .status,
        418
    );
    rewrite(
        folder.path(),
        &format!(
            "{}http_server_config: {{headers: {{X-Frame-Options: deny}}}}\n",
            users(&[("keeper", "new")])
        ),
    );
    assert_eq!(
        ask(
            program.address(),
            "GET",
            "/teapot",
            &basic("keeper", "wick")
        )
        .status,
        401
    );
    let answer = ask(program.address(), "GET", "/teapot", &basic("keeper", "new"));
    assert_eq!(
        (answer.status, answer.header("x-frame-options")),
        (418, Some("deny"))
    );
    assert_eq!(
        get(program.address(), "/livez").header("x-frame-options"),
        Some("deny")
    );
}

#[test]
fn a_broken_reload_keeps_the_old_one_and_says_so_once_and_in_a_metric() {
    let (program, folder) = started(&users(&[("keeper", "wick")]), &[]);
    let page = || {
        ask(
            program.address(),
            "GET",
            "/metrics",
            &basic("keeper", "wick"),
        )
    };
    assert!(
        page()
            .text()
            .contains("exporter_web_config_last_reload_successful 1")
    );
    // Broken, emptied (as a file is while it is written), and gone.
    for broken in ["basic_auth_user: {}\n", ""] {
        rewrite(folder.path(), broken);
        for _ in 0..3 {
            let answer = page();
            assert_eq!(answer.status, 200);
            assert!(
                answer
                    .text()
                    .contains("exporter_web_config_last_reload_successful 0")
            );
            assert_eq!(get(program.address(), "/metrics").status, 401);
        }
    }
    fs::remove_file(folder.path().join("web.yml")).unwrap();
    assert_eq!(page().status, 200);
    assert_eq!(get(program.address(), "/metrics").status, 401);
    program.await_line("cannot be read");
    assert_eq!(program.count_lines("the old one stays"), 3);
    assert!(
        program
            .await_line("basic_auth_user`")
            .contains("web.yml:1:1")
    );
    rewrite(folder.path(), &users(&[("keeper", "wick")]));
    assert!(
        page()
            .text()
            .contains("exporter_web_config_last_reload_successful 1")
    );
    assert!(
        page()
            .text()
            .contains("exporter_web_config_last_reload_success_timestamp_seconds 1")
    );
}

#[test]
fn beyond_the_rate_429_and_health_is_not_counted() {
    let (program, _folder) = started("rate_limit: {interval: 1h, burst: 3}\n", &[]);
    let statuses: Vec<_> = (0..5)
        .map(|_| get(program.address(), "/teapot").status)
        .collect();
    assert_eq!(statuses, [418, 418, 418, 429, 429]);
    assert_eq!(get(program.address(), "/readyz").status, 200);
}
