//! What makes a span an error, and of which type.

use std::fmt;

use tracing::{Level, event, info_span, instrument};

use super::*;

#[derive(Debug)]
struct Broken;
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}
impl std::error::Error for Broken {}

#[instrument(name = "work", err)]
fn fails(how: bool) -> Result<(), Broken> {
    if how { Err(Broken) } else { Ok(()) }
}

#[instrument(name = "work", err(Debug))]
fn fails_with_debug() -> Result<(), Broken> {
    Err(Broken)
}

#[test]
fn a_span_is_an_error_when_its_status_an_error_event_or_instrument_says_so() {
    let other = "error.type=_OTHER ERROR";
    let cases: [(&str, fn(), &str); 16] = [
        ("nothing", || drop(info_span!("work")), "UNSET"),
        ("instrument(err), Ok", || fails(false).unwrap(), "UNSET"),
        ("instrument(err), Err", || drop(fails(true)), other),
        ("instrument(err(Debug))", || drop(fails_with_debug()), other),
        ("error event", || info_span!("work").in_scope(|| event!(Level::ERROR, "no")), other),
        ("warning", || info_span!("work").in_scope(|| event!(Level::WARN, "no")), "UNSET"),
        (
            "explicit parent",
            || {
                let work = info_span!("work");
                let _other = info_span!(target: "h2::client", "not ours").entered();
                event!(parent: &work, Level::ERROR, "no");
            },
            other,
        ),
        ("not of this span", || info_span!("work").in_scope(|| event!(parent: None, Level::ERROR, "no")), "UNSET"),
        (
            "type on the event",
            || info_span!("work").in_scope(|| event!(Level::ERROR, error.type = "timeout", "no")),
            "error.type=timeout ERROR",
        ),
        (
            "exception type on the event",
            || info_span!("work").in_scope(|| event!(Level::ERROR, exception.type = %"Broken", "no")),
            "error.type=Broken ERROR",
        ),
        (
            "type on the span wins",
            || {
                let work = info_span!("work", error.type = tracing::field::Empty);
                work.in_scope(|| event!(Level::ERROR, error.type = "timeout", "no"));
                work.record("error.type", "500");
            },
            "error.type=500 ERROR",
        ),
        ("status code", || drop(info_span!("work", otel.status_code = "ERROR")), other),
        ("status code by Debug", || drop(info_span!("work", otel.status_code = ?Status::Error)), other),
        (
            "status recorded late",
            || {
                let work = info_span!("work", otel.status_code = tracing::field::Empty);
                work.record("otel.status_code", "error");
            },
            other,
        ),
        ("description", || drop(info_span!("work", otel.status_description = "it broke")), other),
        (
            "ok is final",
            || {
                let work = info_span!("work", otel.status_code = "ok");
                work.in_scope(|| event!(Level::ERROR, error.type = "timeout", "no"));
            },
            "OK",
        ),
    ];
    for (what, run, expected) in cases {
        let scene = scene();
        scene.run(run);
        assert_eq!(scene.work(), expect([(expected, 1.0)]), "{what}");
    }
}

#[derive(Debug)]
enum Status {
    Error,
}

#[test]
fn an_error_event_marks_the_innermost_span_only() {
    let scene = scene();
    scene.run(|| info_span!("outer").in_scope(|| info_span!("inner").in_scope(|| event!(Level::ERROR, "no"))));
    assert_eq!((scene.operation("outer").errors, scene.operation("inner").errors), (0, 1));
}

#[test]
fn without_error_type_among_the_dimensions_errors_have_none() {
    let scene = scene_of(&Config { dimensions: Vec::new(), ..config() });
    scene.run(|| drop(info_span!("work", otel.status_code = "error", error.type = "timeout")));
    assert_eq!(scene.work(), expect([("ERROR", 1.0)]));
}
