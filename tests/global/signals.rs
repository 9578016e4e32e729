//! A program without a shutdown path of its own: SIGTERM and SIGINT flush, then end it as they would have.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use crate::process::{command, is_child};
use crate::receiver::Receiver;

/// Starts the case in a child, waits until it has recorded, sends the signal; how it ended.
fn signalled(case: &str, signal: i32, ignored: bool) -> Option<(Receiver, Option<i32>)> {
    if is_child(case) {
        let guard = bellwether::init().unwrap();
        let before = if ignored { libc::SIG_IGN } else { libc::SIG_DFL };
        // SAFETY: no handler runs.
        #[expect(unsafe_code, reason = "as a shell does; a runner in the background has its own idea of it")]
        unsafe {
            libc::signal(signal, before);
        }
        guard.flush_on_signal().unwrap();
        tracing::info_span!("before the signal").in_scope(|| ());
        std::io::stdout().write_all(b"\nready\n").unwrap();
        // Ends when the parent closes its end: at the latest when the parent itself ends.
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        return None;
    }
    let receiver = Receiver::grpc();
    let mut child = command(case, &receiver.variables())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"));
    let pid = i32::try_from(child.id()).unwrap();
    // SAFETY: the child has not been waited for, so the number is still its own.
    #[expect(unsafe_code, reason = "std has no way to send a signal")]
    unsafe {
        libc::kill(pid, signal);
    }
    if ignored {
        drop(child.stdin.take());
    }
    // The rest of its output, so that it never waits for us to read.
    let _rest: Vec<_> = lines.collect();
    Some((receiver, child.wait().unwrap().signal()))
}

#[test]
fn sigterm_flushes_and_ends_the_process_by_sigterm() {
    if let Some((receiver, signal)) =
        signalled("signals::sigterm_flushes_and_ends_the_process_by_sigterm", libc::SIGTERM, false)
    {
        assert_eq!(signal, Some(libc::SIGTERM));
        assert_eq!(receiver.span_names(), ["before the signal"]);
        assert!(receiver.has_metric("traces.span.metrics.calls"));
    }
}

#[test]
fn sigint_flushes_and_ends_the_process_by_sigint() {
    if let Some((receiver, signal)) =
        signalled("signals::sigint_flushes_and_ends_the_process_by_sigint", libc::SIGINT, false)
    {
        assert_eq!(signal, Some(libc::SIGINT));
        assert_eq!(receiver.span_names(), ["before the signal"]);
    }
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    if let Some((receiver, signal)) = signalled("signals::a_signal_that_was_ignored_stays_ignored", libc::SIGINT, true)
    {
        assert_eq!(signal, None);
        assert_eq!(receiver.span_names(), ["before the signal"], "the guard flushed at the end");
    }
}
