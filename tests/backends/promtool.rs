//! The rules that come with the crate, in Prometheus' own tool.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::program::installed;

#[test]
fn promtool_accepts_the_default_rules_and_their_unit_test_and_rules_written_in_code() -> Result<()> {
    use bellwether::rules::code::{Rule, minutes, ms, percent, print};

    let promtool = installed("promtool")?;
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let run = |args: &[&str]| -> Result<()> {
        let output = Command::new(&promtool).current_dir(&rules).args(args).output()?;
        let said = [output.stdout, output.stderr].concat();
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned().into()) }
    };
    run(&["check", "rules", "--lint-fatal", "bellwether.rules.yml"])?;
    run(&["test", "rules", "bellwether.test.yml"])?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("code.rules.yml");
    let written = [Rule::p95("search").above(ms(200)).for_(minutes(5)), Rule::error_ratio("a \"b\"").above(percent(1))];
    std::fs::write(&file, print(&written))?;
    run(&["check", "rules", "--lint-fatal", &file.display().to_string()])
}
