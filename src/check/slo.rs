//! Objectives in, rules out.

use std::io::Write;

use super::args::{GenerateArgs, SloCommand};
use super::{Outcome, Streams, files, output, written};
use crate::rules::file::{self, Finding, ReadOptions};
use crate::rules::slo::{self, Options};

/// Generates rules from objectives. They are written to `out`, or to the file that is asked for; what is wrong goes to
/// `err`, and nothing is written then.
pub fn generate(command: &SloCommand, streams: &mut Streams<impl Write, impl Write>) -> Outcome {
    let SloCommand::Generate(args) = command;
    let rules = match rules(args) {
        Ok(rules) => rules,
        Err(findings) => {
            written(findings.iter().try_for_each(|finding| writeln!(streams.err, "{finding}\n")));
            return Outcome::Mistake;
        }
    };
    let Some(path) = &args.output else {
        written(streams.out.write_all(rules.as_bytes()).and_then(|()| streams.out.flush()));
        return Outcome::Good;
    };
    let name = path.display();
    match std::fs::write(path, &rules) {
        Ok(()) => {
            let amount = output::amount(&file::parse("", &rules, &ReadOptions::default()));
            written(writeln!(streams.err, "{name}: {amount}"));
            Outcome::Good
        }
        Err(error) => {
            written(writeln!(streams.err, "bellwether: {name} cannot be written: {error}"));
            Outcome::Unavailable
        }
    }
}

fn rules(args: &GenerateArgs) -> Result<String, Vec<Finding>> {
    let (mut texts, mut findings) = (Vec::new(), Vec::new());
    for path in &args.files {
        match files::text(path) {
            Ok(text) => texts.push((files::shown(path), text)),
            Err(finding) => findings.push(finding),
        }
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    match slo::generate(&texts, Options { period: args.period }) {
        Ok(rules) if findings.is_empty() => Ok(rules),
        Ok(_) => Err(findings),
        Err(more) => Err(findings.into_iter().chain(more).collect()),
    }
}
