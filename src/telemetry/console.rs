//! Lines for a person on standard error.

use std::io::IsTerminal;

use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Interest, LevelFilter};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use crate::Error;

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

/// A console that shows what these directives say, on standard error unless there is a writer. Standard output stays
/// the program's own.
pub(super) fn layer<S>(directives: &str, writer: Option<BoxMakeWriter>) -> Result<Boxed<S>, Error>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| Error::invalid("RUST_LOG", directives, format!("directives such as `info` ({error})")))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(writer.is_none() && std::io::stderr().is_terminal())
        .with_writer(writer.unwrap_or_else(|| BoxMakeWriter::new(std::io::stderr)))
        // It would print about its own failure, and panic when standard error is closed.
        .log_internal_errors(false);
    Ok(Box::new(Console { filter, lines }))
}

/// Lines behind a filter of their own: a filter of the whole subscriber would take from telemetry too, and a per-layer
/// filter costs every span.
struct Console<L> {
    filter: EnvFilter,
    lines: L,
}

impl<L> Console<L> {
    fn shows<S: Subscriber>(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        Layer::enabled(&self.filter, metadata, context.clone())
    }
}

impl<S, L> Layer<S> for Console<L>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    L: Layer<S>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Layer::<S>::register_callsite(&self.filter, metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.shows(metadata, &context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Layer::<S>::max_level_hint(&self.filter)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let shown = self.shows(attributes.metadata(), &context);
        Layer::on_new_span(&self.filter, attributes, id, context.clone());
        if shown {
            self.lines.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        Layer::on_record(&self.filter, id, values, context.clone());
        if context.metadata(id).is_some_and(|metadata| self.shows(metadata, &context)) {
            self.lines.on_record(id, values, context);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.shows(event.metadata(), &context) {
            self.lines.on_event(event, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        Layer::on_enter(&self.filter, id, context.clone());
        self.lines.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        Layer::on_exit(&self.filter, id, context.clone());
        self.lines.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        Layer::on_close(&self.filter, id.clone(), context.clone());
        self.lines.on_close(id, context);
    }
}
