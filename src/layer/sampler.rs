//! Whether a trace is sampled: one rule for the gate and for the SDK, so that both always agree.
//!
//! The decision is a function of the parent's flag and the trace id alone. That lets the gate decide before anything
//! is built, and lets the SDK find the same answer later, also for spans that the application starts with the
//! OpenTelemetry API itself.

use opentelemetry::trace::{Link, SpanContext, SpanKind, SpanRef, TraceContextExt};
use opentelemetry::{Context, KeyValue, TraceId};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::Sampler;

/// A [`Sampler`] made ready to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    /// Whether a parent's decision is taken over.
    parent_based: bool,
    root: Root,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    On,
    Off,
    /// Sampled when the lower 63 bits taken from the trace id are below this number.
    Below(u64),
}

impl Rule {
    pub(super) fn new(sampler: &Sampler) -> Self {
        match sampler {
            Sampler::AlwaysOn => Self { parent_based: false, root: Root::On },
            Sampler::AlwaysOff => Self { parent_based: false, root: Root::Off },
            Sampler::TraceIdRatio(ratio) if *ratio >= 1.0 => Self { parent_based: false, root: Root::On },
            Sampler::TraceIdRatio(ratio) => Self { parent_based: false, root: Root::Below(bound(*ratio)) },
            Sampler::ParentBased(root) => Self { parent_based: true, ..Self::new(root) },
        }
    }

    /// Whether the parent's flag alone decides where there is a parent.
    #[inline]
    pub(super) fn follows_parent(self) -> bool {
        self.parent_based
    }

    /// The decision for a span with this trace id and a parent (if any) with this flag.
    #[inline]
    pub(super) fn samples(self, parent: Option<bool>, trace_id: TraceId) -> bool {
        match (parent, self.root) {
            (Some(sampled), _) if self.parent_based => sampled,
            (_, Root::On) => true,
            (_, Root::Off) => false,
            (_, Root::Below(bound)) => random_part(trace_id) < bound,
        }
    }
}

/// The share as a bound for 63-bit numbers, computed as the SDK does, so that other services that sample by the same
/// ratio keep the same traces.
fn bound(ratio: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the ratio lies between 0 and 1")]
    let bound = (ratio.max(0.0) * (1_u64 << 63) as f64) as u64;
    bound
}

#[inline]
fn random_part(trace_id: TraceId) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let low = u128::from_be_bytes(trace_id.to_bytes()) as u64;
    low >> 1
}

impl ShouldSample for Rule {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let span = parent.map(TraceContextExt::span);
        let parent = span.as_ref().map(SpanRef::span_context).filter(|parent| parent.is_valid());
        let sampled = self.samples(parent.map(SpanContext::is_sampled), trace_id);
        SamplingResult {
            // Never `RecordOnly`: the SDK's batch processor exports such spans.
            decision: if sampled { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop },
            attributes: Vec::new(),
            trace_state: parent.map(|parent| parent.trace_state().clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::trace as sdk;

    use super::*;
    use crate::layer::ids;

    #[test]
    fn a_ratio_keeps_exactly_the_traces_that_the_sdk_keeps() {
        for ratio in [-1.0, 0.0, 0.000_1, 0.01, 0.3, 0.5, 0.999, 1.0, 2.0] {
            let theirs = sdk::Sampler::TraceIdRatioBased(ratio);
            let ours = Rule::new(&Sampler::TraceIdRatio(ratio));
            for _ in 0..2_000 {
                let id = ids::trace_id();
                let decision = theirs.should_sample(None, id, "", &SpanKind::Internal, &[], &[]).decision;
                let sampled = decision == SamplingDecision::RecordAndSample;
                assert_eq!(ours.samples(None, id), sampled, "ratio {ratio}, trace {id}");
            }
        }
    }

    #[test]
    fn only_a_parent_based_sampler_follows_its_parent() {
        let id = TraceId::from(u128::MAX);
        let based = |root| Sampler::ParentBased(Box::new(root));
        let cases = [
            (Sampler::AlwaysOn, [true, true, true]),
            (Sampler::AlwaysOff, [false, false, false]),
            (Sampler::TraceIdRatio(0.5), [false, false, false]),
            (based(Sampler::AlwaysOn), [true, true, false]),
            (based(Sampler::AlwaysOff), [false, true, false]),
            (based(Sampler::TraceIdRatio(0.5)), [false, true, false]),
        ];
        for (sampler, expected) in cases {
            let rule = Rule::new(&sampler);
            let decided = [None, Some(true), Some(false)].map(|parent| rule.samples(parent, id));
            assert_eq!(decided, expected, "{sampler:?}: without a parent, with a sampled one, with an unsampled one");
        }
    }
}
