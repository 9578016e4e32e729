//! Rules in the process: collect, remember, evaluate, tell.
//!
//! Every interval a collection that changes nothing goes into the [`History`]; rule groups whose tick has come are
//! evaluated over it; what fires or ends goes to the [`Notifier`]. It has an interval of its own, because alerts must
//! not wait for the export of metrics, and a thread of its own, because exports must not wait for a rule that takes long,
//! for a disk or for a channel that blocks.

mod beside;
mod born;
mod config;
mod files;
mod paths;
mod records;
mod run;
mod settle;
mod window;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use tokio::sync::watch;

use self::beside::Beside;
pub(crate) use self::born::precede;
pub use self::config::Alerts;
use self::files::Files;
use self::settle::millis;
pub(crate) use self::window::Window;
use super::LogQueue;
use crate::Error;
use crate::clock::{Clock, Timestamp};
use crate::history::History;
use crate::internal::{Internal, RateLimit};
use crate::notifier::{Notifier, Routing};
use crate::rules::{self, Overview, Rules, StateFile};

/// Time between two lines about a state file that cannot be written.
const LINES: Duration = Duration::from_secs(600);

/// The stage from collections to people.
#[derive(Debug)]
pub(crate) struct Evaluation {
    interval: Duration,
    history: Arc<History>,
    rules: Rules,
    config: rules::Config,
    files: Files,
    state: Option<StateFile>,
    /// The id of this instance.
    instance: String,
    notifier: Notifier,
    published: watch::Sender<Overview>,
    internal: Arc<Internal>,
    clock: Clock,
    lines: RateLimit,
    /// When an evaluation ended last, in the clock's ticks, for readers elsewhere.
    beat: Arc<AtomicU64>,
    /// When rules are to be evaluated next.
    next: Timestamp,
    /// When rules were evaluated last.
    evaluated: Option<Timestamp>,
    /// How long the last evaluation took, collection included.
    took: Duration,
    /// What was wrong and did not stop the setup.
    warnings: Vec<String>,
}

impl Evaluation {
    /// Reads all files and restores the state. Nothing is evaluated or sent yet.
    ///
    /// # Errors
    /// A file that cannot be read or has a mistake, a certificate or URL that is not usable.
    pub(crate) fn new(
        settings: Alerts,
        instance: String,
        internal: &Arc<Internal>,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let (interval, config) = (settings.settled_interval(), settings.settled_rules()?);
        let files = Files::new(&settings);
        let (mut rules, mut warnings) = files.load(settings.strict.unwrap_or(false))?;
        let mut notifier = settings.settled_notifier();
        if let Some(path) = &settings.routing {
            let name = path.display().to_string();
            let invalid = |why| Error::invalid("routing file", &name, format!("a file like alertmanager.yml ({why})"));
            let routing = Routing::parse(&name, &files::text(path).map_err(invalid)?)?;
            warnings.extend(routing.warnings.iter().cloned());
            notifier.routing = Some(routing);
        }
        let mut notifier = Notifier::new(notifier, settings.channels, Arc::clone(internal), clock.clone())?;
        if settings.console == Some(true) {
            let out = std::io::stderr();
            let colours = out.is_terminal();
            notifier.add_console(Box::new(out), colours);
        }
        let state = settings.state.map(StateFile::new);
        if let Some(state) = &state {
            let restored = state.load(&mut rules, at(clock.now()), &config);
            let told = restored.and_then(|restored| match Beside::read(&restored.beside) {
                Some(beside) => notifier.restore(&beside.told),
                None => Ok(()),
            });
            warnings.extend(told.err());
        }
        let history = Arc::new(History::new(settings.history.unwrap_or_default(), Arc::clone(internal)));
        let published = watch::Sender::new(rules.overview(&config));
        let mut evaluation = Self {
            interval,
            history,
            rules,
            config,
            files,
            state,
            instance,
            notifier,
            published,
            internal: Arc::clone(internal),
            clock: clock.clone(),
            lines: RateLimit::new(LINES),
            beat: Arc::new(AtomicU64::new(clock.ticks())),
            next: clock.now(),
            evaluated: None,
            took: Duration::ZERO,
            warnings,
        };
        evaluation.retain();
        evaluation.next = evaluation.next_tick();
        Ok(evaluation)
    }

    /// Has alerts become log records as well, among those of the host.
    pub(crate) fn add_records(&mut self, queue: &LogQueue) {
        self.notifier.add_logger(records::logger(queue.another()));
    }

    /// What is evaluated and who is told: `alerts by 21 rules of 2 files every 10s -> the log`; `None` without rules.
    pub(crate) fn describe(&self) -> Option<String> {
        let rules: usize = self.rules.groups().iter().map(|group| group.rules().len()).sum();
        let files = self.files.len();
        let plural = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let listeners = self.notifier.listeners();
        let to = if listeners.is_empty() { "nobody".to_owned() } else { listeners.join(", ") };
        let (rules, files) = ((rules > 0).then(|| plural(rules, "rule"))?, plural(files, "file"));
        Some(format!("alerts by {rules} of {files} every {:?} -> {to}", self.interval))
    }

    /// What was wrong and did not stop the setup.
    pub(crate) fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// What readers elsewhere see.
    pub(super) fn window(&self) -> Window {
        Window {
            history: Arc::clone(&self.history),
            config: self.config.clone(),
            published: self.published.subscribe(),
            beat: Arc::clone(&self.beat),
            interval: self.interval,
        }
    }

    /// To be set by whoever wants the rule files to be read again.
    pub(super) fn reload(&self) -> Arc<AtomicBool> {
        self.files.asked()
    }

    /// The window keeps what the rules look back.
    fn retain(&self) {
        let longest = u64::try_from(self.rules.longest_window(&self.config)).unwrap_or(0);
        self.history.set_retention(Duration::from_millis(longest));
    }
}

/// Milliseconds since the Unix epoch.
fn at(time: Timestamp) -> i64 {
    millis(Duration::from_nanos(time.0))
}
