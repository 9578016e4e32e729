//! Rules in the process: collect, remember, evaluate, tell.
//!
//! Every interval a collection that changes nothing goes into the [`History`]; rule groups whose tick has come are
//! evaluated over it; what fires or ends goes to the [`Notifier`]. It has an interval of its own, because alerts must
//! not wait for the export of metrics, and a thread of its own, because exports must not wait for a rule that takes long,
//! for a disk or for a channel that blocks.

mod config;
mod files;
mod run;
mod window;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

pub use self::config::Alerts;
use self::config::millis;
use self::files::Files;
pub(crate) use self::window::Window;
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
    notifier: Notifier,
    published: watch::Sender<Overview>,
    internal: Arc<Internal>,
    clock: Clock,
    lines: RateLimit,
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
    pub(crate) fn new(settings: Alerts, internal: &Arc<Internal>, clock: &Clock) -> Result<Self, Error> {
        let files = Files::new(&settings);
        let (mut rules, mut warnings) = files.load(settings.strict)?;
        let mut notifier = settings.notifier;
        if let Some(path) = &settings.routing {
            let name = path.display().to_string();
            let invalid = |why| Error::invalid("routing file", &name, format!("a file like alertmanager.yml ({why})"));
            let routing = Routing::parse(&name, &files::text(path).map_err(invalid)?)?;
            warnings.extend(routing.warnings.iter().cloned());
            notifier.routing = Some(routing);
        }
        let mut notifier = Notifier::new(notifier, settings.channels, Arc::clone(internal), clock.clone())?;
        let state = settings.state.map(StateFile::new);
        if let Some(state) = &state {
            let restored = state.load(&mut rules, at(clock.now()), &settings.rules);
            let told = restored.and_then(|restored| match restored.beside.as_str() {
                "" => Ok(()),
                told => notifier.restore(told).map_err(|why| format!("{why}: alerts are told again")),
            });
            warnings.extend(told.err());
        }
        let history = Arc::new(History::new(settings.history, Arc::clone(internal)));
        let published = watch::Sender::new(rules.overview(&settings.rules));
        let evaluation = Self {
            interval: settings.interval,
            history,
            rules,
            config: settings.rules,
            files,
            state,
            notifier,
            published,
            internal: Arc::clone(internal),
            clock: clock.clone(),
            lines: RateLimit::new(LINES),
            took: Duration::ZERO,
            warnings,
        };
        evaluation.retain();
        Ok(evaluation)
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
        }
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
