//! One process a case.

use std::process::{Command, Output};

/// Says which case a process is to run.
const CASE: &str = "TEST_CASE";

/// Variables of the machine that would change what is tested.
const PREFIXES: [&str; 3] = ["OTEL_", "BELLWETHER_", "RUST_"];

/// Whether this process is the one that runs the case.
pub(crate) fn is_child(case: &str) -> bool {
    std::env::var(CASE).is_ok_and(|running| running == case)
}

/// Runs `body` in a process of its own, with these variables and no other of telemetry, and returns what it wrote. The
/// test fails with what it wrote when it does not succeed. `case` is the test's whole path.
pub(crate) fn case(case: &str, variables: &[(&str, &str)], body: impl FnOnce()) -> Option<String> {
    if is_child(case) {
        body();
        return None;
    }
    let Output { status, stdout, stderr } = command(case, variables).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{case}: {status}\n{text}");
    assert!(text.contains("1 passed"), "{case} is not the path of a test\n{text}");
    Some(text)
}

/// This binary, to run the case.
pub(crate) fn command(case: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars().filter(|(name, _)| PREFIXES.iter().any(|prefix| name.starts_with(prefix))) {
        command.env_remove(name);
    }
    command.args([case, "--exact", "--nocapture", "--test-threads=1"]).env(CASE, case).envs(variables.iter().copied());
    command
}
