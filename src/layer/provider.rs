//! Where finished spans go, and the SDK's tracer provider, set up so that the gate and the SDK decide alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanLimits, SpanProcessor};

use super::ids::Ids;
use super::sampler::Rule;
use super::{Config, Limits};
use crate::internal::{Counter, Internal};

/// Where sampled spans go, and the SDK's provider that sends there what the application starts with the OpenTelemetry API.
#[derive(Debug, Clone)]
pub struct Traces {
    provider: SdkTracerProvider,
    pub(super) processors: Arc<Processors>,
}

impl Traces {
    /// `processors` see every sampled span when it ends, with the limits of [`Config::limits`] applied and what they
    /// took counted. Of the spans that start they see those which the SDK starts: the layer's own are no spans of the SDK
    /// unless tracing-opentelemetry was asked for them.
    pub fn new(
        config: &Config,
        resource: Resource,
        mut processors: Vec<Box<dyn SpanProcessor>>,
        internal: &Arc<Internal>,
    ) -> Self {
        for processor in &mut processors {
            processor.set_resource(&resource);
        }
        let processors = Arc::new(Processors {
            all: processors,
            limit: config.limits.span_value_length,
            internal: Arc::clone(internal),
            is_shut_down: AtomicBool::new(false),
        });
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Rule::new(&config.sampler))
            .with_id_generator(Ids)
            .with_span_limits(span_limits(&config.limits))
            .with_span_processor(Shared(Arc::clone(&processors)))
            .build();
        Self { provider, processors }
    }

    /// For the application's own use of the OpenTelemetry API.
    pub fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }
}

fn span_limits(limits: &Limits) -> SpanLimits {
    let limit = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    SpanLimits {
        max_events_per_span: limit(limits.span_events),
        max_attributes_per_span: limit(limits.span_attributes),
        max_links_per_span: limit(limits.span_links),
        max_attributes_per_event: limit(limits.event_attributes),
        max_attributes_per_link: limit(limits.link_attributes),
    }
}

/// Applies the length limit of values, which the SDK does not know, and counts what limits took.
#[derive(Debug)]
pub(super) struct Processors {
    all: Vec<Box<dyn SpanProcessor>>,
    /// Longest text value, in characters.
    limit: Option<usize>,
    internal: Arc<Internal>,
    is_shut_down: AtomicBool,
}

impl Processors {
    fn trim(&self, span: &mut SpanData) {
        let dropped = span.dropped_attributes_count
            + span.events.iter().map(|event| event.dropped_attributes_count).sum::<u32>()
            + span.links.iter().map(|link| link.dropped_attributes_count).sum::<u32>();
        if dropped > 0 {
            self.internal.add(Counter::AttributeDropped, dropped.into());
        }
        let Some(limit) = self.limit else { return };
        let events = span.events.events.iter_mut().map(|event| &mut event.attributes);
        let links = span.links.links.iter_mut().map(|link| &mut link.attributes);
        let cut: u64 =
            std::iter::once(&mut span.attributes).chain(events).chain(links).map(|all| cut(all, limit)).sum();
        if cut > 0 {
            self.internal.add(Counter::AttributeTruncated, cut);
        }
    }

    /// A sampled span has ended. After the provider's shutdown, nobody wants it.
    #[inline]
    pub(super) fn end(&self, mut span: SpanData) {
        let Some((last, others)) = self.all.split_last() else { return };
        if self.is_shut_down.load(Ordering::Relaxed) {
            return;
        }
        self.trim(&mut span);
        for processor in others {
            processor.on_end(span.clone());
        }
        last.on_end(span);
    }

    fn each(&self, mut f: impl FnMut(&dyn SpanProcessor) -> OTelSdkResult) -> OTelSdkResult {
        // All of them get the call; the first failure is told.
        self.all.iter().map(|processor| f(&**processor)).fold(Ok(()), OTelSdkResult::and)
    }
}

/// The processors as the SDK knows them. They have their resource already.
#[derive(Debug)]
struct Shared(Arc<Processors>);

impl SpanProcessor for Shared {
    fn on_start(&self, span: &mut Span, context: &Context) {
        for processor in &self.0.all {
            processor.on_start(span, context);
        }
    }

    fn on_end(&self, span: SpanData) {
        self.0.end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.each(|processor| processor.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.is_shut_down.store(true, Ordering::Relaxed);
        self.0.each(|processor| processor.shutdown_with_timeout(timeout))
    }
}

/// Cuts texts, alone and in arrays, to `limit` characters; how many attributes were cut.
fn cut(attributes: &mut [KeyValue], limit: usize) -> u64 {
    let cut_one = |text: &mut StringValue| {
        let end = text.as_str().char_indices().nth(limit).map(|(end, _)| end);
        if let Some(end) = end {
            *text = text.as_str()[..end].to_owned().into();
        }
        end.is_some()
    };
    let cut = attributes.iter_mut().filter_map(|attribute| match &mut attribute.value {
        Value::String(text) => Some(cut_one(text)),
        Value::Array(Array::String(texts)) => Some(texts.iter_mut().map(cut_one).fold(false, |any, cut| any | cut)),
        _ => None,
    });
    cut.filter(|cut| *cut).count() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry::trace::{
        Span as _, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
    };

    use super::*;
    use crate::layer::Sampler;

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanProcessor for Kept {
        fn on_start(&self, _: &mut Span, _: &Context) {}
        fn on_end(&self, span: SpanData) {
            self.0.lock().unwrap().push(span);
        }
        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }
        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    #[test]
    fn limits_apply_to_attributes_events_and_links_and_what_they_take_is_counted() {
        let limits =
            Limits { span_value_length: Some(3), span_attributes: 2, event_attributes: 1, ..Limits::default() };
        let config = Config { limits, sampler: Sampler::AlwaysOn, ..Config::default() };
        let (first, second, internal) = (Kept::default(), Kept::default(), Arc::new(Internal::default()));
        let processors: Vec<Box<dyn SpanProcessor>> = vec![Box::new(first.clone()), Box::new(second.clone())];
        let traces = Traces::new(&config, Resource::builder_empty().build(), processors, &internal);

        let mut span = traces.provider().tracer("test").start("span");
        span.set_attribute(KeyValue::new("long", "äöüß"));
        span.set_attribute(KeyValue::new("many", Value::Array(vec![StringValue::from("a"), "12345".into()].into())));
        span.set_attribute(KeyValue::new("too many", 1));
        span.add_event("event", vec![KeyValue::new("a", "abcd"), KeyValue::new("b", 1)]);
        let other =
            SpanContext::new(TraceId::from(1), SpanId::from(1), TraceFlags::SAMPLED, true, TraceState::default());
        span.add_link(other, vec![KeyValue::new("a", "abcd")]);
        span.end();

        let spans = first.0.lock().unwrap();
        assert_eq!(*spans, *second.0.lock().unwrap());
        let span = &spans[0];
        let many = Value::Array(vec![StringValue::from("a"), "123".into()].into());
        assert_eq!(span.attributes, [KeyValue::new("long", "äöü"), KeyValue::new("many", many)]);
        assert_eq!(span.events.events[0].attributes, [KeyValue::new("a", "abc")]);
        assert_eq!(span.links.links[0].attributes, [KeyValue::new("a", "abc")]);
        assert_eq!(internal.counted(Counter::AttributeDropped), 2);
        assert_eq!(internal.counted(Counter::AttributeTruncated), 4);
    }
}
