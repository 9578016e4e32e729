//! What a span costs, against peers in the same run.
//!
//! ```text
//! cargo bench --bench span                     the table, and the targets
//! cargo bench --bench span -- --quick          fewer rounds
//! cargo bench --bench span -- --gate           fails when instructions, allocations or bytes are above their ceilings
//! cargo bench --bench span -- --only TEXT      contenders whose name has TEXT, and the Registry
//! ```
//! Method: telemetry is global to a process, so that each contender has processes of its own; they take turns in
//! rounds, and the table shows medians. Times are CPU time of the application's thread. Queues are emptied between
//! batches, outside that time; CPU time of the whole process is shown beside it, so that work moved to another thread
//! does not look free. Instructions are counted by callgrind after warm-up, on the application's thread as well: they
//! hardly depend on the machine or its load, so that they are gated, while times are shown for information.
//! A contender that did not record what it must have recorded is an error, not a row.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

mod contenders;
mod count;
mod measure;
mod report;
mod rounds;
mod workload;

use std::process::ExitCode;

use contenders::{Contender, Result};
use measure::Effort;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().position(|argument| argument == "--child") {
        Some(at) => child(&arguments[at + 1..]),
        None => parent(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("span: {error}");
        ExitCode::FAILURE
    })
}

fn effort(arguments: &[String]) -> Effort {
    if arguments.iter().any(|argument| argument == "--quick") { Effort::QUICK } else { Effort::FULL }
}

fn child(arguments: &[String]) -> Result<ExitCode> {
    let [mode, name, ..] = arguments else { return Err("--child wants a mode and a contender".into()) };
    let contender = contenders::find(name).ok_or_else(|| format!("no contender {name:?}"))?;
    let quantities = match mode.as_str() {
        "time" => measure::time(contender, effort(arguments))?,
        "memory" => measure::memory(contender)?,
        "count-trees" => measure::trees_to_count(contender, effort(arguments)).map(|()| Vec::new())?,
        "count-polls" => measure::polls_to_count(contender).map(|()| Vec::new())?,
        other => return Err(format!("no mode {other:?}").into()),
    };
    for (quantity, value) in quantities {
        println!("{quantity} {value}");
    }
    Ok(ExitCode::SUCCESS)
}

fn parent(arguments: &[String]) -> Result<ExitCode> {
    let only = arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1));
    let wanted = |contender: &&'static Contender| {
        contender.name == contenders::REGISTRY || only.is_none_or(|text| contender.name.contains(text.as_str()))
    };
    let contenders: Vec<&'static Contender> = contenders::ALL.iter().filter(wanted).collect();
    let rounds = if arguments.iter().any(|argument| argument == "--quick") { 1 } else { 5 };
    let quantities = rounds::run(&contenders, effort(arguments), rounds)?;
    let report = report::Report::new(&contenders, &quantities);
    println!("{report}");
    let failed = arguments.iter().any(|argument| argument == "--gate") && !report.gates_hold();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
