//! The samples of one series: the newest as they are, the others in blocks.

use std::cmp::Ordering;
use std::sync::Arc;

use super::codec::{BLOCK, decode, decode_histograms, encode, encode_histograms};
use super::read::Read;
use super::timeline::{Next, Part, Place, Timeline, Timelines};
use super::translate::native;
use crate::model::{NativeHistogram, STALE, Sample, SampleValue, is_stale};

/// Samples at most that are kept as they came: minutes, at the usual interval of ten seconds.
const OPEN: usize = 16;

/// Why a sample was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is older than the newest one.
    OutOfOrder,
    /// There is another value at its time.
    Duplicate,
}

/// All samples of a series.
///
/// The newest, at most [`OPEN`], are open: values as they came. When one more comes, or one that does not go with them
/// (another kind of value, another start), they are encoded behind the bytes of the blocks before, together with the last
/// block where that is not full.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// The encoded blocks, oldest first.
    heads: Vec<Head>,
    /// Their bytes, one after another.
    bytes: Vec<u8>,
    /// Where the open samples lie; `None` before the first sample.
    place: Option<Place>,
    /// The start time of the open samples.
    start: i64,
    values: Values,
}

/// What is known of an encoded block without reading it.
#[derive(Debug)]
struct Head {
    timeline: Arc<Timeline>,
    from: u8,
    len: u8,
    form: Form,
    /// Its bytes begin with its start time, as the block after it has another one.
    starts: bool,
    size: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Floats,
    Histograms,
}

/// The open samples.
#[derive(Debug)]
enum Values {
    Floats(Vec<f64>),
    Histograms(Vec<Arc<NativeHistogram>>),
}

impl Blocks {
    /// Adds a sample behind the others. The same sample again is no error, as in Prometheus.
    pub(super) fn append(&mut self, sample: Sample, timelines: &mut Timelines) -> Result<(), Refused> {
        let Sample { time, start, mut value } = sample;
        // A marker takes the kind of the series that it ends, as in Prometheus.
        if matches!(value, SampleValue::Float(value) if is_stale(value)) {
            value = self.values.marker();
        }
        match self.place.as_ref().map(|place| place.part().last().cmp(&time)) {
            Some(Ordering::Greater) => return Err(Refused::OutOfOrder),
            Some(Ordering::Equal) if self.values.end_with(&value) => return Ok(()),
            Some(Ordering::Equal) => return Err(Refused::Duplicate),
            Some(Ordering::Less) | None => {}
        }
        self.add(Sample { time, start, value }, timelines);
        Ok(())
    }

    /// Adds a sample that is later than the others.
    fn add(&mut self, Sample { time, start, value }: Sample, timelines: &mut Timelines) {
        match timelines.next(self.place.as_ref(), time) {
            Next::There(place) => self.begin(place, start),
            Next::Moved(place) => self.place = Some(place),
            Next::Here => {}
        }
        let goes_with = start == self.start && self.values.takes(&value) && self.values.len() < OPEN;
        let fits = self.values.is_empty() || goes_with;
        if let Some(place) = self.place.as_ref().filter(|_| !fits) {
            let place = Place { timeline: Arc::clone(&place.timeline), from: place.from + place.len, len: 0 };
            self.begin(place, start);
        }
        self.values.push(value);
        if let Some(place) = &mut self.place {
            place.len += 1;
        }
    }

    /// Adds a staleness marker of the series' kind, unless one is there or a sample as new.
    pub(super) fn end(&mut self, time: i64, timelines: &mut Timelines) {
        let before = self.place.as_ref().is_some_and(|place| place.part().last() < time);
        if before && !self.values.ended() {
            self.add(Sample { time, start: self.start, value: self.values.marker() }, timelines);
        }
    }

    /// The newest sample that is later than `after` and not later than `until`.
    pub(super) fn newest(&self, after: i64, until: i64) -> Option<Sample> {
        let part = self.place.as_ref()?.part();
        if part.last() > until {
            // One who looks at an earlier time: seldom enough to read all up to there.
            let mut samples = Vec::new();
            self.read(after, until, &mut samples);
            return samples.pop();
        }
        let time = part.last();
        let value = if time > after { self.values.last() } else { None };
        value.map(|value| Sample { time, start: self.start, value })
    }

    /// The samples later than `after` and not later than `until`, added to `samples`.
    pub(super) fn read(&self, after: i64, until: i64, samples: &mut impl Read) {
        let Some(open) = self.place.as_ref().filter(|_| !self.values.is_empty()) else { return };
        // Back to the first block that has something, remembering the starts that changed on the way.
        let (mut first, mut at) = (self.heads.len(), self.bytes.len());
        let mut starts: Vec<(usize, i64)> = Vec::new();
        while let Some(head) = first.checked_sub(1).and_then(|before| self.heads.get(before)) {
            if head.part().last() <= after {
                break;
            }
            first -= 1;
            at = at.saturating_sub(head.size as usize);
            starts.extend(head.start(self.bytes.get(at..).unwrap_or_default()).map(|start| (first, start)));
        }
        let encoded = self.heads.iter().skip(first).map(|head| usize::from(head.len));
        samples.reserve(self.values.form(), encoded.sum::<usize>() + self.values.len());
        for (index, head) in self.heads.iter().enumerate().skip(first) {
            if head.part().first() > until {
                return;
            }
            while starts.last().is_some_and(|(changed, _)| *changed < index) {
                starts.pop();
            }
            let start = starts.last().map_or(self.start, |(_, start)| *start);
            let bytes = self.bytes.get(at..).unwrap_or_default();
            at += head.size as usize;
            head.read(bytes, start, after, until, samples);
        }
        let range = open.part().within(after, until);
        match &self.values {
            Values::Floats(values) => samples.floats(open.part(), range, values, self.start),
            Values::Histograms(values) => samples.histograms(open.part(), range, values, self.start),
        }
    }

    /// The times of the oldest two samples that are later than `after` and not later than `until`; no value is read.
    pub(super) fn oldest(&self, after: i64, until: i64) -> [Option<i64>; 2] {
        let begin = self.heads.partition_point(|head| head.part().last() <= after);
        let encoded = self.heads.iter().skip(begin).map(Head::part);
        let open = self.place.as_ref().filter(|_| !self.values.is_empty()).map(Place::part);
        let mut times = encoded.chain(open).flat_map(|part| part.slice(part.within(after, until)).times());
        [times.next(), times.next()]
    }

    /// The time of the oldest sample.
    pub(super) fn first(&self) -> Option<i64> {
        let encoded = self.heads.first().map(|head| head.part().first());
        encoded.or_else(|| self.place.as_ref().map(|place| place.part().first()))
    }

    /// The time of the newest sample.
    pub(super) fn last(&self) -> Option<i64> {
        self.place.as_ref().map(|place| place.part().last())
    }

    /// Drops the blocks that end at `until` or before, and returns how many samples were in them.
    pub(super) fn evict(&mut self, until: i64) -> usize {
        let old = self.heads.iter().take_while(|head| head.part().last() <= until).count();
        let size: usize = self.heads.iter().take(old).map(|head| head.size as usize).sum();
        let mut dropped: usize = self.heads.drain(..old).map(|head| usize::from(head.len)).sum();
        self.bytes.drain(..size.min(self.bytes.len()));
        if self.place.as_ref().is_some_and(|place| place.part().last() <= until) {
            dropped += self.values.len();
            *self = Self::default();
        }
        dropped
    }

    /// Whether there is no sample.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bytes on the heap, near enough: shared times are not counted here.
    pub(super) fn size(&self) -> usize {
        self.heads.capacity() * size_of::<Head>() + self.bytes.capacity() + self.values.size()
    }

    /// Closes what is open, and opens a block at `place`.
    fn begin(&mut self, place: Place, start: i64) {
        let before = self.place.replace(place).filter(|_| !self.values.is_empty());
        let starts = self.start != start;
        let ended = std::mem::replace(&mut self.start, start);
        let Some(Place { timeline, from, len }) = before else { return };
        let mut head = Head { timeline, from, len, form: self.values.form(), starts, size: 0 };
        let mut bytes = Vec::with_capacity(BLOCK * size_of::<f64>());
        if starts {
            bytes.extend(ended.to_le_bytes());
        }
        let whole = self.heads.pop_if(|last| last.goes_on_with(&head));
        let at = self.bytes.len() - whole.as_ref().map_or(0, |whole| whole.size as usize);
        if let Some(whole) = whole {
            (head.from, head.len) = (whole.from, whole.len + head.len);
            self.values.prepend(self.bytes.get(at..).unwrap_or_default(), usize::from(whole.len));
        }
        self.values.encode(&mut bytes);
        head.size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.bytes.truncate(at);
        // A list that doubles would be half empty most of the time.
        self.bytes.reserve_exact(bytes.len());
        self.bytes.extend(bytes);
        self.heads.reserve_exact(1);
        self.heads.push(head);
    }
}

impl Head {
    fn part(&self) -> Part<'_> {
        Part { timeline: &self.timeline, from: self.from, len: self.len }
    }

    /// The start time that its bytes begin with, if they do.
    fn start(&self, bytes: &[u8]) -> Option<i64> {
        bytes.first_chunk().filter(|_| self.starts).map(|start| i64::from_le_bytes(*start))
    }

    /// Whether another block's samples can lie in this one, behind its own.
    fn goes_on_with(&self, next: &Self) -> bool {
        let end = usize::from(self.from) + usize::from(self.len);
        Arc::ptr_eq(&self.timeline, &next.timeline)
            && end == usize::from(next.from)
            && self.form == next.form
            && !self.starts
            && end + usize::from(next.len) <= BLOCK
    }

    fn read(&self, bytes: &[u8], start: i64, after: i64, until: i64, samples: &mut impl Read) {
        let mut bytes = bytes.get(if self.starts { size_of::<i64>() } else { 0 }..).unwrap_or_default();
        let (part, len) = (self.part(), usize::from(self.len).min(BLOCK));
        let range = part.within(after, until);
        match self.form {
            Form::Floats => {
                let mut values = [0.0; BLOCK];
                decode(&mut bytes, &mut values[..len], range.start);
                samples.floats(part, range, &values, start);
            }
            Form::Histograms => {
                let values: Vec<_> = decode_histograms(bytes, len).into_iter().map(Arc::new).collect();
                samples.histograms(part, range, &values, start);
            }
        }
    }
}

impl Default for Values {
    fn default() -> Self {
        Self::Floats(Vec::new())
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Histograms(values) => values.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn form(&self) -> Form {
        match self {
            Self::Floats(_) => Form::Floats,
            Self::Histograms(_) => Form::Histograms,
        }
    }

    /// Puts the values of an encoded block before these.
    fn prepend(&mut self, mut bytes: &[u8], len: usize) {
        match self {
            Self::Floats(values) => {
                let mut before = [0.0; BLOCK];
                let before = &mut before[..len.min(BLOCK)];
                decode(&mut bytes, before, 0);
                values.splice(..0, before.iter().copied());
            }
            Self::Histograms(values) => {
                values.splice(..0, decode_histograms(bytes, len).into_iter().map(Arc::new));
            }
        }
    }

    /// Encodes them, and keeps none.
    fn encode(&mut self, bytes: &mut Vec<u8>) {
        match self {
            Self::Floats(values) => encode(&std::mem::take(values), bytes),
            Self::Histograms(values) => encode_histograms(&std::mem::take(values), bytes),
        }
    }

    /// Whether a value is of the same kind.
    fn takes(&self, value: &SampleValue) -> bool {
        match value {
            SampleValue::Float(_) => matches!(self, Self::Floats(_)),
            SampleValue::Histogram(_) => matches!(self, Self::Histograms(_)),
        }
    }

    fn push(&mut self, value: SampleValue) {
        match (&mut *self, value) {
            (Self::Floats(values), SampleValue::Float(value)) => values.push(value),
            (Self::Histograms(values), SampleValue::Histogram(value)) => values.push(value),
            (_, SampleValue::Float(value)) => *self = Self::Floats(vec![value]),
            (_, SampleValue::Histogram(value)) => *self = Self::Histograms(vec![value]),
        }
    }

    fn last(&self) -> Option<SampleValue> {
        match self {
            Self::Floats(values) => values.last().copied().map(SampleValue::Float),
            Self::Histograms(values) => values.last().cloned().map(SampleValue::Histogram),
        }
    }

    /// Whether the newest value is this one, to the bit.
    fn end_with(&self, value: &SampleValue) -> bool {
        match (self, value) {
            (Self::Floats(values), SampleValue::Float(value)) => {
                values.last().is_some_and(|last| last.to_bits() == value.to_bits())
            }
            (Self::Histograms(values), SampleValue::Histogram(value)) => {
                values.last().is_some_and(|last| last == value || is_stale(last.sum) && is_stale(value.sum))
            }
            _ => false,
        }
    }

    /// The staleness marker of this kind.
    fn marker(&self) -> SampleValue {
        match self {
            Self::Floats(_) => SampleValue::Float(STALE),
            Self::Histograms(_) => SampleValue::Histogram(Arc::new(native::stale())),
        }
    }

    /// Whether the newest value is a staleness marker.
    fn ended(&self) -> bool {
        match self {
            Self::Floats(values) => values.last().is_some_and(|last| is_stale(*last)),
            Self::Histograms(values) => values.last().is_some_and(|last| is_stale(last.sum)),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Floats(values) => values.capacity() * size_of::<f64>(),
            Self::Histograms(values) => values.iter().map(|histogram| histogram_size(histogram)).sum(),
        }
    }
}

fn histogram_size(histogram: &NativeHistogram) -> usize {
    let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
    let buckets = histogram.positive_buckets.len() + histogram.negative_buckets.len();
    size_of::<NativeHistogram>() + size_of::<Arc<NativeHistogram>>() + (spans + buckets) * size_of::<f64>()
}
