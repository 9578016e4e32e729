//! Alerts written in code are rules of Prometheus: this prints them as the rule file that they are.
//!
//! ```text
//! cargo run --example rules_in_code | bellwether check --print -
//! ```

use std::io::{self, Write};

use bellwether::Alerts;
use bellwether::rules::code::{Rule, minutes, ms, percent, print};

fn rules() -> Vec<Rule> {
    vec![
        Rule::p95("search").above(ms(200)).for_(minutes(5)),
        Rule::error_ratio("pay").above(percent(1)).for_(minutes(2)).critical(),
        Rule::calls("pay").below(0.1).named("NobodyPays").info(),
    ]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Whoever wants to read the rules, or to give them to a Prometheus, asks the service for them.
    if std::env::args().nth(1).as_deref() != Some("--serve") {
        io::stdout().write_all(print(&rules()).as_bytes())?;
        return Ok(());
    }
    let alerts = rules().into_iter().fold(Alerts::new(), Alerts::rule);
    let _telemetry = bellwether::builder().service("shop").alerts(alerts).init()?;
    Ok(())
}
