//! What the parent process does: runs the children, one process a contender, and gathers their numbers.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use crate::contenders::{Contender, Result};
use crate::measure::{self, Effort, median};

/// The quantities of a contender by name; of quantities measured in rounds, the median.
pub(crate) type Quantities = BTreeMap<String, f64>;

/// Runs everything and returns what was measured, in the order of `contenders`.
pub(crate) fn run(contenders: &[&'static Contender], effort: Effort, rounds: usize) -> Result<Vec<Quantities>> {
    let count = valgrind_stands_by();
    let mut all: Vec<BTreeMap<String, Vec<f64>>> = vec![BTreeMap::new(); contenders.len()];
    for (contender, gathered) in contenders.iter().zip(&mut all) {
        let mut add = |name: &str, value: f64| gathered.entry(name.into()).or_default().push(value);
        if count {
            let (trees, polls) = measure::counted(contender, effort);
            add("instructions", instructions("count-trees", "*measured_trees*", contender)? / trees);
            if contender.tracing {
                add("poll instructions", instructions("count-polls", "*measured_polls*", contender)? / polls);
            }
        }
        if contender.tracing {
            child("memory", contender)?.into_iter().for_each(|(name, value)| add(&name, value));
        }
    }
    for _ in 0..rounds {
        for (contender, gathered) in contenders.iter().zip(&mut all) {
            for (name, value) in child("time", contender)? {
                gathered.entry(name).or_default().push(value);
            }
        }
    }
    let medians = |gathered: BTreeMap<String, Vec<f64>>| {
        gathered.into_iter().map(|(name, mut values)| (name, median(&mut values))).collect()
    };
    Ok(all.into_iter().map(medians).collect())
}

fn valgrind_stands_by() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The arguments by which this program knows that it is a child.
fn arguments(mode: &str, contender: &Contender) -> [String; 4] {
    ["--child".into(), mode.into(), contender.name.into(), quick_word().into()]
}

fn quick_word() -> &'static str {
    if std::env::args().any(|argument| argument == "--quick") { "--quick" } else { "--full" }
}

/// Runs this program again for one contender, and reads the `quantity value` lines that it prints.
fn child(mode: &str, contender: &Contender) -> Result<Vec<(String, f64)>> {
    let output = Command::new(std::env::current_exe()?).args(arguments(mode, contender)).output()?;
    let output = succeeded(output, contender)?;
    let lines = String::from_utf8(output.stdout)?;
    lines
        .lines()
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').ok_or_else(|| format!("{mode}: unexpected line {line:?}"))?;
            Ok((name.to_owned(), value.parse()?))
        })
        .collect()
}

/// Instructions of the calling thread between entry and return of the functions that `toggle` names.
fn instructions(mode: &str, toggle: &str, contender: &Contender) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={toggle}"))
        .arg(std::env::current_exe()?)
        .args(arguments(mode, contender))
        .output()?;
    let output = succeeded(output, contender)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(instructions) if instructions > 0.0 => Ok(instructions),
        _ => Err(format!("callgrind counted nothing for {}:\n{said}", contender.name).into()),
    }
}

fn succeeded(output: Output, contender: &Contender) -> Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{} ended with {}:\n{said}", contender.name, output.status).into())
}
