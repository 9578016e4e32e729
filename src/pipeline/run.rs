//! The pipeline put together: built from its stages, run on a thread of its own or as a task of the host.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::{Context, Poll};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::watch;
use tokio::time::sleep;

use super::alerts::Evaluation;
use super::api::Api;
use super::collect::Collector;
use super::control::{Control, Requests};
use super::exporter::{Destination, Exporters};
use super::handle::Handle;
use super::lane::Lane;
use super::metrics::MetricLane;
use super::overflow::Overflow;
use super::processors::{LogQueue, SpanQueue};
use super::queue::{Drain, queue};
use super::tick::{Published, Ticker};
use super::{Batch, Config};
use crate::bridge::Bridge;
use crate::exporters::MetricExporter;
use crate::internal::{self, RateLimit};
use crate::layer::{self, Written};
use crate::model::{Report, Signal};
use crate::series::Store;
use crate::system::System;

/// Time between two lines about one exporter that fails.
const LINES: Duration = Duration::from_secs(60);
/// A host that composes its own subscriber has set it by then.
const SUBSCRIBED: Duration = Duration::from_secs(1);

/// What the pipeline collects from.
#[derive(Debug)]
pub struct Stages {
    /// Metrics of spans, events and typed instruments.
    pub store: Arc<Store>,
    /// Metrics of the OpenTelemetry API.
    pub bridge: Bridge,
    /// Readings of the process.
    pub system: System,
    /// The entity that all of it belongs to.
    pub resource: Resource,
}

/// Where what is finished is put; `None` for a signal without an exporter.
#[derive(Debug)]
pub struct Queues {
    /// For the tracer provider.
    pub spans: Option<SpanQueue>,
    /// For the layer.
    pub logs: Option<LogQueue>,
}

/// All stages after recording, in their order. It does nothing until it runs.
#[must_use = "a pipeline that does not run exports nothing"]
#[derive(Debug)]
pub struct Pipeline {
    config: Config,
    spans: Option<Way<SpanData>>,
    logs: Option<Way<Written>>,
    metrics: Option<Box<dyn MetricExporter>>,
    published: watch::Sender<Option<Published>>,
    warnings: Vec<String>,
    rules: Option<Evaluation>,
    /// Where others are answered.
    address: Option<SocketAddr>,
    shared: Shared,
}

/// What the parts of a running pipeline have in common.
#[derive(Debug)]
struct Shared {
    control: Arc<Control>,
    collector: Arc<Collector>,
    /// Releases everybody who waits, however the pipeline ends.
    _end: End,
}

/// A queue's end and the exporter behind it.
#[derive(Debug)]
struct Way<T> {
    drain: Drain<T>,
    destination: Destination<T>,
}

#[derive(Debug)]
struct End(Arc<Control>);

impl Drop for End {
    fn drop(&mut self) {
        for signal in Signal::ALL {
            self.0.end(signal);
        }
        self.0.end_rules();
        self.0.set_over();
    }
}

impl Pipeline {
    /// A pipeline, and the queues that feed it.
    pub fn new(config: &Config, stages: Stages, exporters: Exporters) -> (Self, Queues) {
        let Stages { store, bridge, system, resource } = stages;
        let (internal, clock) = (Arc::clone(store.internal()), store.clock().clone());
        let control = Control::new(|signal| exporters.has(signal), Arc::clone(&internal));
        let Exporters { spans, logs, metrics } = exporters;
        let (spans, span_queue) = spans
            .map(|destination| way(Signal::Traces, &config.spans, destination, &resource, &control))
            .map_or((None, None), |(way, queue)| (Some(way), Some(SpanQueue::new(queue, Arc::clone(&control)))));
        let (logs, log_queue) = logs
            .map(|destination| way(Signal::Logs, &config.logs, destination, &resource, &control))
            .map_or((None, None), |(way, queue)| (Some(way), Some(LogQueue::new(queue))));
        let start = clock.now();
        let api = Api::new(bridge, Arc::clone(&internal), clock.clone());
        let collector = Arc::new(Collector { store, api, internal, clock, system, resource, start });
        let shared = Shared { _end: End(Arc::clone(&control)), control, collector };
        let (config, published) = (config.clone(), watch::Sender::default());
        let warnings = Vec::new();
        let pipeline = Self { config, spans, logs, metrics, published, warnings, rules: None, address: None, shared };
        (pipeline, Queues { spans: span_queue, logs: log_queue })
    }

    /// Rules that are evaluated beside the exports.
    pub(crate) fn evaluating(self, rules: Option<Evaluation>) -> Self {
        if rules.is_some() {
            self.shared.control.hold_for_rules();
        }
        Self { rules, ..self }
    }

    /// Where others are answered, for the handle to tell.
    pub(crate) fn answering(self, address: Option<SocketAddr>) -> Self {
        Self { address, ..self }
    }

    /// Lines that it writes once it runs, for a host whose subscriber is not set yet.
    pub fn warning(self, warnings: Vec<String>) -> Self {
        Self { warnings, ..self }
    }

    /// To ask it from elsewhere.
    pub fn handle(&self) -> Handle {
        Handle {
            control: Arc::clone(&self.shared.control),
            collector: Arc::clone(&self.shared.collector),
            published: self.published.subscribe(),
            address: self.address,
            #[cfg(feature = "rules")]
            window: self.rules.as_ref().map(Evaluation::window),
            #[cfg(feature = "rules")]
            reload: self.rules.as_ref().map(Evaluation::reload),
        }
    }

    /// Runs until `shutdown` ends, or until a [`Handle`] shuts it down, and returns the account. When `shutdown` ends,
    /// the rest goes out within [`Config::shutdown_timeout`].
    ///
    /// It needs a tokio runtime with time and I/O, of either kind. Exporting is then work of that runtime: what hyper
    /// spawns there for our connections is kept out of telemetry by its target only (see
    /// [`layer::Config::EXPORTER_TARGETS`]).
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Report {
        let Self { config, spans, logs, metrics, published, warnings, rules, address: _, shared } = self;
        let Shared { control, collector, _end } = &shared;
        let metrics = metrics.map(|exporter| MetricLane {
            exporter,
            collector: Arc::clone(collector),
            published: published.subscribe(),
            control: Arc::clone(control),
            requests: control.requests(),
            export_timeout: config.export_timeout,
            internal: Arc::clone(&collector.internal),
            entered: control.entered(Signal::Metrics),
        });
        let exported = published.subscribe();
        let ticker = Ticker {
            collector: Arc::clone(collector),
            interval: config.interval,
            requests: control.requests(),
            published,
        };
        let spans = spans.map(|way| shared.lane(Signal::Traces, config.spans, way));
        let logs = logs.map(|way| shared.lane(Signal::Logs, config.logs, way));
        let work = async {
            tokio::join!(
                Guarded::new(warn(warnings, control.requests())),
                Guarded::new(ticker.run()),
                shared.part(Signal::Traces, spans.map(Lane::run)),
                shared.part(Signal::Logs, logs.map(Lane::run)),
                shared.part(Signal::Metrics, metrics.map(MetricLane::run)),
                shared.evaluate(rules, exported),
            )
        };
        let mut work = pin!(work);
        tokio::select! {
            biased;
            _ = &mut work => {}
            () = shutdown => {
                control.begin_shutdown(config.shutdown_timeout);
                work.await;
            }
        }
        control.report()
    }

    /// Makes ready to run on a thread of its own, `bellwether`, with a runtime of its own. Nothing is collected or sent
    /// before [`Spawned::start`].
    ///
    /// # Errors
    /// When the operating system refuses a thread, or the descriptors of a runtime.
    pub fn spawn(self) -> io::Result<Spawned> {
        let handle = self.handle();
        let (ready, made) = sync_channel(1);
        let (start, started) = sync_channel::<()>(1);
        std::thread::Builder::new().name("bellwether".into()).spawn(move || {
            layer::suppress_thread();
            self.shared.control.claim_thread();
            // Built here: a runtime must not be dropped inside another one, which is where the caller may be.
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            drop(ready.send(Ok(())));
            if started.recv().is_ok() {
                drop(catch_unwind(AssertUnwindSafe(|| runtime.block_on(self.run(pending())))));
            }
            // Does not wait for a name lookup that hangs.
            runtime.shutdown_background();
        })?;
        made.recv().unwrap_or_else(|_| Err(io::Error::other("the thread of the pipeline ended at once")))?;
        Ok(Spawned { handle, start })
    }
}

/// A pipeline whose thread waits for the start. Dropped without one, it ends, and nothing was sent.
#[must_use = "a pipeline that is not started exports nothing"]
#[derive(Debug)]
pub struct Spawned {
    handle: Handle,
    start: SyncSender<()>,
}

impl Spawned {
    /// To ask it once it runs.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Starts it.
    pub fn start(self) -> Handle {
        // The channel holds one message, and the thread waits for it.
        let _sent = self.start.try_send(());
        self.handle
    }
}

/// Writes these lines when the host's subscriber should be there: after a moment, or when the host asks for something.
async fn warn(lines: Vec<String>, mut requests: Requests) {
    let request = requests.current();
    if !lines.is_empty() && request.flush == 0 && request.shutdown.is_none() {
        tokio::select! {
            () = requests.changed() => {}
            () = sleep(SUBSCRIBED) => {}
        }
    }
    for line in &lines {
        internal::warn(line);
    }
}

fn way<T: std::fmt::Debug + Send + 'static>(
    signal: Signal,
    batch: &Batch,
    mut destination: Destination<T>,
    resource: &Resource,
    control: &Control,
) -> (Way<T>, super::Queue<T>) {
    destination.set_resource(resource);
    let (queue, drain) = queue(signal, batch, control.entered(signal), Arc::clone(control.internal()));
    (Way { drain, destination }, queue)
}

impl Shared {
    fn lane<T: std::fmt::Debug + Send + 'static>(&self, signal: Signal, batch: Batch, way: Way<T>) -> Lane<T> {
        Lane {
            signal,
            batch,
            drain: way.drain,
            exporter: way.destination.start(signal),
            control: Arc::clone(&self.control),
            requests: self.control.requests(),
            internal: Arc::clone(&self.collector.internal),
            clock: self.collector.clock.clone(),
            lines: RateLimit::new(LINES),
            overflow: Overflow::new(signal, batch.max_queue_size),
            fails: false,
        }
    }

    /// Evaluates rules, if there are some; whatever becomes of it, nobody waits for it afterwards.
    async fn evaluate(&self, rules: Option<Evaluation>, exported: watch::Receiver<Option<Published>>) {
        if let Some(rules) = rules {
            Guarded::new(rules.run(Arc::clone(&self.collector), self.control.requests(), exported)).await;
        }
        self.control.end_rules();
    }

    /// Runs one signal's part, if there is one; whatever becomes of it, nobody waits for it afterwards.
    async fn part<F: Future<Output = ()>>(&self, signal: Signal, run: Option<F>) {
        if let Some(run) = run {
            Guarded::new(run).await;
        }
        self.control.end(signal);
    }
}

/// A future whose spans and events are no telemetry, and whose panic ends it alone.
struct Guarded<F>(Pin<Box<F>>);

impl<F: Future<Output = ()>> Guarded<F> {
    fn new(future: F) -> Self {
        Self(Box::pin(future))
    }
}

impl<F: Future<Output = ()>> Future for Guarded<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let poll = || layer::suppressed(|| self.0.as_mut().poll(cx));
        catch_unwind(AssertUnwindSafe(poll)).unwrap_or_else(|_| {
            internal::warn("a part of the telemetry pipeline panicked and has stopped; please report this");
            Poll::Ready(())
        })
    }
}
