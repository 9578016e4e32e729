//! What evaluating rules costs, against Prometheus on the same data and machine.
//!
//! ```text
//! cargo bench --bench rules                  `rate` over 10,000 series, ten usual alerts, a hundred rules
//! cargo bench --bench rules -- --gate        fails when a target is missed, or Prometheus or valgrind is not there
//! ```
//! Method: the window (`History`) holds ten minutes of samples, one every 10 s. Prometheus runs when
//! `tests/backends/install.sh` has built it, reads the same samples from blocks that promtool wrote, and says itself how
//! long the query took in its engine (`stats=all`), without HTTP and JSON. The two take turns; times are the least of all
//! rounds. Every answer must be Prometheus' own, series by series and value by value, with the alerts' thresholds and
//! without: otherwise the benchmark fails. Instructions are counted by callgrind after warm-up; they hardly depend on the
//! machine or its load, so that they are gated, while times are shown for information.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

mod compare;
mod count;
mod data;
mod peer;

use std::process::ExitCode;
use std::time::Duration;

use bellwether::history::History;
use bellwether::promql::{Answer, Expr, Options, instant, parse};
use compare::{Found, compare, found};
use count::Work;
use peer::Peer;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const RATE: &str = "rate(load_total[5m])";
const ROUNDS: usize = 15;

/// Ten usual alerts, what they look at and when they fire; `{}` is what they are limited to.
const ALERTS: [(&str, &str); 10] = [
    ("up{}", " == 0"),
    (
        "sum by (job) (rate(http_requests_total{code=~\"5..\",}[5m])) / sum by (job) (rate(http_requests_total{}[5m]))",
        " > 0.05",
    ),
    ("histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket{}[5m])))", " > 2"),
    ("node_filesystem_avail_bytes{} / node_filesystem_size_bytes{}", " < 0.1"),
    ("predict_linear(node_filesystem_avail_bytes{}[5m], 4 * 3600)", " < 0"),
    ("rate(process_cpu_seconds_total{}[5m])", " > 0.8"),
    ("max_over_time(queue_length{}[5m])", " > 900"),
    ("absent(up{})", ""),
    ("increase(restarts_total{}[10m])", " > 3"),
    ("avg by (job) (process_resident_memory_bytes{})", " > 1e9"),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().position(|argument| argument == "--child") {
        Some(at) => child(arguments.get(at + 1).map_or("", String::as_str)),
        None => run(arguments.iter().any(|argument| argument == "--gate")),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("rules: {error}");
        ExitCode::FAILURE
    })
}

/// Does one work for callgrind to count.
fn child(work: &str) -> Result<ExitCode> {
    let window = data::window(&data::series());
    match Work::named(work) {
        Some(Work::Rate) => counted(&window, &[parse(RATE)?])?,
        Some(Work::Rules) => counted(&window, &hundred()?)?,
        None => return Err(format!("there is no work named {work:?}").into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Twice, of which the second is counted: it finds memory and caches as a later tick does.
fn counted(window: &History, rules: &[Expr]) -> Result<()> {
    rules.iter().try_for_each(|rule| ask(window, rule).map(drop))?;
    count::measured(|| rules.iter().try_for_each(|rule| ask(window, rule).map(drop)))
}

fn run(gate: bool) -> Result<ExitCode> {
    let series = data::series();
    let window = data::window(&series);
    let mut peer = match Peer::start(&series) {
        Ok(peer) => Some(peer),
        Err(error) if gate => return Err(error),
        Err(error) => {
            println!("without Prometheus: {error}\n");
            None
        }
    };
    println!("{:>10} {:>12} {:>7} {:>7}  query", "here", "Prometheus", "ratio", "series");
    row(&window, peer.as_mut(), RATE, "")?;
    for (looks_at, fires) in ALERTS {
        let everywhere = looks_at.replace("{}", "").replace(",}", "}");
        row(&window, peer.as_mut(), &everywhere, fires)?;
    }
    let rules = hundred()?;
    let tick = least(|| rules.iter().try_for_each(|rule| ask(&window, rule).map(drop)))?;
    let share = tick.as_secs_f64() / data::STEP.as_secs_f64() * 100.0;
    println!("\n100 rules over 10,000 series: {tick:.2?} a tick, {share:.2} % of a core at a tick of 10 s");
    let held = count::targets(gate)?;
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures one query, here and there.
fn row(window: &History, mut peer: Option<&mut Peer>, looks_at: &str, fires: &str) -> Result<()> {
    let query = format!("{looks_at}{fires}");
    if let Some(peer) = peer.as_mut() {
        for query in [looks_at, &query] {
            compare(query, &answer(window, &parse(query)?)?, &peer.ask(query)?.1)?;
        }
    }
    let expr = parse(&query)?;
    let series = answer(window, &expr)?.len();
    let (mut here, mut there) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        here = here.min(timed(|| ask(window, &expr).map(drop))?);
        if let Some(peer) = peer.as_mut() {
            there = there.min(peer.ask(&query)?.0);
        }
    }
    let (there, ratio) = match peer {
        Some(_) => (format!("{there:.2?}"), format!("{:.2}", here.as_secs_f64() / there.as_secs_f64())),
        None => ("-".to_owned(), "-".to_owned()),
    };
    println!("{:>10} {there:>12} {ratio:>7} {series:>7}  {query}", format!("{here:.2?}"));
    Ok(())
}

/// A hundred rules: each alert for each of ten jobs.
fn hundred() -> Result<Vec<Expr>> {
    let mut rules = Vec::new();
    for (looks_at, fires) in ALERTS {
        for job in 0..data::JOBS {
            let limited = format!("job=\"api-{job}\"");
            let query = looks_at.replace("{}", &format!("{{{limited}}}")).replace(",}", &format!(",{limited}}}"));
            rules.push(parse(&(query + fires))?);
        }
    }
    Ok(rules)
}

fn answer(window: &History, expr: &Expr) -> Result<Found> {
    Ok(found(ask(window, expr)?))
}

fn ask(window: &History, expr: &Expr) -> Result<Answer> {
    Ok(instant(window, expr, data::end(), &Options::default())?)
}

fn least(mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    (0..ROUNDS).try_fold(Duration::MAX, |least, _| Ok(least.min(timed(&mut work)?)))
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begin = quanta::Instant::now();
    work()?;
    Ok(begin.elapsed())
}
