//! The examples do what they show, started as a reader would start them.

use std::path::Path;
use std::process::Command;

use crate::receiver::Receiver;

/// What the example wrote, after it sent its telemetry to the receiver.
fn run(example: &str, receiver: &Receiver) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(root.join(format!("examples/{example}.rs"))).unwrap();
    assert!(source.lines().count() < 100, "{example} is to stay short");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--example", example])
        .current_dir(root)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .envs(receiver.variables())
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{example}: {}\n{text}", output.status);
    assert!(!text.contains("dropped"), "{text}");
    text
}

#[test]
fn basic() {
    let receiver = Receiver::grpc();
    let text = run("basic", &receiver);
    assert!(text.contains("traces: 11 delivered"), "{text}");
    let mut names = receiver.span_names();
    names.sort();
    names.dedup();
    assert_eq!(names, ["parse", "rank", "search"]);
    assert!(receiver.has_metric("traces.span.metrics.calls"));
    assert!(receiver.logs().iter().all(|record| !record.trace_id.is_empty() || record.severity_text == "WARN"));
}

#[test]
fn compose() {
    let receiver = Receiver::http();
    let text = run("compose", &receiver);
    assert!(text.contains("calls=3"), "{text}");
    assert!(receiver.has_metric("sold") && receiver.has_metric("traces.span.metrics.calls"));
}

#[test]
fn metrics() {
    let receiver = Receiver::http();
    let text = run("metrics", &receiver);
    for line in ["shop.orders: 2", "shop.basket.size: 1", "shop.packing.duration: 1", "shop.queue.length: 1"] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(receiver.has_metric("shop.items") && receiver.has_metric("shop.queue.length"));
}

#[test]
fn own_exporter() {
    let receiver = Receiver::grpc();
    let text = run("own_exporter", &receiver);
    for line in ["span inner", "span outer", "hello", "traces: 2 delivered"] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(receiver.spans().is_empty() && receiver.logs().is_empty());
    assert!(receiver.has_metric("traces.span.metrics.calls"), "metrics still go by OTLP");
}

#[test]
fn own_task() {
    let receiver = Receiver::http();
    let text = run("own_task", &receiver);
    assert!(text.contains("3 spans delivered"), "{text}");
    assert_eq!(receiver.span_names(), ["answer"; 3]);
}
