//! Lines for a person, on standard error, so that standard output stays the program's own.
//!
//! The console has a filter of its own (`RUST_LOG`), which telemetry does not share: a filter of the whole subscriber
//! would take from telemetry too, and a per-layer filter of tracing-subscriber costs every span. Directives that go by
//! target and level alone are asked once a callsite; those with `[` go by the spans that are entered and are asked for
//! each event. Lines are written by tracing-subscriber's own formatter, which gets every field as a plain value, because
//! it formats while it holds the span's lock. A span that the filter leaves out still lends its name to the lines
//! written in it.

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;

use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Interest, LevelFilter};
use tracing_subscriber::filter::{Directive, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry};

use super::suppress;
use super::values::{Fields, Reader};
use crate::Error;
use crate::internal::Internal;

/// The console; made by [`Console::new`], given to [`super::Parts::console`].
pub struct Console<S> {
    filter: Arc<Filter>,
    lines: Box<dyn Layer<S> + Send + Sync>,
}

/// Whether the console shows what a callsite makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Never,
    Always,
    /// It depends on the spans that are entered, or on the target of a record of the `log` crate.
    Ask,
}

/// What the console shows.
#[derive(Debug)]
pub(super) enum Filter {
    /// By target and level.
    Levels(Targets),
    /// By the spans that are entered as well.
    Spans(Box<EnvFilter>),
}

impl<S> Console<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    /// A console on standard error, coloured if that is a terminal and `NO_COLOR` is not set.
    ///
    /// # Errors
    /// When a directive is malformed; the error names it as part of `setting`.
    pub fn new(setting: &str, directives: &str) -> Result<Self, Error> {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::with_writer(setting, directives, !plain && std::io::stderr().is_terminal(), std::io::stderr)
    }

    /// A console that writes elsewhere.
    ///
    /// # Errors
    /// As [`Console::new`].
    pub fn with_writer<W>(setting: &str, directives: &str, colours: bool, writer: W) -> Result<Self, Error>
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let filter = Arc::new(Filter::new(setting, directives)?);
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(colours)
            // It would print about its own failure, and panic when standard error is closed.
            .log_internal_errors(false);
        Ok(Self { filter, lines: Box::new(lines) })
    }

    pub(super) fn filter(&self) -> Arc<Filter> {
        Arc::clone(&self.filter)
    }

    pub(super) fn on_new_span(
        &self,
        shown: Shown,
        attributes: &Attributes<'_>,
        id: &Id,
        context: &Context<'_, S>,
        internal: &Internal,
    ) {
        let metadata = attributes.metadata();
        let spans = self.spans();
        let shows = self.shows(shown, metadata, context);
        if !shows && spans.is_none() {
            return;
        }
        let fields = read(metadata, internal, |visit| attributes.record(visit));
        fields.with_value_set(metadata.fields(), |values| {
            let attributes = match attributes.parent() {
                Some(parent) => Attributes::child_of(parent.clone(), metadata, values),
                None if attributes.is_root() => Attributes::new_root(metadata, values),
                None => Attributes::new(metadata, values),
            };
            if let Some(spans) = spans {
                Layer::on_new_span(spans, &attributes, id, context.clone());
            }
            if shows {
                self.lines.on_new_span(&attributes, id, context.clone());
            }
        });
    }

    pub(super) fn on_record(
        &self,
        shown: Shown,
        (id, metadata): (&Id, &'static Metadata<'static>),
        values: &Record<'_>,
        context: &Context<'_, S>,
        internal: &Internal,
    ) {
        let spans = self.spans();
        let shows = self.shows(shown, metadata, context);
        if !shows && spans.is_none() {
            return;
        }
        read(metadata, internal, |visit| values.record(visit)).with_value_set(metadata.fields(), |values| {
            let values = Record::new(values);
            if let Some(spans) = spans {
                Layer::on_record(spans, id, &values, context.clone());
            }
            if shows {
                self.lines.on_record(id, &values, context.clone());
            }
        });
    }

    /// Whether an event of this callsite is shown now.
    #[inline]
    pub(super) fn shows(&self, shown: Shown, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        match shown {
            Shown::Never => false,
            // The formatter has a thread-local buffer.
            Shown::Always => !suppress::is_dying(),
            Shown::Ask => !suppress::is_dying() && self.filter.enabled(metadata, context),
        }
    }

    /// Whether a record of the `log` crate is shown now.
    pub(super) fn shows_log(&self, target: &str, event: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        let callsite = event.callsite();
        let no_fields = tracing_core::field::FieldSet::new(&[], callsite);
        let kind = tracing_core::metadata::Kind::EVENT;
        let metadata = Metadata::new(event.name(), target, *event.level(), None, None, None, no_fields, kind);
        self.filter.enabled(&metadata, context)
    }

    /// An event that is shown, with its fields as they were read.
    pub(super) fn on_event(&self, event: &Event<'_>, fields: &Fields, context: &Context<'_, S>) {
        let metadata = event.metadata();
        fields.with_value_set(metadata.fields(), |values| {
            let event = match event.parent() {
                _ if event.is_contextual() => Event::new(metadata, values),
                parent => Event::new_child_of(parent.cloned(), metadata, values),
            };
            self.lines.on_event(&event, context.clone());
        });
        suppress::wrote();
    }

    #[inline]
    pub(super) fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(spans) = self.spans() {
            Layer::on_enter(spans, id, context);
        }
    }

    #[inline]
    pub(super) fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(spans) = self.spans() {
            Layer::on_exit(spans, id, context);
        }
    }

    pub(super) fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(spans) = self.spans() {
            Layer::on_close(spans, id, context);
        }
    }

    #[inline]
    fn spans(&self) -> Option<&EnvFilter> {
        match &*self.filter {
            Filter::Levels(_) => None,
            Filter::Spans(filter) => Some(filter),
        }
    }
}

fn read(metadata: &Metadata<'_>, internal: &Internal, record: impl FnOnce(&mut dyn tracing::field::Visit)) -> Fields {
    Fields::read(Reader { limit: None, internal }, metadata.fields().len(), record)
}

impl Filter {
    fn new(setting: &str, directives: &str) -> Result<Self, Error> {
        let parts = directives.split(',').filter(|directive| !directive.is_empty());
        for directive in parts {
            directive.parse::<Directive>().map_err(|_| malformed(setting, directive))?;
        }
        if directives.contains('[') {
            let filter = EnvFilter::builder().parse(directives).map_err(|_| malformed(setting, directives))?;
            return Ok(Self::Spans(Box::new(filter)));
        }
        directives.parse().map(Self::Levels).map_err(|_| malformed(setting, directives))
    }

    /// Whether a line would be written now, for a callsite whose answer is [`Shown::Ask`].
    pub(super) fn enabled<S>(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        match self {
            Self::Levels(targets) => targets.would_enable(metadata.target(), metadata.level()),
            Self::Spans(filter) => Layer::enabled(&**filter, metadata, context.clone()),
        }
    }

    /// The answer for a callsite; asked once.
    pub(super) fn shown(&self, metadata: &'static Metadata<'static>, is_log: bool) -> Shown {
        let interest = match self {
            Self::Levels(targets) if targets.would_enable(metadata.target(), metadata.level()) => Interest::always(),
            Self::Levels(_) => Interest::never(),
            Self::Spans(filter) => Layer::<Registry>::register_callsite(&**filter, metadata),
        };
        match interest {
            _ if is_log => Shown::Ask,
            interest if interest.is_always() => Shown::Always,
            interest if interest.is_never() => Shown::Never,
            _ => Shown::Ask,
        }
    }

    /// The most verbose level that may be shown; `None` when it is not known.
    pub(super) fn max_level(&self) -> Option<LevelFilter> {
        match self {
            Self::Levels(targets) => {
                targets.iter().map(|(_, level)| level).chain(targets.default_level()).max().or(Some(LevelFilter::OFF))
            }
            Self::Spans(filter) => Layer::<Registry>::max_level_hint(&**filter),
        }
    }
}

impl<S> fmt::Debug for Console<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("filter", &self.filter).finish_non_exhaustive()
    }
}

fn malformed(setting: &str, directive: &str) -> Error {
    let example = "directives such as info,search=debug,noisy::module=off,[request{user=eve}]=trace";
    Error::invalid(setting, directive, example)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use tracing::field::{Empty, debug};
    use tracing::{Dispatch, info, info_span};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::clock::Clock;
    use crate::internal::Counter;
    use crate::layer::{Config, Layer as Composite, Parts};

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What the console shows of `f`, without the times, and the counters.
    fn shown(directives: &str, telemetry: bool, f: impl FnOnce()) -> (Vec<String>, Arc<Internal>) {
        let (screen, internal) = (Screen::default(), Arc::<Internal>::default());
        let writer = screen.clone();
        let console = Console::with_writer("RUST_LOG", directives, false, move || writer.clone()).unwrap();
        let config = Config { metrics: telemetry, ..Config::default() };
        let store = crate::series::Store::new(crate::series::Config::default(), Clock::system(), Arc::clone(&internal));
        let parts = Parts {
            store: Some(store),
            internal: Arc::clone(&internal),
            clock: Clock::system(),
            traces: None,
            logs: None,
            console: Some(console),
        };
        let dispatch = Dispatch::new(Registry::default().with(Composite::new(&config, parts)));
        tracing::dispatcher::with_default(&dispatch, f);
        drop(dispatch);
        let text = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| line.split_once(' ').unwrap().1.trim_start().to_owned()).collect();
        (lines, internal)
    }

    #[test]
    fn directives_by_target_and_level_decide_whatever_telemetry_wants() {
        for telemetry in [true, false] {
            let (lines, _) = shown("warn,talk=debug,quiet=off", telemetry, || {
                info!(target: "other", "hidden");
                tracing::warn!(target: "other", "shown");
                tracing::debug!(target: "talk::more", a = 1, b = "two", c = ?Some(3), "shown");
                tracing::event!(target: "quiet", tracing::Level::ERROR, "hidden");
                let _span = info_span!(target: "talk", "request", id = 7, later = Empty).entered();
                tracing::Span::current().record("later", "now");
                info!(target: "talk", "inside");
                crate::internal::warn("a line of our own");
            });
            let expected = [
                "WARN other: shown",
                "DEBUG talk::more: shown a=1 b=\"two\" c=Some(3)",
                "INFO request{id=7 later=\"now\"}: talk: inside",
                "WARN request{id=7 later=\"now\"}: bellwether::telemetry: a line of our own",
            ];
            assert_eq!(lines, expected, "telemetry {telemetry}");
        }
    }

    #[test]
    fn directives_with_spans_go_by_the_spans_that_are_entered() {
        let (lines, _) = shown("error,[request{user=eve}]=debug", true, || {
            for user in ["eve", "bob"] {
                let _span = info_span!("request", user).entered();
                info_span!("inner").in_scope(|| tracing::debug!(target: "t", "of {user}"));
            }
            tracing::debug!(target: "t", "of nobody");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with("t: of eve"), "{lines:?}");
    }

    #[test]
    fn a_malformed_directive_is_an_error_that_names_it() {
        for (directives, bad) in [("info,talk=loud", "talk=loud"), ("[request{=debug", "[request{=debug")] {
            let error = Console::<Registry>::new("RUST_LOG", directives).unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().starts_with(&format!("RUST_LOG: {bad:?} is not valid")), "{error}");
        }
    }

    struct Bad(fn(&mut fmt::Formatter<'_>) -> fmt::Result);
    impl fmt::Debug for Bad {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0(f)
        }
    }

    #[test]
    fn a_debug_implementation_that_panics_does_not_harm_the_span() {
        let (lines, internal) = shown("info", false, || {
            let panics = Bad(|_| std::panic::resume_unwind(Box::new(())));
            let span = info_span!(target: "t", "span", panics = ?panics, later = Empty).entered();
            span.record("later", debug(&panics));
            info!(target: "t", panics = ?panics, "done");
        });
        let expected = "INFO span{panics=(unreadable) later=(unreadable)}: t: done panics=(unreadable)";
        assert_eq!(lines, [expected]);
        assert_eq!(internal.counted(Counter::FieldPanicked), 3);
    }

    #[test]
    fn a_line_in_the_destructor_of_a_thread_local_does_not_abort() {
        struct Late;
        impl Drop for Late {
            fn drop(&mut self) {
                info!(target: "t", "late");
            }
        }
        thread_local! { static LATE: Late = const { Late } }

        let (lines, _) = shown("info", false, || {
            let dispatch = tracing::dispatcher::get_default(Dispatch::clone);
            let thread = std::thread::spawn(move || {
                LATE.with(|_| ());
                tracing::dispatcher::with_default(&dispatch, || info!(target: "t", "early"));
                // Kept for the destructors: what tracing itself keeps there is gone last.
                std::mem::forget(tracing::dispatcher::set_default(&dispatch));
            });
            thread.join().unwrap();
        });
        assert_eq!(lines[0], "INFO t: early");
    }
}
