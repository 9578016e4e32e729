//! The notifier on the real clock, fed by a test.

use std::sync::Arc;
use std::time::Duration;

use bellwether::clock::Clock;
use bellwether::internal::{Counter, Internal};
use bellwether::model::{Alert, Labels};
use bellwether::notifier::routing::Http;
use bellwether::notifier::{AlertmanagerEndpoint, Config, Notifier, Routing};
use tokio::time::{self, Instant};

use crate::Result;

/// Longest wait for what a test expects.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

pub(crate) struct Told {
    pub(crate) notifier: Notifier,
    clock: Clock,
    internal: Arc<Internal>,
}

impl Told {
    /// By the text of a routing file.
    pub(crate) fn by(routing: &str) -> Result<Self> {
        let routing = Some(Routing::parse("alertmanager.yml", routing)?);
        Self::new(Config { routing, ..Config::default() })
    }

    /// By an Alertmanager.
    pub(crate) fn through(port: u16) -> Result<Self> {
        let url = format!("http://127.0.0.1:{port}");
        Self::new(Config {
            alertmanagers: vec![AlertmanagerEndpoint { url, http: Http::default() }],
            ..Config::default()
        })
    }

    fn new(config: Config) -> Result<Self> {
        let (clock, internal) = (Clock::system(), Arc::new(Internal::default()));
        let notifier = Notifier::new(config, Vec::new(), Arc::clone(&internal), clock.clone())?;
        Ok(Self { notifier, clock, internal })
    }

    /// Lets the notifier work until `done` gives something.
    pub(crate) async fn until<T>(&mut self, what: &str, mut done: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            self.notifier.tick();
            if let Some(found) = done().await? {
                return Ok(found);
            }
            time::sleep(LOOK).await;
        }
        Err(format!("not within {PATIENCE:?}: {what}").into())
    }

    /// Lets the notifier work for a while: for what must not happen.
    pub(crate) async fn during(&mut self, while_: Duration) {
        let end = Instant::now() + while_;
        while Instant::now() < end {
            self.notifier.tick();
            time::sleep(LOOK).await;
        }
    }

    pub(crate) fn internal(&self) -> &Arc<Internal> {
        &self.internal
    }

    pub(crate) fn failed(&self) -> u64 {
        self.internal.counted(Counter::NotificationFailed)
    }

    /// An alert that begins now and is heard of for so long.
    pub(crate) fn alert(&self, labels: &[(&str, &str)], valid: Duration) -> Alert {
        let now = self.clock.now();
        Alert {
            labels: Labels::new(labels.iter().copied()),
            annotations: Labels::new([("summary", "p95 of <search> is high")]),
            value: 97.0,
            starts_at: now,
            resolved_at: None,
            valid_until: now.plus(valid),
            generator_url: "http://127.0.0.1/graph?g0.expr=up".to_owned(),
            trace_ids: Vec::new(),
            trace_link: "".into(),
        }
    }

    /// The same alert, heard of again.
    pub(crate) fn again(&self, alert: &Alert, valid: Duration) -> Alert {
        Alert { valid_until: self.clock.now().plus(valid), ..alert.clone() }
    }

    /// Its end.
    pub(crate) fn ended(&self, alert: &Alert) -> Alert {
        Alert { resolved_at: Some(self.clock.now()), ..alert.clone() }
    }
}
