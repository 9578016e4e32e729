//! Rules in the process: collect, remember, evaluate, tell.
//!
//! Every interval a collection that changes nothing goes into the [`History`]; rule groups whose tick has come are
//! evaluated over it; what fires or ends goes to the [`Notifier`]. It has an interval of its own, because alerts must
//! not wait for the export of metrics.

mod config;
mod files;
mod window;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

pub use self::config::Alerts;
use self::config::millis;
use self::files::Files;
pub(crate) use self::window::Window;
use super::collect::Collector;
use super::control::Requests;
use super::tick::{patience, until_next};
use crate::Error;
use crate::clock::{Clock, Timestamp};
use crate::history::History;
use crate::internal::{self, Internal, RateLimit};
use crate::model::Alert;
use crate::notifier::{Notifier, Routing};
use crate::rules::{self, Overview, Place, Rules, StateFile};

/// Between two looks at messages under way and groups that wait.
const TELLING: Duration = Duration::from_millis(250);
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
        let notifier = Notifier::new(notifier, settings.channels, Arc::clone(internal), clock.clone())?;
        let state = settings.state.map(StateFile::new);
        if let Some(state) = &state {
            warnings.extend(state.load(&mut rules, at(clock.now()), &settings.rules).err());
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

    /// Collects, evaluates and tells until a shutdown is asked for; then tells what waits.
    pub(super) async fn run(mut self, collector: Arc<Collector>, mut requests: Requests) {
        loop {
            let now = self.clock.now();
            let wait = until_next(now, self.interval);
            // Between evaluations there may be messages to send again and groups whose wait is over.
            let telling = wait.min(TELLING);
            let due = tokio::select! {
                biased;
                () = requests.changed() => false,
                () = sleep(telling) => telling == wait,
            };
            if let Some(deadline) = requests.current().shutdown {
                return self.end(&collector, requests, deadline).await;
            }
            if due {
                self.evaluate(&collector, requests.clone()).await;
            }
            self.notifier.tick();
        }
    }

    /// A last evaluation, so that what just happened is told; half of the time that is left is for telling.
    async fn end(mut self, collector: &Collector, requests: Requests, deadline: Instant) {
        self.evaluate(collector, requests).await;
        let left = deadline.saturating_duration_since(Instant::now());
        self.notifier.drain(left.mul_f64(0.8)).await;
    }

    async fn evaluate(&mut self, collector: &Collector, requests: Requests) {
        if self.files.reload(&mut self.rules) {
            self.retain();
        }
        let snapshot = collector.look(patience(requests)).await;
        self.history.ingest(&snapshot);
        let now = at(snapshot.time);
        let history = &*self.history;
        let place = Place { source: history, sink: history, config: &self.config, clock: &self.clock };
        let alerts: Vec<Alert> = self.rules.tick(now, &place);
        self.notifier.take(&alerts);
        self.published.send_replace(self.rules.overview(&self.config));
        let stored = self.state.as_ref().map(|state| state.store(&mut self.rules, now));
        if let Some(Err(error)) = stored
            && self.lines.allows(snapshot.time, &self.internal)
        {
            internal::warn(&format!(
                "the state of alerts cannot be written ({error}); after a restart they begin anew"
            ));
        }
    }
}

/// Milliseconds since the Unix epoch.
fn at(time: Timestamp) -> i64 {
    millis(Duration::from_nanos(time.0))
}
