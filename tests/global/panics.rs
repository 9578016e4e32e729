//! A panic of the host becomes an event, and the hook before ours still runs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use crate::process::case;
use crate::receiver::Receiver;

static PREVIOUS: AtomicU32 = AtomicU32::new(0);

fn panic_with(hook: bool, variables: &[(&str, &str)]) -> Vec<LogRecord> {
    let receiver = Receiver::http();
    std::panic::set_hook(Box::new(|_| {
        PREVIOUS.fetch_add(1, Ordering::Relaxed);
    }));
    let environment = receiver.variables().into_iter().chain(variables.iter().copied()).collect();
    let guard = bellwether::builder().environment(environment).panic_hook(hook).init().unwrap();
    let thread = std::thread::Builder::new().name("worker".into());
    let panicked = thread.spawn(|| panic!("no more {}", "tea")).unwrap().join();
    assert!(panicked.is_err());
    assert_eq!(PREVIOUS.load(Ordering::Relaxed), 1, "the hook before ours runs once");
    let report = guard.shutdown(Duration::from_secs(10));
    assert!(report.is_complete(), "{report}");
    receiver.logs()
}

fn attribute(record: &LogRecord, key: &str) -> Option<String> {
    let value = record.attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()?;
    Some(match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

#[test]
fn a_panic_is_recorded_with_message_place_and_thread() {
    case("panics::a_panic_is_recorded_with_message_place_and_thread", &[], || {
        let [record] = &panic_with(true, &[])[..] else { panic!("not one record") };
        assert_eq!(record.severity_text, "ERROR");
        assert_eq!(attribute(record, "exception.message").unwrap(), "no more tea");
        assert_eq!(attribute(record, "exception.type").unwrap(), "panic");
        assert!(attribute(record, "code.file.path").unwrap().ends_with("panics.rs"));
        assert_eq!(attribute(record, "thread.name").unwrap(), "worker");
        assert_eq!(attribute(record, "exception.stacktrace"), None);
    });
}

#[test]
fn a_stack_trace_is_recorded_where_rust_backtrace_asks_for_it() {
    let name = "panics::a_stack_trace_is_recorded_where_rust_backtrace_asks_for_it";
    case(name, &[("RUST_BACKTRACE", "1")], || {
        let [record] = &panic_with(true, &[])[..] else { panic!("not one record") };
        assert!(attribute(record, "exception.stacktrace").unwrap().contains("panic_with"));
    });
}

#[test]
fn the_hook_can_be_left_out() {
    case("panics::the_hook_can_be_left_out", &[], || assert!(panic_with(false, &[]).is_empty()));
}
