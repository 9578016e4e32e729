//! Alerts survive SIGKILL: what was pending goes on, what fires is not told twice, what ended meanwhile is told.
//!
//! A child evaluates rules by a clock that its parent moves, and tells the parent's webhook.

#![cfg(all(unix, feature = "rules"))]
#![expect(clippy::disallowed_methods, reason = "what another process does can only be looked at")]

use std::fs;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bellwether::Alerts;
use bellwether::clock::{Clock, Timestamp};
use bellwether::opentelemetry::KeyValue;
use serde_json::Value;

use crate::process::{command, is_child};

const START: u64 = 1_767_225_600;
const PATIENCE: Duration = Duration::from_secs(20);
const RULES: &str = "
groups:
- name: load
  rules:
  - {alert: Busy, expr: load > 0, for: 15m}
  - {alert: Held, expr: held > 0, keep_firing_for: 30m}
  - {alert: Many, expr: many > 0, for: 1d}
";

/// The process that is killed: its rules, clock and gauges, moved by the lines of its input.
fn evaluate() {
    let folder = std::env::var("FOLDER").unwrap();
    let at = |name: &str| Path::new(&folder).join(name);
    let minute: u64 = std::env::var("MINUTE").unwrap().parse().unwrap();
    let clock = Clock::manual(Timestamp((START + minute * 60) * 1_000_000_000));
    let nowhere = ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"].map(|name| (name, "none"));
    let alerts = Alerts::new()
        .default_rules(false)
        .interval(Duration::from_millis(10))
        .rules("rules.yml", RULES)
        .routing_file(at("routes.yml"))
        .state_file(at("alerts.json"));
    let builder = bellwether::builder().environment(nowhere.into_iter().collect()).clock(clock.clone()).alerts(alerts);
    let guard = builder.init().unwrap();
    let mut out = std::io::stdout();
    out.write_all(b"\nready\n").unwrap();
    let mut now = minute;
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["minute", minute] => {
                let minute: u64 = minute.parse().unwrap();
                clock.advance(Duration::from_secs((minute - now) * 60));
                now = minute;
            }
            ["many", number] => {
                let many = bellwether::instruments::gauge("many");
                (0..number.parse().unwrap()).for_each(|at: i64| many.record(1, &[KeyValue::new("at", at)]));
            }
            [gauge, value] => {
                bellwether::instruments::gauge(gauge.to_owned()).record(value.parse::<i64>().unwrap(), &[]);
            }
            _ => panic!("{line}"),
        }
        out.write_all(b"ok\n").unwrap();
    }
    drop(guard);
}

/// A child under way.
struct Run {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Run {
    fn start(case: &str, folder: &Path, minute: u64, gauges: &[&str]) -> Self {
        let minute = minute.to_string();
        let variables = [("FOLDER", folder.to_str().unwrap()), ("MINUTE", minute.as_str())];
        let mut command = command(case, &variables);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = piped.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"));
        let mut run = Self { input: child.stdin.take().unwrap(), child, lines };
        for gauge in gauges {
            run.say(gauge);
        }
        run
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        assert_eq!(self.lines.next().unwrap().unwrap(), "ok");
    }

    /// Moves the clock, and waits until an evaluation at that minute is in the state.
    fn minute(&mut self, folder: &Path, minute: u64) {
        self.say(&format!("minute {minute}"));
        let at = i64::try_from((START + minute * 60) * 1000).unwrap();
        until(|| state(folder).is_some_and(|state| state["saved_at"].as_i64() >= Some(at)));
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Waits for something that another process does.
fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        std::thread::sleep(PATIENCE / 2_000);
    }
    panic!("it does not come");
}

/// The state file; `None` while there is none.
fn state(folder: &Path) -> Option<Value> {
    let text = fs::read_to_string(folder.join("alerts.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("the file is always whole: {error}\n{text}")))
}

/// The state of the first alert of a rule.
fn alert(folder: &Path, name: &str) -> Option<Value> {
    let state = state(folder)?;
    let rule = state["rules"].as_array()?.iter().find(|rule| rule["alert"] == name)?.clone();
    Some(rule["alerts"][0]["state"].clone())
}

/// Whether the state knows that somebody was told.
fn somebody_was_told(folder: &Path) -> bool {
    let inside = |state: Value, key: &str| serde_json::from_str(state[key].as_str()?).ok();
    let notifier: Option<Value> =
        state(folder).and_then(|state| inside(state, "beside")).and_then(|beside| inside(beside, "told"));
    notifier.is_some_and(|notifier| notifier["groups"][0]["told"].as_array().is_some_and(|told| !told.is_empty()))
}

/// A webhook that takes everything, and its messages: status and alert.
fn webhook(folder: &Path) -> Receiver<(String, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let routes = format!(
        "route: {{receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1m}}\nreceivers: [{{name: hook, webhook_configs: [{{url: 'http://{}/'}}]}}]\n",
        listener.local_addr().unwrap()
    );
    fs::write(folder.join("routes.yml"), routes).unwrap();
    let (sender, messages) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let body: Value = serde_json::from_slice(&body(&mut stream.unwrap())).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let told = (text(&body["status"]), text(&body["groupLabels"]["alertname"]));
            // The test may have ended.
            drop(sender.send(told));
        }
    });
    messages
}

/// Reads a request and answers it.
fn body(stream: &mut TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    body
}

fn told(status: &str, alert: &str) -> (String, String) {
    (status.to_owned(), alert.to_owned())
}

#[test]
fn for_goes_on_after_sigkill_and_nobody_is_told_twice_and_an_end_meanwhile_is_told() {
    let case = "killed::for_goes_on_after_sigkill_and_nobody_is_told_twice_and_an_end_meanwhile_is_told";
    if is_child(case) {
        return evaluate();
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let messages = webhook(folder);

    let mut run = Run::start(case, folder, 0, &["load 1"]);
    run.minute(folder, 1);
    run.minute(folder, 4);
    assert_eq!(alert(folder, "Busy").unwrap(), "pending");
    run.kill();

    // Of fifteen minutes three are over; two minutes down count for nothing.
    let mut run = Run::start(case, folder, 6, &["load 1"]);
    run.minute(folder, 17);
    assert_eq!(alert(folder, "Busy").unwrap(), "pending");
    run.minute(folder, 18);
    assert_eq!(messages.recv_timeout(PATIENCE), Ok(told("firing", "Busy")));
    until(|| somebody_was_told(folder));
    run.kill();

    let mut run = Run::start(case, folder, 19, &["load 1"]);
    for minute in 20..=24 {
        run.minute(folder, minute);
    }
    assert_eq!(alert(folder, "Busy").unwrap(), "firing");
    run.kill();

    // It has ended meanwhile, which is known when the window has filled again.
    let mut run = Run::start(case, folder, 25, &["load 0"]);
    run.minute(folder, 29);
    assert_eq!(alert(folder, "Busy").unwrap(), "firing");
    run.minute(folder, 31);
    run.minute(folder, 32);
    assert_eq!(messages.recv_timeout(PATIENCE), Ok(told("resolved", "Busy")));
    run.kill();
    assert!(messages.try_recv().is_err(), "nothing else was told");
}

#[test]
fn keep_firing_for_goes_on_after_sigkill() {
    let case = "killed::keep_firing_for_goes_on_after_sigkill";
    if is_child(case) {
        return evaluate();
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let messages = webhook(folder);

    let mut run = Run::start(case, folder, 0, &["held 1"]);
    run.minute(folder, 1);
    assert_eq!(messages.recv_timeout(PATIENCE), Ok(told("firing", "Held")));
    until(|| somebody_was_told(folder));
    run.say("held 0");
    run.minute(folder, 2);
    run.kill();

    let mut run = Run::start(case, folder, 10, &["held 0"]);
    for minute in [11, 20, 31] {
        run.minute(folder, minute);
        assert_eq!(alert(folder, "Held").unwrap(), "firing", "{minute}");
    }
    run.kill();

    // Thirty minutes after the second.
    let mut run = Run::start(case, folder, 32, &["held 0"]);
    run.minute(folder, 36);
    assert_eq!(alert(folder, "Held").unwrap(), "firing", "the window fills");
    run.minute(folder, 38);
    run.minute(folder, 39);
    assert_eq!(messages.recv_timeout(PATIENCE), Ok(told("resolved", "Held")));
    run.kill();
    assert!(messages.try_recv().is_err(), "nothing else was told");
}

#[test]
fn a_state_that_is_killed_while_it_is_written_is_whole() {
    let case = "killed::a_state_that_is_killed_while_it_is_written_is_whole";
    if is_child(case) {
        return evaluate();
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(webhook(folder));
    let beside = folder.join("alerts.json.new");
    let (mut minute, mut in_the_middle) = (0, 0);
    for _ in 0..12 {
        let mut run = Run::start(case, folder, minute, &["many 500"]);
        minute += 1;
        run.say(&format!("minute {minute}"));
        // Each look takes microseconds, a write milliseconds.
        let written = || state(folder).is_some_and(|state| state["rules"][0]["alerts"].as_array().is_some());
        let before = fs::metadata(folder.join("alerts.json")).and_then(|file| file.modified()).ok();
        for look in 0..200_000 {
            let now = fs::metadata(folder.join("alerts.json")).and_then(|file| file.modified()).ok();
            if beside.exists() || now != before || look == 199_999 {
                break;
            }
            std::thread::yield_now();
        }
        run.kill();
        in_the_middle += usize::from(beside.exists());
        assert!(written() || state(folder).is_none(), "whole, or not there yet");
        assert!(!folder.join("alerts.json.broken").exists());
    }
    assert!(in_the_middle > 0, "some were killed in the middle of a write");
    let mut run = Run::start(case, folder, minute, &["many 500"]);
    run.minute(folder, minute + 1);
    assert_eq!(alert(folder, "Many").unwrap(), "pending");
    run.kill();
}
