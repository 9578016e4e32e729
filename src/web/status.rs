//! Who answers, and whether all is well.
#![expect(clippy::unnecessary_wraps, reason = "the signature of every endpoint")]

use axum::http::StatusCode;
use serde_json::json;

use super::answer::{Answer, Refusal};
use super::desk::Desk;
use super::json::date;
use super::params::Params;

/// The release of Prometheus whose API this is. Clients decide by it what they may ask for.
const PROMETHEUS: &str = "3.14.0";

/// `status/buildinfo`.
pub(super) fn build(_: &Desk, _: &Params) -> Result<Answer, Refusal> {
    let revision = concat!("bellwether-", env!("CARGO_PKG_VERSION"));
    let data = json!({
        "version": PROMETHEUS,
        "revision": revision,
        "branch": "bellwether",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    Ok(Answer::new(data.to_string()))
}

/// `status/runtimeinfo`: what does not tell about the machine.
pub(super) fn runtime(desk: &Desk, _: &Params) -> Result<Answer, Refusal> {
    let start = i64::try_from(desk.handle.start().0 / 1_000_000).ok();
    let data = json!({
        "startTime": date(start),
        "CWD": "",
        "hostname": "",
        "serverTime": date(Some(desk.now())),
        "reloadConfigSuccess": true,
        "lastConfigTime": date(start),
        "corruptionCount": 0,
        "goroutineCount": 0,
        "GOMAXPROCS": 0,
        "GOMEMLIMIT": 0,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": "",
    });
    Ok(Answer::new(data.to_string()))
}

/// `status/config`: there is no file of Prometheus.
pub(super) fn config(_: &Desk, _: &Params) -> Result<Answer, Refusal> {
    Ok(Answer::new(json!({ "yaml": "" }).to_string()))
}

/// `status/flags`: there are none.
pub(super) fn flags(_: &Desk, _: &Params) -> Result<Answer, Refusal> {
    Ok(Answer::new("{}"))
}

/// `/health`: the server answers, and rules are evaluated.
pub(super) fn health(desk: &Desk) -> (StatusCode, &'static str) {
    if desk.window.is_alive(desk.clock()) {
        (StatusCode::OK, "bellwether is Healthy.\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "rules have not been evaluated for long\n")
    }
}

/// `/ready`: there is something to look at, and it is not old.
pub(super) fn ready(desk: &Desk) -> (StatusCode, &'static str) {
    match (desk.window.history.since().is_some(), health(desk)) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "nothing was collected yet\n"),
        (true, (StatusCode::OK, _)) => (StatusCode::OK, "bellwether is Ready.\n"),
        (true, unhealthy) => unhealthy,
    }
}
