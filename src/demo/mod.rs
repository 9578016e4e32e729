//! `bellwether demo`: a real small service under load, watched by bellwether.
//!
//! ```text
//!  load ──HTTP──► service ──► engine: parse ─► cache_get ─► retrieve ┐
//!   ▲                                                embed ─► vector_search ┴─► rerank ─► cache_put
//!   └── seeded queries                          over an index that is built at start
//! ```
//!
//! Nothing in it sleeps to look busy: documents are tokenized, scored and reranked for real, requests go over loopback,
//! and the fault is more work, not a delay.

pub mod alerts;
pub mod args;
pub mod cache;
pub mod corpus;
pub mod duration;
pub mod embed;
pub mod engine;
pub mod figures;
pub mod index;
pub mod json;
pub mod load;
pub mod output;
pub mod random;
pub mod rerank;
pub mod service;
pub mod session;
pub mod settings;
pub mod signals;
pub mod table;
mod vocabulary;

use std::fmt;
use std::io::{self, IsTerminal, Stdout};
use std::time::Duration;

use args::{Args, Format};
use output::{Outcome, Output, Shared};
use session::Known;
use table::Style;
use tokio::runtime::Runtime;

use crate::clock::Clock;
use crate::config::{self, Config, Environment, Overrides};
use crate::model::Signal;
use crate::{Error, Guard, telemetry};

/// Target of the service's spans and events. Named, because the crate's own targets are kept out of telemetry.
pub const TARGET: &str = "search";

/// How long the last export may take.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// How long it may take when the backend has taken nothing so far: most likely there is none.
const SHUTDOWN_IN_VAIN: Duration = Duration::from_secs(2);
/// How long computation under way may take once the service has ended.
const COMPUTATION: Duration = Duration::from_millis(500);

/// Standard output, standard error.
type Stream = Box<dyn io::Write + Send>;

/// Why the demo ended early.
#[derive(Debug)]
pub enum Failure {
    /// A setting is wrong.
    Configuration(Error),
    /// Something that it needs is not to be had: a port, a thread.
    Unavailable(String),
}

impl Failure {
    /// The exit code that says so, as in BSD's `sysexits.h`.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Configuration(_) => 78,
            Self::Unavailable(_) => 69,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(error) => error.fmt(f),
            Self::Unavailable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_configuration() { Self::Configuration(error) } else { Self::Unavailable(error.to_string()) }
    }
}

/// Runs the demo to its end.
///
/// # Errors
/// A malformed variable, or something that the operating system refuses. A reader of standard output that goes away
/// ends the demo and is no error.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut config = config::load(&settings::with_defaults(Environment::process()), Overrides::default())?;
    // The table is made of metrics, whether they leave the process or not.
    config.layer.metrics = !config.disabled;
    let output = Shared::new(output(args.format));
    let mut builder = crate::builder().config(config.clone()).alerts(alerts::settings(args));
    if matches!(&*output.lock(), Output::Terminal { .. }) && io::stderr().is_terminal() {
        let console = output.clone();
        builder = builder.console_writer(move || console.clone());
    }
    let unavailable = |error| Failure::Unavailable(format!("the demo cannot go on: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(workers()).build();
    let runtime = runtime.map_err(unavailable)?;
    let telemetry = {
        // As in a service's `main`, so that the runtime is the one whose tasks are counted.
        let _inside = runtime.enter();
        builder.init()?
    };
    match show(args, &config, &output, runtime, telemetry) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(unavailable),
    }
}

fn show(args: &Args, config: &Config, output: &Shared<Stream>, runtime: Runtime, telemetry: Guard) -> io::Result<()> {
    output.lock().note(&intention(args))?;
    output.lock().note(&destination(config))?;
    let clock = Clock::system();
    let known = Known {
        operations: || telemetry.operations(),
        alerts: || telemetry.handle().alerts(),
        reload: || telemetry.handle().reload_rules(),
    };
    let ended = runtime.block_on(session::run(args, output, &clock, known, signals::interrupted()))?;
    // It waits for computation under way, so that as a rule no span is open when the last figures are read.
    runtime.shutdown_timeout(COMPUTATION);
    let session::Ended { mut figures, fault, left_out } = ended;
    let outcome = Outcome { last: figures.read(clock.now(), telemetry.operations()), fault, left_out };
    let report = telemetry.report();
    let heard_of = Signal::ALL.iter().any(|signal| report.signal(*signal).delivered > 0);
    let report = telemetry.shutdown(if heard_of { SHUTDOWN } else { SHUTDOWN_IN_VAIN });
    output.lock().last(&outcome, &report)
}

/// Threads for computation, next to those that serve connections: with more of them than processors, each operation
/// would seem slow for want of one.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |processors| processors.get().clamp(2, 8))
}

fn intention(args: &Args) -> String {
    let fault = args.fault_at().map_or_else(String::new, |after| format!("; after {after:?} rerank gets slow"));
    let end = if args.length.is_some() { "" } else { " Ctrl-C ends it." };
    format!("A search service, {} requests a second{fault}.{end}", args.rate)
}

fn destination(config: &Config) -> String {
    if config.disabled {
        return String::from("OTEL_SDK_DISABLED is set: nothing is measured, and the table stays empty.");
    }
    if settings::stays_here(config) {
        return String::from("Telemetry stays here; set OTEL_EXPORTER_OTLP_ENDPOINT to send it to a backend.");
    }
    format!("Telemetry: {}", telemetry::banner::banner(config, &[], None))
}

fn output(format: Format) -> Output<Stream> {
    let out: Stdout = io::stdout();
    let terminal = out.is_terminal();
    let out: Stream = Box::new(out);
    match format {
        Format::Json => Output::Json { out, notes: Box::new(io::stderr()) },
        Format::Text if terminal => Output::Terminal { out, style: style(), drawn: 0 },
        Format::Text => Output::Lines { out, frames: 0 },
    }
}

/// Colours, unless <https://no-color.org> asks for none or the terminal has none.
fn style() -> Style {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    if no_colour || dumb { Style::Plain } else { Style::Colour }
}
