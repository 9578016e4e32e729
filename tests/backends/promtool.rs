//! The rules that come with the crate, in Prometheus' own tool.

use std::path::{Path, PathBuf};
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

/// promtool has the last word on files that were generated or printed.
#[test]
fn promtool_accepts_rules_made_of_objectives_and_rules_as_they_are_printed() -> Result<()> {
    use bellwether::rules::slo::{Options, generate};
    use bellwether::rules::{defaults, print};

    let promtool = installed("promtool")?;
    let folder = tempfile::tempdir()?;
    let objectives = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/slo");
    let mut files = vec![("default".to_owned(), print(&defaults()))];
    for name in ["checkout", "ratio", "silent", "two-services"] {
        let text = std::fs::read_to_string(objectives.join(format!("{name}.yml")))?;
        let rules = generate(&[(name, &text)], Options { period: true }).map_err(|findings| findings[0].to_string())?;
        files.push((name.to_owned(), rules));
    }
    for (name, rules) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, rules)?;
        let output = Command::new(&promtool).args(["check", "rules", "--lint-fatal"]).arg(&path).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned().into());
        }
    }
    Ok(())
}
