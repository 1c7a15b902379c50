//! The command line: exit codes that scripts written for `grpc_health_probe` rely on.

use std::ffi::OsString;
use std::process::ExitCode;

use grpc_health_exporter::probe::command::run_typed;

use crate::server::{self, SETTINGS, says};

/// Runs the command as typed, beside the servers of the test.
async fn exits(arguments: &[&str]) -> ExitCode {
    let typed: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    tokio::task::spawn_blocking(|| run_typed(typed))
        .await
        .unwrap()
}

#[track_caller]
fn assert_code(exited: ExitCode, code: u8) {
    // Two exit codes cannot be compared but by what they print.
    assert_eq!(format!("{exited:?}"), format!("{:?}", ExitCode::from(code)));
}

#[tokio::test]
async fn a_healthy_server_exits_with_0_however_it_is_named() {
    let address = server::grpc(server::serving).await.to_string();
    assert_code(exits(&[&address]).await, 0);
    assert_code(exits(&["-addr", &address, "-service=", "--json"]).await, 0);
    assert_code(
        exits(&[&format!("--addr={address}"), "-tls=false"]).await,
        0,
    );
}

#[tokio::test]
async fn wrong_flags_exit_with_1() {
    for arguments in [
        &[][..],
        &["nowhere"],
        &["a:1", "--connect-timeout=0"],
        &["a:1", "--rpc-header=x"],
        &["a:1", "-alts"],
        &["a:1", "--tls-no-verify"],
        &["a:1", "--tls", "--tls-ca-cert=/does/not/exist"],
        &["a:1", "--tls", "--tls-client-cert=/does/not/exist"],
    ] {
        assert_code(exits(arguments).await, 1);
    }
}

#[tokio::test]
async fn no_connection_exits_with_2() {
    let silent = server::raw(|stream| says(stream, b"")).await.to_string();
    assert_code(exits(&[&silent, "-connect-timeout=200ms"]).await, 2);
    let wrong = server::raw(|stream| says(stream, b"HTTP/1.1 400 \r\n\r\n")).await;
    assert_code(
        exits(&[&wrong.to_string(), "-connect-timeout=200ms"]).await,
        2,
    );
}

#[tokio::test]
async fn no_answer_exits_with_3() {
    let silent = server::raw(|stream| says(stream, SETTINGS)).await;
    assert_code(exits(&[&silent.to_string(), "-rpc-timeout=200ms"]).await, 3);
    let without = server::grpc(|call| async move { call.trailers_only("12") }).await;
    assert_code(exits(&[&without.to_string()]).await, 3);
}

#[tokio::test]
async fn any_other_answer_exits_with_4() {
    let not_serving = server::grpc(|call| async move {
        call.message(&[0, 0, 0, 0, 2, 8, 2]);
    })
    .await;
    assert_code(exits(&[&not_serving.to_string()]).await, 4);
}
