//! What evaluating rules costs, against Prometheus on the same data and machine.
//!
//! ```text
//! cargo bench --bench rules                  `rate` over 10,000 series, ten usual alerts, a hundred rules
//! cargo bench --bench rules -- --gate        fails when a target is missed
//! ```
//! Method: the window (`History`) holds ten minutes of samples, one every 10 s. Times are medians of one thread. Prometheus
//! runs when `tests/backends/install.sh` has built it, reads the same samples from blocks that promtool wrote, and says
//! itself how long the query took in its engine (`stats=all`), without HTTP and JSON; its results must be as many series.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

mod data;
mod peer;

use std::process::ExitCode;
use std::time::Duration;

use bellwether::history::History;
use bellwether::promql::{Answer, Expr, Options, Value, instant, parse};
use peer::Peer;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// `rate` over 10,000 series takes less than this.
const RATE: Duration = Duration::from_millis(5);
/// A hundred rules over 10,000 series at a tick of 10 s take less than 1 % of a core.
const RULES: Duration = Duration::from_millis(100);

/// Ten usual alerts; `{}` is what they are limited to.
const ALERTS: [&str; 10] = [
    "up{} == 0",
    "sum by (job) (rate(http_requests_total{code=~\"5..\",}[5m])) / sum by (job) (rate(http_requests_total{}[5m])) > 0.05",
    "histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket{}[5m]))) > 2",
    "node_filesystem_avail_bytes{} / node_filesystem_size_bytes{} < 0.1",
    "predict_linear(node_filesystem_avail_bytes{}[5m], 4 * 3600) < 0",
    "rate(process_cpu_seconds_total{}[5m]) > 0.8",
    "max_over_time(queue_length{}[5m]) > 900",
    "absent(up{})",
    "increase(restarts_total{}[10m]) > 3",
    "avg by (job) (process_resident_memory_bytes{}) > 1e9",
];

fn main() -> ExitCode {
    let gate = std::env::args().any(|argument| argument == "--gate");
    run(gate).unwrap_or_else(|error| {
        eprintln!("rules: {error}");
        ExitCode::FAILURE
    })
}

fn run(gate: bool) -> Result<ExitCode> {
    let series = data::series();
    let window = data::window(&series);
    let mut peer = match Peer::start(&series) {
        Ok(peer) => Some(peer),
        Err(error) => {
            println!("without Prometheus: {error}\n");
            None
        }
    };
    println!("{:>10} {:>12} {:>7} {:>7}  query", "here", "Prometheus", "ratio", "series");
    let rate = row(&window, peer.as_mut(), "rate(load_total[5m])")?;
    for alert in ALERTS {
        row(&window, peer.as_mut(), &alert.replace("{}", "").replace(",}", "}"))?;
    }
    let rules = rules(&window)?;
    println!("\nrate over 10,000 series: {rate:?}, target {RATE:?}");
    let share = rules.as_secs_f64() / data::STEP.as_secs_f64() * 100.0;
    println!("100 rules over 10,000 series: {rules:?} a tick, {share:.2} % of a core at a tick of 10 s, target 1 %");
    Ok(if gate && (rate > RATE || rules > RULES) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Measures one query, here and there.
fn row(window: &History, peer: Option<&mut Peer>, query: &str) -> Result<Duration> {
    let expr = parse(query)?;
    let series = count(&ask(window, &expr)?);
    let here = median(15, || ask(window, &expr).map(drop))?;
    let (mut there, mut ratio) = ("-".to_owned(), "-".to_owned());
    if let Some(peer) = peer {
        let (taken, found) = peer.ask(query)?;
        if found != series {
            return Err(format!("{query}: {series} series here, {found} in Prometheus").into());
        }
        there = format!("{taken:.2?}");
        ratio = format!("{:.2}", here.as_secs_f64() / taken.as_secs_f64());
    }
    println!("{:>10} {there:>12} {ratio:>7} {series:>7}  {query}", format!("{here:.2?}"));
    Ok(here)
}

/// One tick of a hundred rules: each alert for each of ten jobs.
fn rules(window: &History) -> Result<Duration> {
    let mut rules = Vec::new();
    for alert in ALERTS {
        for job in 0..data::JOBS {
            let limited = format!("job=\"api-{job}\"");
            let query = alert.replace("{}", &format!("{{{limited}}}")).replace(",}", &format!(",{limited}}}"));
            rules.push(parse(&query)?);
        }
    }
    median(15, || rules.iter().try_for_each(|rule| ask(window, rule).map(drop)))
}

fn ask(window: &History, expr: &Expr) -> Result<Answer> {
    Ok(instant(window, expr, data::end(), &Options::default())?)
}

fn count(answer: &Answer) -> usize {
    if let Value::Vector(vector) = &answer.value { vector.len() } else { 0 }
}

fn median(rounds: usize, mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let begin = quanta::Instant::now();
        work()?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok(times[rounds / 2])
}
