//! What is kept of one live span.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use opentelemetry::trace::{SpanId, SpanKind, TraceId};

use super::cover::Cover;
use crate::layer::ids;
use crate::layer::symbols::Symbol;

/// Dimensions whose symbols lie in the slot itself; the symbols of further ones lie in a side map (see
/// [`super::Spans`]).
pub(crate) const INLINE_DIMENSIONS: usize = 7;

/// Dimensions that a span is found by with few steps; those who have more take a slower way.
pub(crate) const USUAL_DIMENSIONS: usize = 4;

/// The state of one live span: 120 bytes, of which the first half is what opening and closing touch. All fields are atomics, because any thread may enter,
/// record on, or close any span; none of them orders another, so every access is relaxed. What orders them is the tag
/// (see [`super::Spans`]) and the host's own hand-over of the span between threads.
///
/// | field | written by | when |
/// |---|---|---|
/// | `start`, `parent`, `callsite`, `cover`, `end` | metrics (`measure`) | open, enter, exit, close |
/// | `name`, `error`, `symbols`, status, kind | metrics (`fields`, `events`) | open, record, event |
/// | status | also the gate, which sees `set_status` on recorded spans | before metrics close the span |
/// | `trace_id`, [`Slot::RECORDED`], [`Slot::SAMPLED`], [`Slot::DECIDED`], [`Slot::IDS_KNOWN`] | the gate | open, or when the decision falls |
/// | `span_id` | whoever asks for it first | |
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Slot {
    /// Id of the span that the slot belongs to; 0 when it is free.
    pub(super) tag: AtomicU64,
    /// Clock ticks at which the span was opened.
    pub(crate) start: AtomicU64,
    /// Time that the children cover.
    pub(crate) cover: Cover,
    /// Clock ticks of the last exit that left children open; 0 when there is none. The span ended there, unless it is
    /// entered again.
    pub(crate) end: AtomicU64,
    /// Nanoseconds that children had covered at `end`.
    pub(crate) end_cover: AtomicU64,
    /// The parent's id; 0 without a parent.
    parent: AtomicU64,
    /// The callsite's number in [`crate::layer::callsite::Callsites`].
    pub(crate) callsite: AtomicU32,
    flags: AtomicU32,
    /// Symbol of `otel.name`, when the span has one.
    pub(crate) name: AtomicU32,
    /// Symbol of `error.type`, when it is known.
    pub(crate) error: AtomicU32,
    trace_id: [AtomicU64; 2],
    span_id: AtomicU64,
    /// Symbol of the name under which the span is counted as in flight; it stays when `otel.name` changes later.
    pub(crate) opened_name: AtomicU32,
    /// Symbols of the callsite's dimensions, in the callsite's order.
    pub(crate) symbols: [AtomicU32; INLINE_DIMENSIONS],
}

/// A span's status as the specification has it: `Ok` is final, `Error` beats `Unset`
/// (<https://opentelemetry.io/docs/specs/otel/trace/api/#set-status>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Status {
    Unset = 0,
    Error = 1,
    Ok = 2,
}

const STATUS_MASK: u32 = 0b11;
const KIND_SHIFT: u32 = 2;
const OPENED_KIND_SHIFT: u32 = 5;
const KIND_MASK: u32 = 0b111;

impl Slot {
    /// The gate has a record of the span.
    pub(crate) const RECORDED: u32 = 1 << 8;
    /// The trace is sampled.
    pub(crate) const SAMPLED: u32 = 1 << 9;
    /// The sampling decision has fallen.
    pub(crate) const DECIDED: u32 = 1 << 10;
    /// The slot belongs to the overflow.
    pub(super) const OVERFLOWN: u32 = 1 << 31;
    /// The trace id holds what will be exported, and the span id does once it is drawn.
    pub(crate) const IDS_KNOWN: u32 = 1 << 11;

    /// The span has a parent that no span of this layer is: one of another process, or of OpenTelemetry's API.
    pub(crate) const ADOPTED: u32 = 1 << 12;

    /// Makes a claimed slot new, but for what every span writes when it opens: callsite and start.
    #[inline]
    pub(super) fn reset(&self) {
        self.cover.reset();
        // `end_cover` goes with `end`.
        for word in [&self.end, &self.parent] {
            word.store(0, Ordering::Relaxed);
        }
        for word in [&self.flags, &self.name, &self.error, &self.opened_name] {
            word.store(0, Ordering::Relaxed);
        }
        for symbol in &self.symbols[..USUAL_DIMENSIONS] {
            symbol.store(0, Ordering::Relaxed);
        }
    }

    /// The same for the dimensions that few callsites have so many of.
    #[cold]
    pub(crate) fn reset_unusual_dimensions(&self) {
        for symbol in &self.symbols[USUAL_DIMENSIONS..] {
            symbol.store(0, Ordering::Relaxed);
        }
    }

    /// Which of the flags in `mask` are set.
    #[inline]
    pub(crate) fn flags(&self, mask: u32) -> u32 {
        self.flags.load(Ordering::Relaxed) & mask
    }

    /// Sets flags; for a span that other threads know.
    #[inline]
    pub(crate) fn set_flags(&self, flags: u32) {
        self.flags.fetch_or(flags, Ordering::Relaxed);
    }

    /// Sets flags of a span that is being opened, which no other thread knows: no locked instruction.
    #[inline]
    pub(crate) fn set_flags_while_opening(&self, flags: u32) {
        self.flags.store(self.flags.load(Ordering::Relaxed) | flags, Ordering::Relaxed);
    }

    /// The sampling decision has fallen, and is perhaps not the one foreseen.
    pub(crate) fn set_decision(&self, sampled: bool) {
        let sampled = if sampled { Self::SAMPLED } else { 0 };
        self.replace(Self::SAMPLED, Self::DECIDED | sampled);
    }

    /// The decision has fallen against the span: there is no record any more.
    pub(crate) fn forget_record(&self) {
        self.replace(Self::RECORDED, Self::DECIDED);
    }

    /// The trace and span id, of a span that the gate has seen.
    #[inline]
    pub(crate) fn ids(&self) -> (TraceId, SpanId) {
        let high = self.trace_id[0].load(Ordering::Relaxed);
        let low = self.trace_id[1].load(Ordering::Relaxed);
        let trace = (u128::from(high) << 64) | u128::from(low);
        let span = match self.span_id.load(Ordering::Relaxed) {
            0 => self.draw_span_id(),
            span => SpanId::from(span),
        };
        (TraceId::from(trace), span)
    }

    /// Most spans of unsampled traces are never asked for their id, so that it is drawn when they are.
    #[cold]
    fn draw_span_id(&self) -> SpanId {
        let drawn = u64::from_be_bytes(ids::span_id().to_bytes());
        let known = self.span_id.compare_exchange(0, drawn, Ordering::Relaxed, Ordering::Relaxed);
        // Of two threads that ask at the same time the first decides.
        SpanId::from(known.err().unwrap_or(drawn))
    }

    /// Makes the span one of this trace; its own id is not drawn yet.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
    pub(crate) fn set_trace_id(&self, trace: TraceId) {
        let trace = u128::from_be_bytes(trace.to_bytes());
        self.trace_id[0].store((trace >> 64) as u64, Ordering::Relaxed);
        self.trace_id[1].store(trace as u64, Ordering::Relaxed);
        self.span_id.store(0, Ordering::Relaxed);
    }

    /// The same with the trace of another span.
    #[inline]
    pub(crate) fn take_trace_id_of(&self, other: &Self) {
        for (to, from) in self.trace_id.iter().zip(&other.trace_id) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.span_id.store(0, Ordering::Relaxed);
    }

    /// Stores the ids under which the span is exported.
    pub(crate) fn set_ids(&self, trace: TraceId, span: SpanId) {
        self.set_trace_id(trace);
        self.span_id.store(u64::from_be_bytes(span.to_bytes()), Ordering::Relaxed);
    }

    /// The parent's id.
    #[inline]
    pub(crate) fn parent(&self) -> Option<u64> {
        let id = self.parent.load(Ordering::Relaxed);
        (id != 0).then_some(id)
    }

    #[inline]
    pub(crate) fn set_parent(&self, id: u64) {
        self.parent.store(id, Ordering::Relaxed);
    }

    /// The status so far.
    #[inline]
    pub(crate) fn status(&self) -> Status {
        self.traits().status()
    }

    /// Status, kind and flags in one look.
    #[inline]
    pub(crate) fn traits(&self) -> Traits {
        Traits(self.flags.load(Ordering::Relaxed))
    }

    /// Raises the status: `Ok` is final, `Unset` changes nothing.
    pub(crate) fn set_status(&self, status: Status) {
        // The bits of `Error` and `Ok` are distinct, and a reader takes both together for `Ok`: no loop is needed.
        self.set_flags(status as u32);
    }

    /// The symbol of `error.type`, when it is known.
    pub(in crate::layer) fn error(&self) -> Symbol {
        Symbol(self.error.load(Ordering::Relaxed))
    }

    /// The span's kind: `otel.kind`, else internal.
    pub(crate) fn kind(&self) -> SpanKind {
        decode_kind(self.traits().kind())
    }

    /// The kind under which the span is counted as in flight.
    pub(crate) fn opened_kind(&self) -> SpanKind {
        decode_kind(self.traits().opened_kind())
    }

    pub(crate) fn set_kind(&self, kind: &SpanKind) {
        self.replace(KIND_MASK << KIND_SHIFT, encode_kind(kind) << KIND_SHIFT);
    }

    /// The span was opened: its kind is from now on the one under which it is counted as in flight.
    #[inline]
    pub(crate) fn keep_opened_kind(&self) {
        let kind = self.flags(KIND_MASK << KIND_SHIFT);
        if kind != 0 {
            self.set_flags_while_opening(kind << (OPENED_KIND_SHIFT - KIND_SHIFT));
        }
    }

    fn replace(&self, mask: u32, bits: u32) {
        let mut flags = self.flags.load(Ordering::Relaxed);
        while let Err(newer) =
            self.flags.compare_exchange_weak(flags, (flags & !mask) | bits, Ordering::Relaxed, Ordering::Relaxed)
        {
            flags = newer;
        }
    }
}

/// What the flags of a slot said at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Traits(u32);

impl Traits {
    #[inline]
    pub(crate) fn status(self) -> Status {
        match self.0 & STATUS_MASK {
            0 => Status::Unset,
            1 => Status::Error,
            _ => Status::Ok,
        }
    }

    /// The kind as a number, 0 for internal.
    #[inline]
    pub(crate) fn kind(self) -> u32 {
        (self.0 >> KIND_SHIFT) & KIND_MASK
    }

    /// The kind under which the span is counted as in flight, as a number.
    #[inline]
    pub(crate) fn opened_kind(self) -> u32 {
        (self.0 >> OPENED_KIND_SHIFT) & KIND_MASK
    }

    /// Status and kind as one number.
    #[inline]
    pub(crate) fn variant(self) -> u32 {
        self.0 & (STATUS_MASK | KIND_MASK << KIND_SHIFT)
    }

    /// Whether one of the flags in `mask` is set.
    #[inline]
    pub(crate) fn has(self, mask: u32) -> bool {
        self.0 & mask != 0
    }
}

fn encode_kind(kind: &SpanKind) -> u32 {
    match kind {
        SpanKind::Internal => 0,
        SpanKind::Server => 1,
        SpanKind::Client => 2,
        SpanKind::Producer => 3,
        SpanKind::Consumer => 4,
    }
}

fn decode_kind(bits: u32) -> SpanKind {
    match bits {
        1 => SpanKind::Server,
        2 => SpanKind::Client,
        3 => SpanKind::Producer,
        4 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_takes_120_bytes() {
        assert_eq!(size_of::<Slot>(), 120);
    }

    #[test]
    fn ids_kind_and_flags_do_not_disturb_each_other() {
        let slot = Slot::default();
        let ids = (TraceId::from(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10), SpanId::from(0xf1f2_f3f4_f5f6_f7f8));
        slot.set_ids(ids.0, ids.1);
        slot.set_kind(&SpanKind::Client);
        slot.keep_opened_kind();
        slot.set_status(Status::Error);
        slot.set_flags(Slot::SAMPLED);
        slot.set_kind(&SpanKind::Server);
        assert_eq!(slot.ids(), ids);
        assert_eq!(
            (slot.kind(), slot.opened_kind(), slot.status()),
            (SpanKind::Server, SpanKind::Client, Status::Error)
        );
        assert_eq!(slot.flags(Slot::SAMPLED | Slot::RECORDED), Slot::SAMPLED);
    }

    #[test]
    fn ok_is_final_and_error_beats_unset() {
        for (given, expected) in [
            (vec![Status::Error, Status::Unset], Status::Error),
            (vec![Status::Ok, Status::Error], Status::Ok),
            (vec![Status::Error, Status::Ok], Status::Ok),
            (vec![Status::Unset], Status::Unset),
        ] {
            let slot = Slot::default();
            for status in &given {
                slot.set_status(*status);
            }
            assert_eq!(slot.status(), expected, "{given:?}");
        }
    }
}
